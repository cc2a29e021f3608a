"""How an undo stands that a customer asked for on a page: asked for, running, done, or stopped and by what.

The page answers at once and a worker does the undo, so it is written down that it was asked for, and the code it was
stopped by: a part of the import, which ends with the rest. All that are asked for stand in one list, from which workers
are told of them (`jobs.undos`).
"""

from dataclasses import dataclass
from typing import Any, Literal, cast

from redis import Redis

from jobs.kept import HOUR
from jobs.migration import part_key, record_key
from jobs.retention import ENDED_SECONDS, QUEUE_SECONDS
from jobs.scripts import decoded
from jobs.undoing import is_running, undone_of
from migrator.undo import Undone

Kind = Literal["none", "running", "done", "stopped"]

ASKED_SECONDS = HOUR
"""An undo stays asked for so long, and its mailbox's credentials with the workers."""

TOLD_SECONDS = 30
"""One that is at work nowhere is told to the workers again after so long: it may have died with one of them."""

_ASKED = "asked"
_WANTED = "jobs:undos"
"""Imports whose undo is asked for, and when the workers are to be told of each."""

# KEYS: the record, the wish, the list. ARGV: value, seconds at most, id, seconds the list is kept. The wish ends with
# the record at the latest, and nothing is written of an import that was erased meanwhile.
_WRITE = """
if ARGV[1] ~= 'asked' then redis.call('ZREM', KEYS[3], ARGV[3]) end
local left = redis.call('TTL', KEYS[1])
if left < 1 then return 0 end
redis.call('SET', KEYS[2], ARGV[1], 'EX', math.min(left, ARGV[2]))
if ARGV[1] == 'asked' then
  redis.call('ZADD', KEYS[3], redis.call('TIME')[1], ARGV[3])
  redis.call('EXPIRE', KEYS[3], ARGV[4])
end
return 1
"""

# KEYS: the wish, the list. ARGV: id. What is asked for no more leaves the list.
_LOOK = """
if redis.call('GET', KEYS[1]) == 'asked' then return 1 end
redis.call('ZREM', KEYS[2], ARGV[1])
return 0
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an undo stands; `code` says what stopped it, empty where it was cut off by nothing we know of."""

    kind: Kind
    undone: Undone
    code: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """How many undos are asked for: those that wait for a worker, and those at work."""

    waiting: int
    working: int


def ask(redis: Redis, migration_id: str) -> None:
    """Note that the customer asks for an undo; the workers are told of it within seconds."""
    _write(redis, migration_id, _ASKED, ASKED_SECONDS)


def stop(redis: Redis, migration_id: str, code: str) -> None:
    """Note by what an undo was stopped."""
    _write(redis, migration_id, code, ENDED_SECONDS)


def settle(redis: Redis, migration_id: str) -> None:
    """Forget that it was asked for: the undo is done, and has numbers of its own."""
    with redis.pipeline(transaction=True) as both:
        both.delete(_key(migration_id))
        both.zrem(_WANTED, migration_id)
        both.execute()


def is_asked(redis: Redis, migration_id: str) -> bool:
    """Tell whether an undo is still asked for."""
    return bool(cast("Any", redis).eval(_LOOK, 2, _key(migration_id), _WANTED, migration_id))


def due(redis: Redis) -> list[str]:
    """Return the imports whose undo is asked for and at work nowhere, and of which workers were not told just now."""
    listed = cast("list[bytes]", redis.zrangebyscore(_WANTED, "-inf", redis.time()[0]))
    return [each for each in map(decoded, listed) if not is_running(redis, each)]


def told(redis: Redis, migration_id: str) -> None:
    """Note that the workers were told."""
    redis.zadd(_WANTED, {migration_id: redis.time()[0] + TOLD_SECONDS}, xx=True)


def line(redis: Redis) -> Line:
    """Return how many are asked for."""
    listed = cast("list[bytes]", redis.zrange(_WANTED, 0, -1))
    working = sum(is_running(redis, decoded(each)) for each in listed)
    return Line(len(listed) - working, working)


def standing(redis: Redis, migration_id: str) -> Standing:
    """Return how the undo of an import stands."""
    undone = undone_of(redis, migration_id)
    wish = decoded(cast("bytes | None", redis.get(_key(migration_id))) or b"")
    if undone.finished:
        return Standing("done", undone)
    if wish == _ASKED or is_running(redis, migration_id):
        return Standing("running", undone)
    if wish or undone != Undone():
        return Standing("stopped", undone, wish)
    return Standing("none", undone)


def _write(redis: Redis, migration_id: str, value: str, seconds: int) -> None:
    keys = (record_key(migration_id), _key(migration_id), _WANTED)
    cast("Any", redis).eval(_WRITE, len(keys), *keys, value, seconds, migration_id, QUEUE_SECONDS)


def _key(migration_id: str) -> str:
    return part_key(migration_id, "undo-wish")
