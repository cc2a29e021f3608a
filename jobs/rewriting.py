"""The state store's append-only file rewritten after something was unlinked: until then it still lies in there.

A wish is a random value in `discard:rewrite`. It is taken back only when a rewrite that began after it has ended well,
and only if it is still the same wish: whatever dies in between, the rewrite is done once more.
"""

from dataclasses import dataclass
from functools import cache
from typing import cast

import structlog
from redis import Redis
from redis.exceptions import NoPermissionError, ResponseError

from jobs import scripts
from jobs.clocks import is_within
from jobs.retention import QUEUE_SECONDS, REWRITE_WISH

_log = structlog.get_logger()

_BEGUN = "discard:begun"
_PAUSE_SECONDS = 10
"""At least so long between the beginnings of two rewrites: many migrations that end together share one."""


class RewriteImpossible(Exception):
    """The store keeps no append-only file, or does not let us rewrite it."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The rewrite begun last: for which wish, in which run of the server, when (seconds since the epoch)."""

    wish: str = ""
    run: str = ""
    at: float = 0.0

    @classmethod
    def read(cls, redis: Redis) -> "Begun":
        """Return it as it was written down."""
        row = cast("dict[object, object]", redis.hgetall(_BEGUN))
        fields = {scripts.decoded(name): scripts.decoded(value) for name, value in row.items()}
        return cls(fields["wish"], fields["run"], float(fields["at"])) if fields else cls()

    def note(self, redis: Redis) -> None:
        """Write it down."""
        with redis.pipeline(transaction=True) as both:  # never a note without an end date
            both.hset(_BEGUN, mapping={"wish": self.wish, "run": self.run, "at": str(self.at)})
            both.expire(_BEGUN, QUEUE_SECONDS)
            both.execute()


def rewrite_if_asked(redis: Redis) -> None:
    """Begin the rewrite somebody wished for, or take the wish back once it is fulfilled.

    A store that keeps no such file, or does not allow this, is told of once in the log, and the wish is dropped.
    """
    wish = redis.get(REWRITE_WISH)
    if wish is None:
        return
    try:
        _fulfil(redis, scripts.decoded(wish))
    except (RewriteImpossible, NoPermissionError):
        _say_once()
        _forget(redis, scripts.decoded(wish))


def _fulfil(redis: Redis, wish: str) -> None:
    stands, run = redis.info("persistence"), str(redis.info("server")["run_id"])
    if not stands["aof_enabled"]:
        raise RewriteImpossible
    if stands["aof_rewrite_in_progress"] or stands["aof_rewrite_scheduled"]:
        return
    begun, now = Begun.read(redis), float(redis.time()[0])
    if (begun.wish, begun.run, stands["aof_last_bgrewrite_status"]) == (wish, run, "ok"):
        _forget(redis, wish)
    elif begun.run != run or not is_within(_PAUSE_SECONDS, begun.at, now):
        _begin(redis)
        # After the beginning, not before: what is noted has happened.
        Begun(wish, run, now).note(redis)


def _begin(redis: Redis) -> None:
    try:
        redis.bgrewriteaof()
    except ResponseError as error:
        if "unknown command" in str(error).lower():  # hosted stores take it away
            raise RewriteImpossible from None
        raise


def _forget(redis: Redis, wish: str) -> None:
    scripts.run(redis, "forget", REWRITE_WISH, wish)


@cache
def _say_once() -> None:
    _log.warning("rewrite-refused", error=RewriteImpossible)
