"""One Gmail request from its arrival to its last byte: grant, quota, fault, answer, delay, ledger."""

import asyncio
import random
import time
import zlib
from dataclasses import dataclass, replace

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from emulator import ledger, quota
from emulator.account import Account, id_text
from emulator.calls import Call, message_number, one, read_call
from emulator.errors import Refused, error_body, refusal
from emulator.faults import DAMAGES, Fault, refusal_of, strike
from emulator.gmail import answer
from emulator.grants import METADATA, READONLY, Grant, granted, kill
from emulator.settings import Settings
from emulator.world import World

_HTML = b"<!DOCTYPE html>\n<html lang=en>\n<title>Error (Server Error)!!1</title>\n<p>That's an error.\n"
_JSON = "application/json; charset=UTF-8"
_ASIDE = 256 * 1024  # larger answers are compressed in a thread
_GZIP_WINDOW = 31


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: `reason` is empty unless refused; `damage` is the fault done to it on the way."""

    status: int
    body: bytes
    reason: str = ""
    type: str = _JSON
    headers: tuple[tuple[str, str], ...] = ()
    damage: str = ""


async def serve(world: World, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one request below /gmail, /batch, /upload or /resumable (ASGI)."""
    headers = dict(scope["headers"])
    call = read_call(scope["method"], scope["raw_path"].decode("latin-1"), scope["query_string"], headers)
    grant = granted(world.grants, call.token)
    address = grant.account if grant else ""
    tally, meter = world.ledger.tally(address), world.quotas.meter(address)
    ledger.begin(tally, call.method or f"{call.verb} (other)")
    meter.running += 1
    sent, found = 0, Answer(500, b"", "internal")
    try:
        found = await _found(world, call, grant, tally)
        await _delay(world.settings)
        response = await _packed(found, gzip=call.gzip)
        sent = len(response.body)
        await response(scope, receive, _cut(send) if found.damage == "truncated" else send)
    finally:
        meter.running -= 1
        meter.sent += sent
        ledger.end(tally, found.status, found.reason, sent)


async def _found(world: World, call: Call, grant: Grant | None, tally: ledger.Tally) -> Answer:
    """Return the answer to a call, a refusal included."""
    try:
        account = _allowed(world, call, grant)
        tally.units += quota.charge(
            world.quotas, world.settings, account.address, call.method, time.monotonic(), time.time()
        )
        fault = strike(world.faults, account.address, call.method, call.id)
        if fault is not None:
            return await _faulty(world, call, account, fault)
        body = answer(account, call)
        if call.method == "messages.get":
            tally.fetched[message_number(call.id)] += 1
        return Answer(200, body)
    except Refused as refused:
        return _refusal(refused)


def _allowed(world: World, call: Call, grant: Grant | None) -> Account:
    """Return the account a call may read.

    Raises:
        Refused: not read-only, no living token, another user's mailbox, not offered, or outside the scopes.
    """
    if not call.reads:
        world.ledger.violations.append(f"{call.verb} {call.path}")
        raise refusal("insufficientPermissions")
    if grant is None:
        raise refusal("authError")
    if call.user not in {"me", grant.account} or grant.account not in world.accounts:
        raise refusal("delegationDenied")
    if not call.method:
        raise refusal("notImplemented")
    if not {READONLY, METADATA} & set(grant.scopes):
        raise refusal("insufficientPermissions")
    if METADATA in grant.scopes and _beyond_metadata(call):
        # A token with both scopes is treated as one for metadata only.
        raise refusal("insufficientPermissions", "Metadata scope doesn't allow this format or 'q'")
    return world.accounts[grant.account]


def _beyond_metadata(call: Call) -> bool:
    full = call.method == "messages.get" and one(call.query, "format", "full").lower() in {"full", "raw"}
    return full or call.method == "settings.filters.list" or "q" in call.query


async def _faulty(world: World, call: Call, account: Account, fault: Fault) -> Answer:
    """Return the answer as the fault spoils it."""
    if fault.kind not in DAMAGES:
        return _spoken(refusal_of(fault), fault.body)
    if fault.kind == "invalidGrant":
        kill(world.grants, account.address)
        raise refusal("authError")
    if fault.kind == "hang":
        await asyncio.sleep(fault.seconds)
    if fault.kind == "wrongId":
        call = replace(call, id=_neighbour(account, call.id))
    return Answer(200, answer(account, replace(call, damage=fault.kind)), damage=fault.kind)


def _neighbour(account: Account, asked: str) -> str:
    other = next((number for number in account.order if number != message_number(asked)), None)
    if other is None:
        raise refusal("notFound")
    return id_text(other)


def _spoken(refused: Refused, form: str) -> Answer:
    spoken = _refusal(refused)
    if form == "json":
        return spoken
    return replace(spoken, body=_HTML if form == "html" else b"", type="text/html; charset=UTF-8")


def _refusal(refused: Refused) -> Answer:
    shape = refused.shape
    return Answer(shape.status, error_body(shape), shape.reason, headers=tuple(shape.headers.items()))


async def _delay(settings: Settings) -> None:
    if settings.latency_ms or settings.jitter_ms:
        await asyncio.sleep((settings.latency_ms + random.random() * settings.jitter_ms) / 1000)  # noqa: S311


async def _packed(found: Answer, *, gzip: bool) -> Response:
    """Return the HTTP response, compressed if the client takes that."""
    headers = {"vary": "Accept-Encoding", "cache-control": "private", **dict(found.headers)}
    body = found.body
    if gzip and body:
        headers["content-encoding"] = "gzip"
        body = await asyncio.to_thread(_gzip, body) if len(body) > _ASIDE else _gzip(body)
    return Response(body, found.status, headers, found.type)


def _gzip(body: bytes) -> bytes:
    # Base64 has few repeats: Huffman codes alone are as small and cost less than half.
    packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP_WINDOW, zlib.DEF_MEM_LEVEL, zlib.Z_HUFFMAN_ONLY)
    return packer.compress(body) + packer.flush()


def _cut(send: Send) -> Send:
    """Return a `send` that keeps half of the body back; the server then closes the connection."""

    async def half(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": message["body"][: len(message["body"]) // 2], "more_body": True}
        await send(message)

    return half
