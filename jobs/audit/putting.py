"""How the keeper puts entries into the state store: appended, and the newest known, in one transaction."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from jobs.audit.entry import Entry
from jobs.audit.key import AuditKey, Purpose
from jobs.audit.places import AUDIT_DAYS, DAY, NEWEST, OF_ONE_SECONDS, OPEN, of_one

KEPT_SECONDS = (AUDIT_DAYS + 31) * DAY
"""So long the store keeps what the keeper writes, should nobody keep the log any more."""


def put_entries(turn: Any, made: Iterable[Entry], key: AuditKey) -> None:
    """Append entries to the open ones and to the lists of what they are about, as part of a transaction."""
    of: defaultdict[str, list[str]] = defaultdict(list)
    lines = []
    for entry in made:
        lines.append(key.signed(Purpose.ENTRY, entry.line))
        if entry.migration:
            of[entry.migration].append(lines[-1])
    if lines:
        turn.rpush(OPEN, *lines)
        turn.expire(OPEN, KEPT_SECONDS)
        turn.set(NEWEST, lines[-1], ex=KEPT_SECONDS)
    for migration, its in of.items():
        turn.rpush(of_one(migration), *its)
        turn.expire(of_one(migration), OF_ONE_SECONDS)
