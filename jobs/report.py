"""The account that adds up, as values: every message of the Gmail account under exactly one outcome; counts only."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from redis import Redis

from jobs.requests import read
from migrator.attributes import DATES_NOT_KEPT, FLAGS_NOT_KEPT
from migrator.ledger import Ledger
from migrator.remarks import counted
from migrator.verified import CURSOR, VERIFIED


@dataclass(frozen=True, slots=True)
class Report:
    """A migration in numbers. `outcomes` sums up to `total`; `folders` counts messages by folder name.

    `verified` says what became of the check: the counts of `migrator.verified.Verified`, in placements, and where the
    server dropped some, in messages, `flags_not_kept` and `dates_not_kept`. Empty before the check.
    `remarks` counts, by word, what copies do not show (`migrator.remarks`), and `renamed-labels`.
    """

    id: str
    state: str
    phase: str
    reason: str
    until: float
    total: int
    open: int
    outcomes: dict[str, int]
    folders: dict[str, int]
    failures: dict[str, int]
    bytes: int
    verified: dict[str, int]
    remarks: dict[str, int] = field(default_factory=dict)

    @property
    def adds_up(self) -> bool:
        """True when nothing is open and every message has one outcome."""
        return self.open == 0 and sum(self.outcomes.values()) == self.total

    @property
    def copied(self) -> int:
        """Messages that were brought over by this migration."""
        return sum(count for words, count in self.outcomes.items() if words.startswith("copied"))

    def as_json(self) -> dict[str, Any]:
        """Return the report for programs."""
        return {**asdict(self), "adds_up": self.adds_up}


def report_on(redis: Redis, migration_id: str) -> Report:
    """Read the numbers from the ledger; the sums are counted from the marks, not kept beside them."""
    migration = read(redis, migration_id)
    ledger = Ledger(redis, migration_id)
    marks = ledger.outcomes()
    counts = ledger.counts()
    folders = {n: s.name for n, s in ledger.folders().items() if counts.get(f"folder:{n}")}
    return Report(
        id=migration.id,
        state=str(migration.state),
        phase=str(migration.phase),
        reason=migration.reason,
        until=migration.until,
        total=sum(marks.values()),
        open=sum(count for mark, count in marks.items() if mark.is_open),
        outcomes={mark.words: count for mark, count in marks.items() if not mark.is_open},
        folders={name: counts[f"folder:{n}"] for n, name in sorted(folders.items(), key=lambda row: row[1])},
        failures=dict(Counter(ledger.reasons().values())),
        bytes=counts.get("bytes", 0),
        remarks=_remarks(ledger),
        verified=_verified(ledger, counts),
    )


def _verified(ledger: Ledger, counts: dict[str, int]) -> dict[str, int]:
    found: dict[str, int] = ledger.load(VERIFIED) or {}
    not_kept = {name: counts[name] for name in (FLAGS_NOT_KEPT, DATES_NOT_KEPT) if counts.get(name)}
    return {name: count for name, count in found.items() if name not in CURSOR} | not_kept


def _remarks(ledger: Ledger) -> dict[str, int]:
    renamed = ledger.count_of_renamed()
    return {**counted(ledger.remarks()), **({"renamed-labels": renamed} if renamed else {})}
