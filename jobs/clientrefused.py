"""Google refuses our own OAuth client or project: noted by whoever meets it, said once, over when it is accepted again.

Whoever is refused so (a slice, a survey, a consent) notes it, and the import waits, for longer after every try in vain.
Each worker looks every two seconds, and says when the trouble begins and when it ends. One of them asks Google about
the client alone now and then; when it is accepted after a refusal, every import that waits for that goes on at once.
"""

import re
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import structlog
from redis import Redis
from redis.exceptions import RedisError

from jobs.errors import IllegalTransition, UnknownMigration
from jobs.migration import State
from jobs.requests import migration_ids, read_all, resume
from jobs.scripts import decoded
from jobs.slice import SliceEnd
from jobs.turns import take_turn
from migrator.errors import ClientRefused
from oauth.token_errors import Kind, Refusal, is_clients

LONGEST_PAUSE = 300.0
"""Seconds from one try of an import to the next: a refusal that no question about the client shows is tried so."""

LASTS_SECONDS = 2 * int(LONGEST_PAUSE)
"""What nobody has met for this long is over."""

_KEY = "google:client-refused"
_TURN = "reconcile:client-asked"
_EVERY_SECONDS = 2.0
_ASK_SECONDS = (5.0, 60.0)
"""The shortest and the longest time between two questions about the client: a tenth of what the trouble has lasted."""

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")

_LINGERS_SECONDS = 30
"""So long after it was accepted: an import that is refused all the same says so before."""

_log = structlog.get_logger()

Ask = Callable[[], Refusal]
"""Asks Google about the client: see `oauth.trying.asked_about_client`."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Since when Google refuses the client (seconds since the epoch), and its last word for it.

    `accepted`: asked about the client, Google accepted it, and nobody has been refused since.
    """

    since: float
    word: str = ""
    accepted: bool = False


def note(redis: Redis, word: str = "") -> None:
    """Write down that Google refused the client just now; `word` is Google's, empty where it said none."""
    seconds, _ = redis.time()
    with redis.pipeline(transaction=True) as noted:
        noted.hsetnx(_KEY, "since", str(seconds))
        noted.hset(_KEY, "word", word)
        noted.hdel(_KEY, "accepted")
        noted.expire(_KEY, LASTS_SECONDS)
        noted.execute()


def as_code(word: str) -> str:
    """Return how a slice says that it met this; its worker notes it (`heard`)."""
    return f"{ClientRefused.code}:{word}" if _WORD.fullmatch(word) else ClientRefused.code


def heard(redis: Redis, end: SliceEnd) -> SliceEnd:
    """Note what a slice met, if this; return its end without Google's word."""
    code, _, word = end.code.partition(":")
    if code != ClientRefused.code:
        return end
    note(redis, word)
    return replace(end, code=code)


def refused(redis: Redis) -> Refused | None:
    """Return how Google refuses the client; None while it does not."""
    since, word, accepted = (decoded(one or "") for one in redis.hmget(_KEY, "since", "word", "accepted"))
    return Refused(float(since), word, bool(accepted)) if since else None


def look(redis: Redis, ask: Ask, *, told: bool) -> bool:
    """Say in the log when the trouble begins and when it is over, and ask Google whether it is.

    Args:
        redis: the state store.
        ask: asks Google about the client.
        told: whether this worker has said that the trouble began.

    Returns: the same, for the next look.
    """
    now = refused(redis)
    if now and not told:
        _log.error("google-client-refused")
    if told and not now:
        _log.info("google-client-accepted")
    if now and not now.accepted and is_clients(now.word) and _is_our_turn(redis, now.since):
        _heed(redis, ask().kind)
    return now is not None


def watch_until(stop: threading.Event, redis: Redis, ask: Ask) -> None:
    """Look every two seconds until `stop` is set."""
    told = False
    while not stop.is_set():
        with suppress(RedisError):  # the reconciler says that the store is away
            told = look(redis, ask, told=told)
        stop.wait(_EVERY_SECONDS)


def _is_our_turn(redis: Redis, since: float) -> bool:
    """One worker of all asks, less and less often."""
    seconds, _ = redis.time()
    pause = min(_ASK_SECONDS[1], max(_ASK_SECONDS[0], (seconds - since) / 10))
    return take_turn(redis, _TURN, pause)


def _heed(redis: Redis, kind: Kind) -> None:
    """Note a refusal; where the client was refused and is accepted now, have the imports go on."""
    if kind is Kind.CLIENT:
        redis.hset(_KEY, "asked", 1)
        redis.expire(_KEY, LASTS_SECONDS)
    elif kind is Kind.GRANT:
        redis.hset(_KEY, "accepted", 1)
        redis.expire(_KEY, _LINGERS_SECONDS)
        if redis.hdel(_KEY, "asked"):
            _go_on(redis)


def _go_on(redis: Redis) -> None:
    """Resume every import that waits for the client; one that a person has ended meanwhile stays as it is."""
    for migration in read_all(redis, migration_ids(redis)):
        if migration.state is State.WAITING and migration.reason == ClientRefused.code:
            with suppress(IllegalTransition, UnknownMigration):
                resume(redis, migration.id)
