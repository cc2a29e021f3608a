"""The same request twice is one act: answers are kept by the caller's idempotency key, sealed, for an hour.

The header is that of draft-ietf-httpapi-idempotency-key-header. An answer that was a refusal is not kept: nothing had
been done, and the same request may find the world changed.
"""

import hashlib
import json
from collections.abc import Callable
from typing import TypeVar, cast

from pydantic import BaseModel

from oauth.errors import SealBroken
from oauth.keystores import Keys
from oauth.vault import Vault
from web.api.doors import ApiDoors
from web.api.problems import Refused
from web.api.tokens import ServiceToken

_UNDER_WAY_SECONDS = 60
_KEPT_SECONDS = 3600

Answer = TypeVar("Answer", bound=BaseModel)


def once(
    doors: ApiDoors, token: ServiceToken, key: str | None, request: str, kind: type[Answer], act: Callable[[], Answer]
) -> Answer:
    """Return the answer of the first request with this key; `act` is called for that one alone.

    Args:
        doors: the key store, and what wraps the answers: one may hold the code of a launch.
        token: the caller, to whom the key belongs.
        key: the idempotency key; without one `act` is always called.
        request: what is asked, with everything in it.
        kind: what `act` returns.
        act: does it.

    Raises:
        Refused: the key was used for another request, or the first one is still under way.
    """
    if key is None:
        return act()
    keys, vault = doors.keys, doors.vault
    name = f"idempotent:{_digest(f'{token.sha256} {key}')}"
    print_of = _digest(request)
    if not keys.set(name, _wrapped(vault, name, print_of, ""), ex=_UNDER_WAY_SECONDS, nx=True):
        return kind.model_validate_json(_kept(keys, vault, name, print_of))
    try:
        answer = act()
    except BaseException:
        keys.delete(name)
        raise
    keys.set(name, _wrapped(vault, name, print_of, answer.model_dump_json()), ex=_KEPT_SECONDS)
    return answer


def _kept(keys: Keys, vault: Vault, name: str, request: str) -> str:
    wrapped = cast("bytes | None", keys.get(name))
    if wrapped is None:  # the first one was refused, or ran out, just now
        raise Refused("same-request-under-way")
    try:
        before, answer = json.loads(vault.unwrap(name, wrapped))
    except SealBroken:  # the master key it was wrapped by is gone
        raise Refused("same-request-under-way") from None
    if before != request:
        raise Refused("key-used-otherwise")
    if not answer:
        raise Refused("same-request-under-way")
    return str(answer)


def _wrapped(vault: Vault, name: str, request: str, answer: str) -> bytes:
    return vault.wrap(name, json.dumps([request, answer]).encode())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
