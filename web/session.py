"""Sessions of the pages: kept on the server, named by 256 random bits in a cookie, forgotten after half an hour.

They lie sealed (`web.sealed`). An id that a browser brings and the store does not know is never taken on: it may have
been planted. Credentials are not here but in `web.entrusted`.

    nobody ──sign-in, launch──► a new id, and nothing of the session before ──an import connected──► a new id

An answer with a new id may be lost: the person presses twice, reloads, or has a second tab under way. So the second
kind of new id leaves a note under the old one, that `arrived` follows: until the new id was used, and for some seconds
more. The note opens with the old id *and* the browser's mark (`web.browsers`): for the browser that asked, and not for
who has only learned or planted the id. The first kind leaves none, whoever asks: an id that somebody knew before the
sign-in, mark or not, never comes to be signed in (session fixation), and a session never changes its customer.
"""

import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from redis import Redis, RedisError

from web.browsers import brought_mark
from web.sealed import Drawer, forget, look, new_id, put, put_off

COOKIE = "__Host-migrator"
"""The prefix has browsers refuse it without Secure, with a Domain, or for a part of the site (RFC 6265bis §4.1.3.2)."""

_DRAWER = Drawer("web:session:", b"gmail-migrator web session")

_NOTES = "gmail-migrator renewed session"

IDLE_SECONDS = 30 * 60
LONGEST_SECONDS = 12 * 3600
OVERLAP_SECONDS = 10
"""How long an old id leads to the new one after that was used: requests under way come to their end."""


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
        browser: the mark of the browser it began in (`web.browsers`); empty where it had none.
        former: under which name in the store the note lies that leads here from the id before; else empty.
        used: the browser has brought this id, so it has got it.
    """

    id: str = field(repr=False)
    began: float
    imports: tuple[str, ...] = ()
    entered: Entered = Entered()
    confirmed: tuple[str, ...] = ()
    language: str = ""
    browser: str = field(default="", repr=False)
    former: str = field(default="", compare=False)
    used: bool = field(default=False, compare=False)

    @property
    def binding(self) -> str:
        """What a consent is bound to: this browser, customer and mailbox, whatever the id is when Google answers."""
        whose = self.entered
        return f"{self.browser}\n{whose.customer}\n{whose.mailbox}\n{whose.domain}"

    def owns(self, migration: str) -> bool:
        """Tell whether this session may touch the import."""
        return migration in self.imports


NOBODY = Session("", 0.0)
"""The session of a browser that has none; no consent was ever begun by it, and it ended long ago."""


def make(redis: Redis) -> Session:
    """Begin a session of a customer who has not said who he is."""
    return _written(redis, Session(new_id(), time.time()))


def enter(
    redis: Redis, former: str, entered: Entered, imports: tuple[str, ...], browser: str = "", session_id: str = ""
) -> Session:
    """Begin the session of a customer who came in by launch or sign-in, with the imports that are his already.

    The browser's former session, perhaps another customer's, ends, and nothing of it is taken over.

    Args:
        redis: the state store.
        former: its id; empty where it had none.
        entered: whom the way in let in.
        imports: the ids of the customer's imports.
        browser: the browser's mark.
        session_id: the new id where it was made before (`new_id`); never one that was brought.
    """
    end(redis, former)
    return _written(redis, Session(session_id or new_id(), time.time(), imports, entered, browser=browser))


def arrived(redis: Redis, cookie: str, mark: str) -> Session | None:
    """Return the session a request belongs to as `current`, and note that the browser has got its id."""
    session = current(redis, cookie, mark)
    if session is None or session.used or session.id != cookie:
        return session
    with suppress(RedisError):  # else the next request notes it
        if session.former:
            redis.expire(session.former, OVERLAP_SECONDS)
        _rewritten(redis, replace(session, former="", used=True))
    return session


def current(redis: Redis, cookie: str, mark: str) -> Session | None:
    """Return the session of an id, or of the one it got since; None when there is none. Its end is not put off.

    Args:
        redis: the state store.
        cookie: the id that a browser brings.
        mark: the mark that it brings; another browser's leads nowhere from an old id.
    """
    session = _read(redis, cookie)
    if session is not None or not mark:
        return session
    note = look(redis, _notes(mark), cookie)
    return current(redis, note["id"], mark) if note else None


def find(redis: Redis, session_id: str, *, now: float | None = None) -> Session | None:
    """Return the session of an id, or of the one it got since, and put off its end; None when there is none."""
    session = current(redis, session_id, brought_mark())
    if session is None:
        return None
    seconds = _seconds_left(session, time.time() if now is None else now)
    return session if put_off(redis, _DRAWER, session.id, seconds) else None


def renewed(redis: Redis, session: Session, *imports: str) -> Session:
    """Give the session a new id, and further imports; the old id leads its own browser there, and nobody else.

    Done wherever a session comes to be worth more, so that an id that was known before is worth nothing then.
    """
    former = _notes(session.browser).name(session.id) if session.browser else ""
    new = replace(session, id=new_id(), imports=(*session.imports, *imports), former=former, used=False)
    _written(redis, new)
    if session.browser:
        put(redis, _notes(session.browser), session.id, {"id": new.id}, IDLE_SECONDS)
    end(redis, session.id)
    return new


def confirm(redis: Redis, session: Session, migration: str) -> Session:
    """Note in the session that the customer confirmed both addresses of an import."""
    return _rewritten(redis, replace(session, confirmed=(*session.confirmed, migration)))


def speak(redis: Redis, session: Session, language: str) -> Session:
    """Note the language that was chosen."""
    return _rewritten(redis, replace(session, language=language))


def without(redis: Redis, session: Session, migration: str) -> Session:
    """Take an import out of the session."""
    rest = tuple(one for one in session.imports if one != migration)
    return _rewritten(redis, replace(session, imports=rest))


def end(redis: Redis, session_id: str) -> None:
    """End the session of an id; twice is harmless."""
    forget(redis, _DRAWER, session_id)


def _rewritten(redis: Redis, session: Session) -> Session:
    """Write a session anew, unless it has ended or got another id meanwhile."""
    return _written(redis, session, only="there")


def _written(redis: Redis, session: Session, *, only: Literal["", "there"] = "") -> Session:
    row = asdict(session)
    del row["id"]
    put(redis, _DRAWER, session.id, row, _seconds_left(session, time.time()), only=only)
    return session


def _read(redis: Redis, session_id: str) -> Session | None:
    row = look(redis, _DRAWER, session_id)
    if row is None:
        return None
    lists = {name: tuple(row[name]) for name in ("imports", "confirmed")}
    return Session(**{**row, **lists, "id": session_id, "entered": Entered(**row["entered"])})


def _notes(mark: str) -> Drawer:
    """Return where notes lie that lead from old ids to new ones, of the browser with this mark."""
    return Drawer("web:session:renewed:", f"{_NOTES} {mark}".encode())


def _seconds_left(session: Session, now: float) -> int:
    return int(min(IDLE_SECONDS, session.began + LONGEST_SECONDS - now))
