"""One thing that is kept, as a value: its name, where it lies, what it holds, who may see it, until when, and why."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

HOUR = 3600


class Where(StrEnum):
    """Where something is kept."""

    STATE = "state store"
    KEYS = "key store"
    BROKER = "message broker"
    FILES = "files"


class Sight(StrEnum):
    """Who may see the content."""

    WORKER = "the worker only"
    SERVICE = "the service only"
    OWNER = "the customer and the worker"
    OPERATOR = "operators and the worker"
    CUSTOMER = "the customer, operators and the worker"
    ALLOWED = "the customer and the worker, and operators where the customer allows it"
    HOST = "who runs the machine"


class Until(StrEnum):
    """When it ends. `longest` has the same in seconds."""

    END = "the end of the migration, or 72 h without progress"
    DAY_AFTER = "24 h after the end, or 72 h without progress"
    KEY = "the end of the migration, or 72 h after the last use"
    QUEUE = "72 h after the last use"
    BROKER = "24 h after the last use"
    HOUR = "an hour after the last use"
    DAY = "a day after it was written"
    CONSENT = "10 minutes after it began"
    LAUNCH = "75 seconds after it was made"
    LAUNCHED = "8 minutes after it was used"
    DEPOSIT = "30 minutes after it was made"
    SESSION = "30 minutes after the last use, 12 h at most"
    STAFF_SESSION = "15 minutes after the last use, 8 h at most"
    ENROLMENT = "24 h after it was made"
    STAFF = "180 days after the last sign-in"
    AUDIT = "400 days after its day"
    TAKEN = "seconds later, when the keeper of the audit log takes it"
    REWRITE = "the next rewrite of the log, seconds after an end"
    SLICE = "the end of the slice"
    INSTALLATION = "the end of the installation"
    HOST = "the host's decision"

    @property
    def longest(self) -> int | None:
        """The most seconds a key of a store may have left; None where there is no such number."""
        return _LONGEST.get(self)


_LONGEST = {
    Until.END: 72 * HOUR,
    Until.DAY_AFTER: 72 * HOUR,
    Until.KEY: 72 * HOUR,
    Until.QUEUE: 72 * HOUR,
    Until.BROKER: 24 * HOUR,
    Until.HOUR: HOUR,
    Until.DAY: 24 * HOUR,
    Until.CONSENT: 600,
    Until.LAUNCH: 75,
    Until.LAUNCHED: 480,
    Until.DEPOSIT: HOUR // 2,
    Until.SESSION: HOUR // 2,
    Until.STAFF_SESSION: HOUR // 4,
    Until.ENROLMENT: 24 * HOUR,
    Until.STAFF: 180 * 24 * HOUR,
    Until.AUDIT: (400 + 31) * 24 * HOUR,
}


@dataclass(frozen=True, slots=True)
class Kept:
    """One row of the table in `jobs.retention`.

    `pattern` is a key's name (`<id>` stands for a migration's id, `*` for any further text) or a file's. `why` says
    what for it is still there when the migration has ended; empty where it is not.

    For names with a `*` inside a migration, so that no keys need be searched for: `names` says what may stand there,
    or `listed_by` names the part whose hash fields do.
    """

    pattern: str
    where: Where
    holds: str
    sight: Sight
    until: Until
    why: str = ""
    listed_by: str = ""
    names: tuple[str, ...] = ()

    def matches(self, key: str) -> bool:
        """Tell whether a key's name fits the pattern."""
        return _shape(self.pattern).fullmatch(key) is not None

    @property
    def part(self) -> str:
        """What follows the migration's id: `placed:*`; empty for the record and for what is no migration's."""
        return self.pattern.partition("}:")[2] if self.is_of_migration else ""

    @property
    def parts(self) -> tuple[str, ...]:
        """The part's names where they are fixed: `found:all`, `found:SPAM`, ..."""
        if self.names:
            return tuple(self.part.replace("*", name) for name in self.names)
        return (self.part,) if self.part and not self.listed_by else ()

    @property
    def is_of_migration(self) -> bool:
        """Tell whether it is the record of a migration or a part of it."""
        return self.pattern.startswith("mig:{<id>}")


@cache
def _shape(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(re.escape("<id>"), "[A-Za-z0-9_-]+").replace(re.escape("*"), ".+"))
