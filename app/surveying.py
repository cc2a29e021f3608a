"""What the customer is shown before the start: the account looked over by a worker, and every choice's effect.

    begin(stores, migration_id) -> None                     has it looked over, once; returns at once
    found(stores, migration_id) -> Found | Failed | None    what came of it; None while nothing has
    counted(found) -> Counted                               for the screen Check
    looked(found, choices) -> Looked                        for the screen Choose: what these choices would do
    usual(found, choices) -> Choices                        the host's choices, hidden labels without mail unticked

What is found is kept as the plan's labels are: names in the clear, for the customer, until the import ends. It is
written only while the import waits for its start.
"""

import json

import structlog
from redis.exceptions import RedisError

from app.found import Failed, Found, counted, looked, usual
from app.seen import seen_of
from app.stores import Stores
from jobs import surveys

__all__ = ["Failed", "Found", "begin", "counted", "found", "looked", "usual"]

_log = structlog.get_logger()


def begin(stores: Stores, migration_id: str) -> None:
    """Have an import that waits for its start looked over; does nothing when that is asked for, under way or done.

    One that failed is looked over again. The import's secrets are sealed and its choices written by now. A store that
    is away is in the log: whoever waits for what is found begins again.

    Args:
        stores: of this installation.
        migration_id: whoever asks must have been found to be its customer.
    """
    try:
        before = surveys.found(stores.state, migration_id)
        if not isinstance(_read(before), Found):
            surveys.ask(stores.state, stores.sender, migration_id, before)
    except RedisError as error:
        _log.error("survey-failed", migration=migration_id, error=error)


def found(stores: Stores, migration_id: str) -> Found | Failed | None:
    """Return what was found; None while it is under way, and when nobody has begun."""
    return _read(surveys.found(stores.state, migration_id))


def _read(text: str) -> Found | Failed | None:
    if not text:
        return None
    row = json.loads(text)
    return Failed(row["failed"]) if "failed" in row else Found(seen_of(row))
