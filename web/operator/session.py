"""Sessions of the console: a quarter of an hour without use ends one, and so do eight hours.

They lie sealed like those of the customers' pages (`web.sealed`), under other names and another cookie: a session of
one site is nobody's at the other. Each step of signing in makes a new one with a new id.
"""

import time
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum

from redis import Redis

from web.operator.account import Account
from web.sealed import Drawer, forget, look, new_id, put, put_off

COOKIE = "__Host-operator"
"""The prefix has browsers refuse it without Secure, with a Domain, or for a part of the site (RFC 6265bis §4.1.3.2)."""

IDLE_SECONDS = 15 * 60
LONGEST_SECONDS = 8 * 3600

_DRAWER = Drawer("staff:session:", b"gmail-migrator console session")


class Stage(StrEnum):
    """How far in somebody is."""

    ENROLLING = "enrolling"
    AWAY = "away"
    HALFWAY = "halfway"
    IN = "in"


_LONGEST = {Stage.ENROLLING: 1800, Stage.AWAY: 600, Stage.HALFWAY: 300, Stage.IN: LONGEST_SECONDS}
"""Seconds a session may last at each stage."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What somebody who enrols has chosen: the password's hash and the second factor's secret, by which code."""

    code: str = field(repr=False)
    password: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Session:
    """A session.

    Attributes:
        id: its secret id.
        began: when it began, in seconds since the epoch.
        stage: how far in somebody is.
        member: whose it is, by opaque name.
        epoch: that of the account when the session was made; an account of another epoch has ended it.
        stepped_up_at: when he entered his second factor last; 0 where he has not.
        enrolment: while he enrols.
    """

    id: str = field(repr=False)
    began: float
    stage: Stage
    member: str = ""
    epoch: str = ""
    stepped_up_at: float = 0.0
    enrolment: Enrolment | None = None


def begin(
    redis: Redis,
    cookie: str,
    stage: Stage,
    account: Account | None = None,
    *,
    stepped_up_at: float = 0.0,
    enrolment: Enrolment | None = None,
) -> Session:
    """Begin a session at a stage; that of the browser's cookie ends, and nothing of it is taken over."""
    forget(redis, _DRAWER, cookie)
    member, epoch = (account.id, account.epoch) if account else ("", "")
    return _written(redis, Session(new_id(), time.time(), stage, member, epoch, stepped_up_at, enrolment))


def find(redis: Redis, session_id: str, *, quiet: bool = False, now: float | None = None) -> Session | None:
    """Return the session of an id, None when there is none (any more); asked `quiet`, its end is not put off."""
    session = _read(redis, session_id)
    if session is None:
        return None
    seconds = _seconds_left(session, time.time() if now is None else now)
    if quiet and seconds > 0:
        return session
    return session if put_off(redis, _DRAWER, session_id, seconds) else None


def renewed(redis: Redis, session: Session) -> Session:
    """Give a session a new id, since it comes to be worth more; it ends no later by that."""
    forget(redis, _DRAWER, session.id)
    return _written(redis, replace(session, id=new_id()))


def end(redis: Redis, session_id: str) -> None:
    """End the session of an id; twice is harmless."""
    forget(redis, _DRAWER, session_id)


def digest_of(session: Session) -> str:
    """Return the name under which the store has the session; it says who somebody is and opens nothing."""
    return _DRAWER.name(session.id).removeprefix(_DRAWER.prefix)


def _written(redis: Redis, session: Session) -> Session:
    row = asdict(session)
    del row["id"]
    put(redis, _DRAWER, session.id, row, _seconds_left(session, time.time()))
    return session


def _read(redis: Redis, session_id: str) -> Session | None:
    row = look(redis, _DRAWER, session_id)
    if row is None:
        return None
    enrolment, stage = row.pop("enrolment"), Stage(row.pop("stage"))
    return Session(session_id, **row, stage=stage, enrolment=Enrolment(**enrolment) if enrolment else None)


def _seconds_left(session: Session, now: float) -> int:
    return int(min(IDLE_SECONDS, session.began + _LONGEST[session.stage] - now))
