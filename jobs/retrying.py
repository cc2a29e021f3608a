"""Messages that failed, tried again or left because somebody chose so, while their import has not come to its end.

What is opened again is for the next slice to do, under its own fencing token (`migrator.reopening`); here it is written
down that it shall. An import that is finishing or has ended has given its access back: there one begins again, and what
has arrived is recognised.
"""

from redis import Redis

from jobs import scripts
from jobs.migration import Migration, State
from jobs.requests import raise_refusal
from migrator.hold import FAILED_MESSAGES
from migrator.ledger import Ledger
from migrator.reopening import RETRIED


def open_again(redis: Redis, migration_id: str) -> int:
    """Have every message tried again whose failure a new try may change; return how many there are now.

    One that rests has to be resumed for it. Asking twice is asking once; with nothing to try again nothing is changed.

    Raises:
        IllegalTransition: it is finishing, has ended, or failed for good.
        UnknownMigration: there is none with this id.
    """
    outcomes = Ledger(redis, migration_id).outcomes()
    count = sum(number for mark, number in outcomes.items() if mark in RETRIED)
    raise_refusal(scripts.run(redis, "retry", migration_id, int(count > 0)))
    return count


def is_held(migration: Migration) -> bool:
    """Tell whether an import waits for somebody to decide about the messages that failed."""
    return migration.state is State.WAITING and migration.reason == FAILED_MESSAGES


def finish_without(redis: Redis, migration_id: str) -> None:
    """Let a held import finish without the messages that failed; they stay in Gmail.

    Raises:
        IllegalTransition: it is not held.
        UnknownMigration: there is none with this id.
    """
    raise_refusal(scripts.run(redis, "finish", migration_id))
