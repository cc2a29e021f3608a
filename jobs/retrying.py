"""Messages that failed, tried again because somebody chose so: as long as their import has not come to its end.

What is opened again is for the next slice to do, under its own fencing token (`migrator.reopening`); here it is written
down that it shall. An import that is finishing or has ended has given its access back: there one begins again, and what
has arrived is recognised.
"""

from redis import Redis

from jobs import scripts
from jobs.errors import IllegalTransition, UnknownMigration
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
    match scripts.run(redis, "retry", migration_id, int(count > 0)):
        case ["illegal", before, after]:
            raise IllegalTransition(before, after)
        case ["unknown"]:
            raise UnknownMigration
        case _:
            return count
