"""Sessions as they lie in the store: named by the hash of their id, and sealed with a key made from the id.

So whoever reads the store can be nobody's session and learns nothing from it.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from redis import Redis

from oauth.errors import SealBroken
from oauth.sealing import closed, opened


@dataclass(frozen=True, slots=True)
class Drawer:
    """Where the sessions of one site lie.

    Attributes:
        prefix: what their names in the store begin with.
        purpose: what the keys made from their ids are for; another one than other sites have.
    """

    prefix: str
    purpose: bytes

    def name(self, session_id: str) -> str:
        """Return a session's name in the store."""
        return f"{self.prefix}{hashlib.sha256(session_id.encode()).hexdigest()}"

    def key(self, session_id: str) -> bytes:
        """Make the key from the id, which is 256 random bits; it cannot be had from the name it is stored under."""
        return hmac.digest(session_id.encode(), self.purpose, hashlib.sha256)


def new_id() -> str:
    """Return a new session's id: 256 random bits."""
    return secrets.token_urlsafe(32)


def put(
    redis: Redis,
    drawer: Drawer,
    session_id: str,
    row: Mapping[str, Any],
    seconds: int,
    *,
    only: Literal["", "new", "there"] = "",
) -> bool:
    """Write a session that ends after so many seconds, `only` where none is there, or one is; tell whether it was."""
    name = drawer.name(session_id)
    sealed = closed(drawer.key(session_id), json.dumps(row).encode(), name)
    return bool(redis.set(name, sealed, ex=max(1, seconds), nx=only == "new", xx=only == "there"))


def look(redis: Redis, drawer: Drawer, session_id: str) -> dict[str, Any] | None:
    """Return what a session of ours holds, or None; one that does not open was written by somebody else."""
    name = drawer.name(session_id)
    sealed = cast("bytes | None", redis.get(name))
    if not sealed:
        return None
    try:
        row: dict[str, Any] = json.loads(opened(drawer.key(session_id), sealed, name))
    except SealBroken:
        return None
    return row


def put_off(redis: Redis, drawer: Drawer, session_id: str, seconds: int) -> bool:
    """Give a session so many seconds more from now on; with none left it ends. Tell whether it goes on."""
    if seconds <= 0:
        forget(redis, drawer, session_id)
        return False
    redis.expire(drawer.name(session_id), seconds)
    return True


def forget(redis: Redis, drawer: Drawer, session_id: str) -> None:
    """End a session; twice is harmless."""
    redis.delete(drawer.name(session_id))
