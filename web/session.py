"""Sessions of the pages: kept on the server, named by 256 random bits in a cookie, forgotten after half an hour.

The store holds a session under the SHA-256 of its id, so that whoever reads the store can be nobody's session. An id
that a browser brings and the store does not know is never taken on: it may have been planted.
"""

import hashlib
import json
import secrets
import time
from dataclasses import dataclass, field, replace
from typing import cast

from redis import Redis

COOKIE = "__Host-migrator"
"""The prefix has browsers refuse it without Secure, with a Domain, or for a part of the site (RFC 6265bis §4.1.3.2)."""

IDLE_SECONDS = 30 * 60
LONGEST_SECONDS = 12 * 3600


@dataclass(frozen=True, slots=True)
class Session:
    """A customer's session: its secret id, when it began (seconds since the epoch), the imports it may touch."""

    id: str = field(repr=False)
    began: float
    imports: tuple[str, ...] = ()

    def owns(self, migration: str) -> bool:
        """Tell whether this session may touch the import."""
        return migration in self.imports


NOBODY = Session("", 0.0)
"""The session of a browser that has none; no consent was ever begun by it, and it ended long ago."""


def make(redis: Redis) -> Session:
    """Begin a session."""
    return _written(redis, Session(secrets.token_urlsafe(32), time.time()))


def find(redis: Redis, session_id: str, *, now: float | None = None) -> Session | None:
    """Return the session of an id and put off its end; None when there is none (any more)."""
    blob = cast("bytes | None", redis.get(_name(session_id)))
    if blob is None:
        return None
    row = json.loads(blob)
    session = Session(session_id, row["began"], tuple(row["imports"]))
    seconds = _seconds_left(session, time.time() if now is None else now)
    if seconds <= 0:
        redis.delete(_name(session_id))
        return None
    redis.expire(_name(session_id), seconds)
    return session


def renewed(redis: Redis, session: Session, *imports: str) -> Session:
    """Give the session a new id, and further imports; the old id is nobody's from now on.

    Done wherever a session comes to be worth more, so that an id that was known before is worth nothing then.
    """
    new = replace(session, id=secrets.token_urlsafe(32), imports=(*session.imports, *imports))
    redis.delete(_name(session.id))
    return _written(redis, new)


def _written(redis: Redis, session: Session) -> Session:
    row = json.dumps({"began": session.began, "imports": session.imports})
    redis.set(_name(session.id), row, ex=max(1, _seconds_left(session, time.time())))
    return session


def _seconds_left(session: Session, now: float) -> int:
    return int(min(IDLE_SECONDS, session.began + LONGEST_SECONDS - now))


def _name(session_id: str) -> str:
    return f"web:session:{hashlib.sha256(session_id.encode()).hexdigest()}"
