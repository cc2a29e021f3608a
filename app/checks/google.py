"""Google: our client, and its endpoints reached as slices reach them. Nothing is sent but our client's own secret."""

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx

from app import proxies
from app.checks.clocks import clock, skew_of
from app.checks.finding import Finding, bad, ok, warn
from app.checks.reaching import reason
from app.config import Config
from oauth.token_errors import Kind
from oauth.trying import asked_about_client

_SECONDS = 5.0


def google(config: Config) -> Iterator[Finding]:
    """Look at the client and at every endpoint."""
    yield from _client(config)
    yield from _accepted(config)
    yield from _proxy()
    for setting, url in _places(config).items():
        yield from _endpoint(setting, url)


def _client(config: Config) -> Iterator[Finding]:
    said = config.google
    needed = {"client_id": said.client_id, "client_secret_file": said.client_secret_path}
    missing = [name for name, value in needed.items() if not value]
    if missing:
        way_out = "Make an OAuth client in your Google project and name it: docs/operations/google-project.md."
        yield bad("OAuth client", f"google.{' and google.'.join(missing)} not set", way_out)
    else:
        back = f"; redirect URI {config.return_address}" if config.return_address else ""
        yield ok("OAuth client", f"set; project {said.project}, profile {said.profile}{back}")


def _accepted(config: Config) -> Iterator[Finding]:
    """Ask Google about the client; that nobody answers is a finding of the endpoint's."""
    if not (config.google.client_id and config.google.client_secret_path):
        return
    said = asked_about_client(config.client_as_of_now, _SECONDS)
    if said.kind is Kind.GRANT:
        yield ok("OAuth client at Google", "accepted")
    elif said.kind is Kind.CLIENT:
        way_out = "Check google.client_id and the secret, and the client at Google: docs/operations/google-project.md."
        yield bad("OAuth client at Google", f"refused ({said.word or 'without a word'})", way_out)


def _proxy() -> Iterator[Finding]:
    if named := proxies.named():
        way_out = "Let the firewall pass connections to Google and to the mailbox, and unset it for the service."
        yield warn("proxy", f"the environment names one ({', '.join(named)}), which is ignored", way_out)


def _places(config: Config) -> dict[str, str]:
    """Return one address of each of Google's servers, by its setting."""
    said = config.google
    urls = {
        "google.api": said.api,
        "google.token_uri": said.token_uri,
        "google.revoke_uri": said.revoke_uri,
        "google.auth_uri": said.auth_uri,
    }
    first = {_origin(url): setting for setting, url in reversed(urls.items())}
    return {setting: urls[setting] for setting in urls if setting in first.values()}


def _origin(url: str) -> tuple[str, str]:
    return urlsplit(url).scheme, urlsplit(url).netloc


def _endpoint(setting: str, url: str) -> Iterator[Finding]:
    host, before = urlsplit(url).netloc, time.time()
    try:
        answer = httpx.head(url, timeout=_SECONDS, trust_env=False, headers={"user-agent": "migrator"})
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        yield _unreachable(setting, host, error)
        return
    yield ok(setting, f"{host} answers")
    yield from _clock(setting, answer, before)


def _unreachable(setting: str, host: str, error: Exception) -> Finding:
    why = reason(error, setting)
    if why is None and isinstance(error, httpx.TimeoutException):
        why = reason(TimeoutError(), setting)
    if why is None:
        return bad(setting, f"{host} cannot be reached", f"Let this machine reach {host}, and mend {setting}.")
    return bad(setting, f"{host} cannot be reached: {why.found}", why.way_out)


def _clock(setting: str, answer: httpx.Response, before: float) -> Iterator[Finding]:
    """Compare with the time of the answer, which is told in whole seconds (RFC 9110 §6.6.1)."""
    try:
        told = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return
    yield from clock(f"{setting}: clock", skew_of(before, time.time(), told, told + 1))
