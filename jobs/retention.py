"""What is kept, who may see it, and until when: the one table behind every end date.

It drives the end dates set by the scripts in `jobs/lua`, the reconciler's sweep and the tests' search for leaks.
`<id>` stands for a migration's id, `*` for any further text.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

HOUR = 3600

UNFINISHED_SECONDS = 72 * HOUR
"""A migration without progress for this long is gone, whatever state it is in."""

EXPIRE_SECONDS = 71 * HOUR
"""Without progress for this long it is ended as expired: one hour is left to revoke the grant and tell the customer."""

ENDED_SECONDS = 24 * HOUR
"""After its end a migration's keys live at most this long."""

QUEUE_SECONDS = 72 * HOUR
"""Keys of the queues live this long after their last use; a migration in them is gone by then."""

BROKER_SECONDS = 24 * HOUR
"""Keys of the message broker live this long after their last use; they hold tickets, which say nothing."""


class Sight(StrEnum):
    """Who may see a key's content."""

    WORKER = "the worker only"
    OPERATOR = "operators and the worker"
    CUSTOMER = "the customer, operators and the worker"


class Until(StrEnum):
    """When a key ends."""

    MIGRATION = "72 h without progress, 24 h after the end"
    QUEUE = "72 h after the last use"
    BROKER = "24 h after the last use"
    MINUTES = "minutes"


@dataclass(frozen=True, slots=True)
class Kept:
    """One row: the pattern of a key's name, what it holds, who may see it, until when it is kept.

    For names with a `*`, so that no keys need be searched for: `names` says what may stand there, or `listed_by`
    names the part whose hash fields do.
    """

    pattern: str
    holds: str
    sight: Sight
    until: Until
    listed_by: str = ""
    names: tuple[str, ...] = ()

    def matches(self, key: str) -> bool:
        """Tell whether a key's name fits the pattern."""
        text = re.escape(self.pattern).replace(re.escape("<id>"), "[A-Za-z0-9_-]+").replace(re.escape("*"), ".+")
        return re.fullmatch(text, key) is not None


_M = Until.MIGRATION
_LISTINGS = ("all", "SPAM", "TRASH", "CHAT", "large")

KEPT: tuple[Kept, ...] = (
    Kept("mig:{<id>}", "state, phase, times, reason code, fencing token, customer's opaque id", Sight.OPERATOR, _M),
    Kept("mig:{<id>}:history", "the last 50 states with time and reason code", Sight.OPERATOR, _M),
    Kept("mig:{<id>}:more", "names of further keys of the migration", Sight.WORKER, _M),
    Kept("mig:{<id>}:choices", "what the customer chose", Sight.CUSTOMER, _M),
    Kept("mig:{<id>}:sealed", "grant and mailbox password, sealed under the migration's key", Sight.WORKER, _M),
    Kept("mig:{<id>}:trying", "number of the one message being tried after a crash", Sight.WORKER, _M),
    Kept("mig:{<id>}:account", "the Gmail account's opaque key", Sight.WORKER, _M),
    Kept("mig:{<id>}:labels", "label ids and names", Sight.CUSTOMER, _M),
    Kept("mig:{<id>}:map", "which folder each label becomes", Sight.CUSTOMER, _M),
    Kept("mig:{<id>}:listing", "how far the listing is", Sight.WORKER, _M),
    Kept("mig:{<id>}:found:*", "Gmail message ids listed so far", Sight.WORKER, _M, names=_LISTINGS),
    Kept("mig:{<id>}:since", "Gmail's history id", Sight.WORKER, _M),
    Kept("mig:{<id>}:ids", "Gmail message ids in copying order", Sight.WORKER, _M),
    Kept("mig:{<id>}:marks", "one outcome per message", Sight.WORKER, _M),
    Kept("mig:{<id>}:reasons", "a word for each message that failed", Sight.CUSTOMER, _M),
    Kept("mig:{<id>}:counts", "messages and bytes by folder number", Sight.CUSTOMER, _M),
    Kept("mig:{<id>}:folders", "folder names, UIDVALIDITY, UIDNEXT", Sight.CUSTOMER, _M),
    Kept("mig:{<id>}:partial", "messages still to be put in further folders", Sight.WORKER, _M),
    Kept("mig:{<id>}:intent", "the one command under way: sizes and keyed digests", Sight.WORKER, _M),
    Kept("mig:{<id>}:placed:*", "UID, size and keyed digest per message", Sight.WORKER, _M, listed_by="folders"),
    Kept("mig:{<id>}:verified", "how far the check is and what it found", Sight.CUSTOMER, _M),
    Kept("mig:{<id>}:revocation", "tries to revoke the grant", Sight.OPERATOR, _M),
    Kept("mig:{<id>}:progress", "samples of messages and bytes done", Sight.CUSTOMER, _M),
    Kept("jobs:ready:*", "ids of migrations ready to run, by customer", Sight.OPERATOR, Until.QUEUE),
    Kept("jobs:ring", "customers with ready work, in turn", Sight.OPERATOR, Until.QUEUE),
    Kept("jobs:turn", "a counter", Sight.OPERATOR, Until.QUEUE),
    Kept("jobs:leases", "ids of running migrations and their deadlines", Sight.OPERATOR, Until.QUEUE),
    Kept("jobs:due", "ids of waiting migrations and their times", Sight.OPERATOR, Until.QUEUE),
    Kept("jobs:ends", "ids of all migrations and when to end or forget them", Sight.OPERATOR, Until.QUEUE),
    Kept("reconcile:tick", "that a reconciler acted just now", Sight.OPERATOR, Until.MINUTES),
    Kept("quota:*", "Google units reserved, by opaque account key", Sight.WORKER, Until.MINUTES),
    Kept("{dramatiq}:*", "tickets: job messages without any argument", Sight.OPERATOR, Until.BROKER),
)


def migration_parts() -> tuple[str, ...]:
    """Return the parts of a migration whose names are fixed: `history`, `ids`, ... (without the record itself)."""
    return tuple(name for row in _of_migration() for name in _fixed_parts(row))


def migration_families() -> dict[str, str]:
    """Return the parts with any number of keys: the name's beginning (`placed:`) -> the part that lists the rest."""
    return {_part(row).removesuffix("*"): row.listed_by for row in _of_migration() if row.listed_by}


def row_for(key: str) -> Kept | None:
    """Return the row of the table that a key's name fits, if any."""
    return next((row for row in KEPT if row.matches(key)), None)


def _of_migration() -> tuple[Kept, ...]:
    return tuple(row for row in KEPT if row.until is _M)


def _part(row: Kept) -> str:
    return row.pattern.partition("}:")[2]


def _fixed_parts(row: Kept) -> tuple[str, ...]:
    part = _part(row)
    if row.names:
        return tuple(part.replace("*", name) for name in row.names)
    return (part,) if part and not row.listed_by else ()
