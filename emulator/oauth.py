"""Google's OAuth endpoints for web server applications: consent, token, revocation.

Sources: developers.google.com/identity/protocols/oauth2/web-server, RFC 6749, RFC 7636 (PKCE, S256 only),
RFC 7009. A refresh token is given for access_type=offline with prompt=consent, or with the first consent.
"""

import asyncio
import time
from base64 import b64decode
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from emulator import grants as tokens
from emulator import ledger
from emulator.consent import consent_page, error_page
from emulator.errors import error_body
from emulator.faults import Fault, refusal_of, strike
from emulator.grants import Client, Code, Grant, OAuthError
from emulator.settings import Settings
from emulator.world import World

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}


async def ask(world: World, request: Request) -> Response:
    """GET of the authorization endpoint: the consent page."""
    query = dict(request.query_params)
    try:
        client = _checked(world, query)
    except OAuthError as error:
        return HTMLResponse(error_page(error.error, error.status), error.status)
    addresses = list(world.accounts)
    hint = query.get("login_hint", "")
    chosen = hint if hint in addresses else addresses[0] if len(addresses) == 1 else ""
    return HTMLResponse(consent_page(client.id, addresses, chosen, query["scope"].split(), query), headers=_NO_STORE)


async def decide(world: World, request: Request) -> Response:
    """POST of the consent page: back to the application with a code, or with access_denied."""
    form = await _form(request)
    try:
        client = _checked(world, form)
    except OAuthError as error:
        return HTMLResponse(error_page(error.error, error.status), error.status)
    account = form.get("account", "")
    if form.get("decision") == "allow" and account not in world.accounts:
        return HTMLResponse(error_page("invalid_request", 400), 400)
    answer = _code_answer(world, client, form, account) if form.get("decision") == "allow" else {"error": _no(form)}
    if "state" in form:
        answer["state"] = form["state"]
    glue = "&" if "?" in form["redirect_uri"] else "?"
    return RedirectResponse(form["redirect_uri"] + glue + urlencode(answer), 303, _NO_STORE)


async def token(world: World, request: Request) -> Response:
    """POST of the token endpoint: a code or a refresh token against an access token."""
    form = await _form(request)
    named = world.grants.refresh_tokens.get(form.get("refresh_token", ""))
    return await _endpoint(world, "oauth.token", named, lambda: _token(world, request, form))


async def revoke(world: World, request: Request) -> Response:
    """POST of the revocation endpoint; the token stands in the body, never in the URL."""
    form = await _form(request)
    given = form.get("token", "")
    named = world.grants.refresh_tokens.get(given) or tokens.granted(world.grants, given)
    return await _endpoint(world, "oauth.revoke", named, lambda: _revoke(world, given))


async def _endpoint(world: World, method: str, named: Grant | None, act: Any) -> Response:
    """Answer one call of an OAuth endpoint, with its faults, and write it into the ledger."""
    address = named.account if named else ""
    tally = world.ledger.tally(address)
    ledger.begin(tally, method)
    fault = strike(world.faults, address, method, "")
    response = await _faulty(world, fault, address) if fault else None
    if response is None:
        try:
            response = JSONResponse(act(), headers=_NO_STORE)
        except OAuthError as error:
            answer = {"error": error.error, "error_description": error.description}
            response = JSONResponse(answer, error.status, _NO_STORE)
    ledger.end(tally, response.status_code, "", len(response.body))
    return response


async def _faulty(world: World, fault: Fault, address: str) -> Response | None:
    if fault.kind == "hang":
        await asyncio.sleep(fault.seconds)
        return None
    if fault.kind == "invalidGrant":
        tokens.kill(world.grants, address)
        return None
    if fault.kind == "oauthError":
        said = {"error": fault.reason, "error_subtype": fault.subtype, "error_description": fault.text}
        return JSONResponse({name: word for name, word in said.items() if word}, fault.status or 400, _NO_STORE)
    shape = refusal_of(fault).shape
    body = error_body(shape) if fault.body == "json" else b""
    return Response(body, shape.status, media_type="application/json" if body else "text/html")


def _checked(world: World, query: Mapping[str, str]) -> Client:
    """Return the client of a request for consent; errors here are shown, never sent to the redirect URI."""
    client = world.clients.get(query.get("client_id", ""))
    if client is None:
        raise OAuthError("invalid_client", "The OAuth client was not found.", 401)
    uri = query.get("redirect_uri", "")
    if uri not in client.redirect_uris and urlsplit(uri).hostname not in _LOOPBACK:
        raise OAuthError("redirect_uri_mismatch", "Bad Request")
    plain = query.get("code_challenge") and query.get("code_challenge_method") != "S256"
    if query.get("response_type") != "code" or not query.get("scope") or plain:
        raise OAuthError("invalid_request", "Bad Request")
    return client


def _no(form: Mapping[str, str]) -> str:
    """Return why there is no code: the person's "no", or what a test chose for it, such as `admin_policy_enforced`."""
    chosen = form.get("decision", "")
    return chosen if "_" in chosen else "access_denied"


def _code_answer(world: World, client: Client, form: Mapping[str, str], account: str) -> dict[str, str]:
    scopes = world.settings.granted_scopes or tuple(form["scope"].split())
    first = not tokens.has_refresh_token(world.grants, client.id, account)
    code = Code(
        client_id=client.id,
        redirect_uri=form["redirect_uri"],
        account=account,
        scopes=scopes,
        challenge=form.get("code_challenge", ""),
        with_refresh=form.get("access_type") == "offline" and (first or "consent" in form.get("prompt", "")),
        expires=time.monotonic() + world.settings.code_seconds,
    )
    return {"code": tokens.new_code(world.grants, code), "scope": " ".join(scopes)}


def _token(world: World, request: Request, form: Mapping[str, str]) -> dict[str, Any]:
    client = _client(world, request, form)
    kind, settings = form.get("grant_type"), world.settings
    if kind == "authorization_code":
        return _redeemed(world, settings, client, form)
    if kind == "refresh_token":
        grant = tokens.refreshed(world.grants, form.get("refresh_token", ""), client)
        access = tokens.new_access_token(world.grants, grant, settings.token_seconds)
        return tokens.token_answer(access, "", grant.scopes, settings.token_seconds)
    raise OAuthError("unsupported_grant_type", f"Invalid grant_type: {kind}")


def _redeemed(world: World, settings: Settings, client: Client, form: Mapping[str, str]) -> dict[str, Any]:
    verifier, uri = form.get("code_verifier", ""), form.get("redirect_uri", "")
    code = tokens.redeem(world.grants, form.get("code", ""), client, uri, verifier)
    grant = Grant(client.id, code.account, code.scopes)
    refresh = tokens.new_refresh_token(world.grants, grant) if code.with_refresh else ""
    access = tokens.new_access_token(world.grants, grant, settings.token_seconds)
    return tokens.token_answer(access, refresh, grant.scopes, settings.token_seconds)


def _revoke(world: World, given: str) -> dict[str, Any]:
    tokens.revoke(world.grants, given)
    return {}


def _client(world: World, request: Request, form: Mapping[str, str]) -> Client:
    """Return the client that proves itself by HTTP Basic or in the body (RFC 6749 §2.3.1)."""
    name, secret = form.get("client_id", ""), form.get("client_secret", "")
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        name, _, secret = b64decode(given).decode("utf-8", "replace").partition(":")
        name, secret = unquote(name), unquote(secret)
    client = world.clients.get(name)
    if client is None:
        raise OAuthError("invalid_client", "The OAuth client was not found.", 401)
    if client.secret != secret:
        raise OAuthError("invalid_client", "Unauthorized", 401)
    return client


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
