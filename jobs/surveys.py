"""Accounts to be looked over before their import: the pages ask for it, a worker does it.

    page ──► ask: the hold says "asked", and a message with the import's id lies in the queue
    worker ─► take: the hold is its own ─► keep, every few seconds ─► leave: what was found is written, the hold is free
                                           └─ told to stop: give_back: as if it were asked for anew

While there is a hold nobody asks again, and it ends by itself: a page that asks whenever it is looked at has done anew
what was lost, be it the message or the worker.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import dramatiq
from redis import Redis

from jobs.broker import SURVEY, SURVEYS, Sender, consuming, make_broker, send_survey
from jobs.migration import part_key, record_key

HOLD_SECONDS = 30
"""A hold that nobody has put off for so long belongs to a dead worker, or its message is lost."""

KEEP_SECONDS = 5.0
"""A worker puts its holds off so often."""

_MAX_AGE_MS = 600_000
"""Whose page is still open has asked again by then."""

_TIME_LIMIT_MS = 120_000
"""The actor hands the import over, which takes two answers of the state store."""

_STOP_SECONDS = 1.0

_ASKED = "asked"

# KEYS of each: the record, what was found, the hold.
_WAITS = "if redis.call('HGET', KEYS[1], 'reason') ~= 'not-started' then return 0 end\n"

_MINE = "if redis.call('GET', KEYS[3]) ~= ARGV[1] then return 0 end\n"

# ARGV: "asked", seconds of the hold, what was found before and is not wanted any more.
_ASK = f"""{_WAITS}
local row = redis.call('GET', KEYS[2])
if row and row ~= ARGV[3] then return 0 end
if not redis.call('SET', KEYS[3], ARGV[1], 'NX', 'EX', ARGV[2]) then return 0 end
redis.call('DEL', KEYS[2])
return 1
"""

# ARGV: the token, seconds of the hold, "asked".
_TAKE = f"""{_WAITS}
local holder = redis.call('GET', KEYS[3])
if redis.call('EXISTS', KEYS[2]) == 1 or (holder and holder ~= ARGV[3]) then return 0 end
redis.call('SET', KEYS[3], ARGV[1], 'EX', ARGV[2])
return 1
"""

# ARGV: the token, seconds of the hold.
_KEEP = f"""{_WAITS}{_MINE}
redis.call('SET', KEYS[3], ARGV[1], 'EX', ARGV[2])
return 1
"""

# ARGV: the token, what is to be kept, or '' for nothing: it ends with the record. The hold may have ended meanwhile.
_LEAVE = f"""
local holder = redis.call('GET', KEYS[3])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[3])
{_WAITS}
local left = redis.call('PTTL', KEYS[1])
if ARGV[2] ~= '' and left > 0 then redis.call('SET', KEYS[2], ARGV[2], 'PX', left) end
return 1
"""

# ARGV: the token, seconds of the hold, "asked".
_GIVE_BACK = f"""{_WAITS}{_MINE}
redis.call('SET', KEYS[3], ARGV[3], 'EX', ARGV[2])
return 1
"""


@dataclass(frozen=True, slots=True)
class Hold:
    """A worker's place at one import; `redis` is the state store, all methods raise `RedisError` when it is away."""

    redis: Redis = field(repr=False)
    migration: str
    token: str

    def take(self) -> bool:
        """Take the import; False when it is done or another's, or does not wait for its start any more."""
        return self._done(_TAKE, HOLD_SECONDS, _ASKED)

    def keep(self) -> bool:
        """Put the hold's end off; False when the import is not to be looked over here any more."""
        return self._done(_KEEP, HOLD_SECONDS)

    def leave(self, row: str = "") -> None:
        """Free it, and write down what was found, if anything."""
        self._done(_LEAVE, row)

    def give_back(self, sender: Sender) -> None:
        """Have another worker take the import."""
        if self._done(_GIVE_BACK, HOLD_SECONDS, _ASKED):
            send_survey(sender, self.migration)

    def _done(self, script: str, *args: str | int) -> bool:
        return _run(self.redis, script, self.migration, self.token, *args)


def ask(redis: Redis, sender: Sender, migration_id: str, before: str = "") -> None:
    """Have a worker look an import over; nothing when that is asked for, under way or done, or it was started.

    Args:
        redis: the state store.
        sender: to the broker.
        migration_id: the import.
        before: what was found the last time and is not wanted any more: why it failed.

    Raises:
        redis.RedisError: a store is away. What could not be sent is asked for again after `HOLD_SECONDS`.
    """
    if _run(redis, _ASK, migration_id, _ASKED, HOLD_SECONDS, before):
        send_survey(sender, migration_id)


def found(redis: Redis, migration_id: str) -> str:
    """Return what was written down, empty where nothing was yet."""
    return (cast("bytes | None", redis.get(part_key(migration_id, "survey"))) or b"").decode()


@contextmanager
def taking(broker_url: str, take: Callable[[str], None]) -> Iterator[None]:
    """Have `take` called with the id of each import that is asked for, in one thread, while the block runs.

    What it raises is told nobody: the customer's page asks again.
    """
    broker = make_broker(broker_url)
    dramatiq.actor(
        actor_name=SURVEY,
        queue_name=SURVEYS,
        broker=broker,
        max_retries=0,
        throws=Exception,
        time_limit=_TIME_LIMIT_MS,
        max_age=_MAX_AGE_MS,
    )(take)
    with broker.client, consuming({broker: 1}, _STOP_SECONDS):
        yield


def _run(redis: Redis, script: str, migration_id: str, *args: str | int) -> bool:
    keys = (record_key(migration_id), part_key(migration_id, "survey"), part_key(migration_id, "surveying"))
    return bool(cast("Any", redis).eval(script, len(keys), *keys, *args))
