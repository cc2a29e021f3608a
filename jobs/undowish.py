"""How an undo stands that a customer asked for on a page: begun, running, done, or stopped and by what.

The page answers at once and the undo goes on without it, so somebody has to remember that it was asked for, and the
code it was stopped by: a part of the import, which ends with the rest.
"""

from dataclasses import dataclass
from typing import Any, Literal, cast

from redis import Redis

from jobs.migration import part_key, record_key
from jobs.retention import ENDED_SECONDS
from jobs.scripts import decoded
from jobs.undoing import is_running, undone_of
from migrator.undo import Undone

Kind = Literal["none", "running", "done", "stopped"]

BEGIN_SECONDS = 60
"""An undo that was asked for and is not at work after this long has died with its server."""

_ASKED = "asked"

# KEYS: the record, the wish. ARGV: value, seconds at most. It ends with the record at the latest, and nothing is
# written of an import that was erased meanwhile.
_WRITE = """
local left = redis.call('TTL', KEYS[1])
if left < 1 then return 0 end
redis.call('SET', KEYS[2], ARGV[1], 'EX', math.min(left, ARGV[2]))
return 1
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an undo stands; `code` says what stopped it, empty where it was cut off by nothing we know of."""

    kind: Kind
    undone: Undone
    code: str = ""


def ask(redis: Redis, migration_id: str) -> None:
    """Note that the customer asked for an undo, which begins now."""
    _write(redis, migration_id, _ASKED, BEGIN_SECONDS)


def stop(redis: Redis, migration_id: str, code: str) -> None:
    """Note by what an undo was stopped."""
    _write(redis, migration_id, code, ENDED_SECONDS)


def settle(redis: Redis, migration_id: str) -> None:
    """Forget that it was asked for: the undo is done, and has numbers of its own."""
    redis.delete(_key(migration_id))


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
    cast("Any", redis).eval(_WRITE, 2, record_key(migration_id), _key(migration_id), value, seconds)


def _key(migration_id: str) -> str:
    return part_key(migration_id, "undo-wish")
