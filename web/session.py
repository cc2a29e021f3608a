"""Sessions of the pages: kept on the server, named by 256 random bits in a cookie, forgotten after half an hour.

They lie sealed (`web.sealed`). An id that a browser brings and the store does not know is never taken on: it may have
been planted. Credentials are not here but in `web.entrusted`.
"""

import time
from dataclasses import asdict, dataclass, field, replace

from redis import Redis

from web.sealed import Drawer, forget, look, new_id, put, put_off

COOKIE = "__Host-migrator"
"""The prefix has browsers refuse it without Secure, with a Domain, or for a part of the site (RFC 6265bis §4.1.3.2)."""

_DRAWER = Drawer("web:session:", b"gmail-migrator web session")

IDLE_SECONDS = 30 * 60
LONGEST_SECONDS = 12 * 3600


@dataclass(frozen=True, slots=True)
class Entered:
    """Whom a way in let in.

    Attributes:
        customer: the host's opaque id of the customer.
        mailbox: the address of the target mailbox, to be shown.
        entrusted: under which name the mailbox's credentials lie sealed (`web.entrusted`); empty where the host's
            configuration has them.
        domain: at whose mail server the mailbox is, where the customer signed in; else empty.
    """

    customer: str = ""
    mailbox: str = field(default="", repr=False)
    entrusted: str = field(default="", repr=False)
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """A customer's session.

    Attributes:
        id: its secret id.
        began: when it began, in seconds since the epoch.
        imports: the ids of its imports.
        entered: whose it is.
        confirmed: the imports of which the customer confirmed both addresses here; no other is started here.
        language: the tag of the language that was chosen, empty where none was.
    """

    id: str = field(repr=False)
    began: float
    imports: tuple[str, ...] = ()
    entered: Entered = Entered()
    confirmed: tuple[str, ...] = ()
    language: str = ""

    def owns(self, migration: str) -> bool:
        """Tell whether this session may touch the import."""
        return migration in self.imports


NOBODY = Session("", 0.0)
"""The session of a browser that has none; no consent was ever begun by it, and it ended long ago."""


def make(redis: Redis) -> Session:
    """Begin a session of a customer who has not said who he is."""
    return _written(redis, Session(new_id(), time.time()))


def enter(redis: Redis, cookie: str, entered: Entered, imports: tuple[str, ...]) -> Session:
    """Begin the session of a customer who came in by launch or sign-in, with the imports that are his already.

    The browser's former session (`cookie`, perhaps another customer's) ends, and nothing of it is taken over.
    """
    end(redis, cookie)
    return _written(redis, Session(new_id(), time.time(), imports, entered))


def find(redis: Redis, session_id: str, *, now: float | None = None) -> Session | None:
    """Return the session of an id and put off its end; None when there is none (any more)."""
    session = _read(redis, session_id)
    if session is None:
        return None
    seconds = _seconds_left(session, time.time() if now is None else now)
    return session if put_off(redis, _DRAWER, session_id, seconds) else None


def renewed(redis: Redis, session: Session, *imports: str) -> Session:
    """Give the session a new id, and further imports; the old id is nobody's from now on.

    Done wherever a session comes to be worth more, so that an id that was known before is worth nothing then.
    """
    return moved(redis, session, named_anew(session, *imports))


def named_anew(session: Session, *imports: str) -> Session:
    """Return the session under a new id, and with further imports; it is no browser's before `moved`."""
    return replace(session, id=new_id(), imports=(*session.imports, *imports))


def moved(redis: Redis, session: Session, new: Session) -> Session:
    """Have a session be the one under its new id. Where the store fails at that, the old one is as it was."""
    _written(redis, new)
    end(redis, session.id)
    return new


def confirm(redis: Redis, session: Session, migration: str) -> Session:
    """Note in the session that the customer confirmed both addresses of an import."""
    return _written(redis, replace(session, confirmed=(*session.confirmed, migration)))


def speak(redis: Redis, session: Session, language: str) -> Session:
    """Note the language that was chosen."""
    return _written(redis, replace(session, language=language))


def without(redis: Redis, session: Session, migration: str) -> Session:
    """Take an import out of the session."""
    rest = tuple(one for one in session.imports if one != migration)
    return _written(redis, replace(session, imports=rest))


def language_of(redis: Redis, session_id: str) -> str | None:
    """Return the language chosen in a session (empty: none), whose end is not put off by that; None without one."""
    session = _read(redis, session_id)
    return session.language if session else None


def end(redis: Redis, session_id: str) -> None:
    """End the session of an id; twice is harmless."""
    forget(redis, _DRAWER, session_id)


def _written(redis: Redis, session: Session) -> Session:
    row = asdict(session)
    del row["id"]
    put(redis, _DRAWER, session.id, row, _seconds_left(session, time.time()))
    return session


def _read(redis: Redis, session_id: str) -> Session | None:
    row = look(redis, _DRAWER, session_id)
    if row is None:
        return None
    imports, confirmed = tuple(row["imports"]), tuple(row["confirmed"])
    return Session(session_id, row["began"], imports, Entered(**row["entered"]), confirmed, row["language"])


def _seconds_left(session: Session, now: float) -> int:
    return int(min(IDLE_SECONDS, session.began + LONGEST_SECONDS - now))
