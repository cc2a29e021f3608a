"""The control plane under /_control: what a test sees of the stand-in, and does to it. JSON in, JSON out.

`account` may be left out: the first account is meant (all of them by DELETE /grants). Wrong wishes are answered 400,
unknown ones 404, with {"error": text}.
"""

import time
from base64 import b64decode
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from emulator import account as mailbox
from emulator import grants as tokens
from emulator import ledger, quota
from emulator.account import Account, Label, Message
from emulator.faults import Faults, Pending, fault_from
from emulator.grants import READONLY, Grant
from emulator.mail import GivenMail
from emulator.seed import seed_folder, seed_invented
from emulator.settings import changed
from emulator.world import World

Json = dict[str, Any]
Act = Callable[[World, Request, Json], Any]


def routes(world: World) -> list[Route]:
    """Return the routes of the control plane."""
    table: list[tuple[str, str, Act]] = [
        ("GET", "/ledger", _ledger),
        ("POST", "/reset", _reset),
        ("GET", "/settings", _settings),
        ("POST", "/settings", _settings),
        ("GET", "/faults", _faults),
        ("POST", "/faults", _add_fault),
        ("DELETE", "/faults", _clear_faults),
        ("GET", "/grants", _grants),
        ("POST", "/grants", _mint),
        ("DELETE", "/grants", _kill),
        ("GET", "/accounts", _accounts),
        ("POST", "/accounts", _add_account),
        ("DELETE", "/accounts", _remove_account),
        ("GET", "/messages", _messages),
        ("POST", "/messages", _add_message),
        ("GET", "/messages/{id}", _message),
        ("DELETE", "/messages/{id}", _delete_message),
        ("POST", "/messages/{id}/labels", _relabel),
        ("POST", "/labels", _add_label),
        ("POST", "/labels/{id}", _rename_label),
        ("DELETE", "/labels/{id}", _delete_label),
        ("POST", "/filters", _add_filter),
        ("POST", "/history/expire", _expire_history),
    ]
    return [Route(f"/_control{path}", _endpoint(world, act), methods=[verb]) for verb, path, act in table]


def _endpoint(world: World, act: Act) -> Callable[[Request], Awaitable[Response]]:
    return partial(_answer, world, act)


async def _answer(world: World, act: Act, request: Request) -> Response:
    try:
        body = await request.json() if await request.body() else {}
        found = act(world, request, body)
    except KeyError as error:
        return JSONResponse({"error": f"not there, or not given: {error}"}, 404)
    except (ValueError, TypeError, OSError) as error:
        return JSONResponse({"error": str(error)}, 400)
    return found if isinstance(found, Response) else JSONResponse(found)


def _account(world: World, request: Request, body: Json) -> Account:
    address = body.get("account") or request.query_params.get("account") or next(iter(world.accounts), "")
    return world.accounts[address]


def _ledger(world: World, request: Request, _body: Json) -> Json:
    return ledger.report(world.ledger, messages="messages" in request.query_params)


def _reset(world: World, _request: Request, _body: Json) -> Json:
    ledger.clear(world.ledger)
    quota.clear(world.quotas)
    world.faults = Faults()
    return {}


def _settings(world: World, _request: Request, body: Json) -> Json:
    world.settings = changed(world.settings, body)
    return asdict(world.settings)


def _faults(world: World, _request: Request, _body: Json) -> Json:
    return {"faults": [asdict(pending) for pending in world.faults.pending]}


def _add_fault(world: World, _request: Request, body: Json) -> Json:
    pending = Pending(fault_from(body))
    world.faults.pending.append(pending)
    return asdict(pending)


def _clear_faults(world: World, _request: Request, _body: Json) -> Json:
    world.faults = Faults()
    return {}


def _grants(world: World, _request: Request, _body: Json) -> Json:
    return {"grants": [asdict(grant) for grant in world.grants.refresh_tokens.values()]}


def _mint(world: World, request: Request, body: Json) -> Json:
    """Make a grant without consent, in the shape of a token file."""
    client = world.clients[body.get("client_id") or next(iter(world.clients))]
    address = _account(world, request, body).address
    grant = Grant(client.id, address, tuple(body.get("scopes", (READONLY,))))
    seconds = float(body.get("expires_in", world.settings.token_seconds))
    refresh = tokens.new_refresh_token(world.grants, grant)
    access = tokens.new_access_token(world.grants, grant, seconds)
    return tokens.token_answer(access, refresh, grant.scopes, seconds) | {
        "token_uri": f"{world.url}/token",
        "client_id": client.id,
        "client_secret": client.secret,
    }


def _kill(world: World, request: Request, body: Json) -> Json:
    """End the grants of one account, or of all when none is named."""
    for address in [_account(world, request, body).address] if "account" in body else world.accounts:
        tokens.kill(world.grants, address)
    return {}


def _accounts(world: World, _request: Request, _body: Json) -> Json:
    return {"accounts": {address: len(one.messages) for address, one in world.accounts.items()}}


def _add_account(world: World, _request: Request, body: Json) -> Json:
    account = mailbox.new_account(body["address"])
    if "synthetic" in body:
        seed_invented(account, int(body["synthetic"]), int(body.get("body_bytes", 1024)))
    elif "layout" in body:
        labels = Path(body["labels"]) if "labels" in body else None
        crlf = not body.get("verbatim", False)
        seed_folder(account, Path(body["seed_dir"]), Path(body["layout"]), labels, crlf=crlf)
    world.accounts[account.address] = account
    return {"messages": len(account.messages)}


def _remove_account(world: World, _request: Request, body: Json) -> Json:
    del world.accounts[body["address"]]
    tokens.kill(world.grants, body["address"])
    return {}


def _shown(message: Message) -> Json:
    return {
        "id": mailbox.id_text(message.id),
        "threadId": mailbox.id_text(message.thread),
        "internalDate": str(message.date),
        "labelIds": message.labels,
        "sizeEstimate": message.size,
        "historyId": str(message.history),
    }


def _messages(world: World, request: Request, body: Json) -> Json:
    return {"messages": [_shown(message) for message in _account(world, request, body).messages.values()]}


def _message(world: World, request: Request, body: Json) -> Response:
    """Give the bytes as Gmail serves them, without a token and outside the ledger."""
    message = _account(world, request, body).messages[int(request.path_params["id"], 16)]
    return Response(message.source.read(message.id), media_type="message/rfc822")


def _add_message(world: World, request: Request, body: Json) -> Json:
    account = _account(world, request, body)
    raw = b64decode(body["raw"])
    now = int(time.time() * 1000)
    newest = account.order[-1] if account.order else 0
    number = int(body["id"], 16) if "id" in body else max(now << 20, newest + 1)
    message = Message(
        id=number,
        thread=int(body["threadId"], 16) if "threadId" in body else number,
        date=int(body.get("internalDate", now)),
        labels=tuple(body.get("labelIds", ("INBOX", "UNREAD"))),
        size=len(raw),
        source=GivenMail(raw),
        history=0,
    )
    return _shown(mailbox.add(account, message))


def _delete_message(world: World, request: Request, body: Json) -> Json:
    account = _account(world, request, body)
    mailbox.delete(account, int(request.path_params["id"], 16))
    return {"historyId": str(account.history_id)}


def _relabel(world: World, request: Request, body: Json) -> Json:
    account, number = _account(world, request, body), int(request.path_params["id"], 16)
    return _shown(mailbox.relabel(account, number, body.get("add", ()), body.get("remove", ())))


def _add_label(world: World, request: Request, body: Json) -> Json:
    account = _account(world, request, body)
    name = body.get("id", f"Label_{len(account.labels) + 1_000}")
    account.labels[name] = Label(name, body["name"], "user", body.get("labelListVisibility", ""))
    return {"id": name}


def _rename_label(world: World, request: Request, body: Json) -> Json:
    account, name = _account(world, request, body), request.path_params["id"]
    account.labels[name] = replace(account.labels[name], name=body["name"])
    return {"id": name}


def _delete_label(world: World, request: Request, body: Json) -> Json:
    """Delete a label: it is taken off its messages, which stay."""
    account, name = _account(world, request, body), request.path_params["id"]
    del account.labels[name]
    for number in list(account.by_label.get(name, ())):
        mailbox.relabel(account, number, (), (name,))
    return {"id": name}


def _add_filter(world: World, request: Request, body: Json) -> Json:
    account = _account(world, request, body)
    made = {"id": f"ANe1Bmj{len(account.filters)}", "criteria": body["criteria"], "action": body["action"]}
    account.filters.append(made)
    return made


def _expire_history(world: World, request: Request, body: Json) -> Json:
    account = _account(world, request, body)
    mailbox.forget_history(account)
    return {"historyId": str(account.history_id)}
