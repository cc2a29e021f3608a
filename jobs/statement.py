"""What a migration's receipt says, gathered from the stores once everything is discarded.

It is made in the worker, after the last step of discarding and before the migration is given back as ended; the
caller names the end it is about to take.
"""

import re
import secrets
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from redis import Redis

from jobs import audit
from jobs.audit import Act
from jobs.audit.places import end_date
from jobs.discarding import Revocation
from jobs.errors import JobError
from jobs.kept import HOUR, Until
from jobs.migration import State, part_key
from jobs.report import Report, report_on
from jobs.requests import read
from jobs.retention import ENDED_SECONDS, KEPT, parts_ended
from migrator import receipt
from migrator.receipt import Receipt, moment

_NO_PLACE = "unreadable:0"
_STEPS = ("destroy", "unlink", "rewrite")
_GRANTING = frozenset({Act.GRANTED, Act.RECONNECTED})
_AUDIT_BEFORE = 24 * HOUR
"""Entries of a migration may be that much older than its record: consent comes first."""


class NotDiscarded(JobError):
    """Something of the migration is still there that a receipt would call gone; `step` says what."""

    code = "not-discarded"

    def __init__(self, step: str) -> None:
        super().__init__(f"no receipt before discarding: {step}")
        self.step = step


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who gives receipts: name or address of the host, its privacy policy, the software, the mailbox as host:port.

    `scope` is the one that customers are asked for.
    """

    name: str
    policy: receipt.Policy
    software: receipt.Software
    mailbox: str
    scope: str


def statement_of(redis: Redis, migration_id: str, end: State, issuer: Issuer, *, now: float | None = None) -> Receipt:
    """Return the receipt of a migration that ends as `end` at `now` (seconds since the epoch; this clock when None).

    Raises:
        NotDiscarded: a step of discarding is not noted, or what it discards is there.
        UnknownMigration: there is none with this id.
        AuditBroken: the audit log cannot be read.
    """
    at = time.time() if now is None else now
    migration = read(redis, migration_id)
    done = _discarded(redis, migration_id)
    calls = _numbers(redis, migration_id, "calls")
    revocation = Revocation.read(redis, migration_id)
    entries = tuple(audit.entries(redis, migration_id, since=migration.created_at - _AUDIT_BEFORE))
    return Receipt(
        format=1,
        receipt=secrets.token_hex(16),
        migration=migration_id,
        issuer=issuer.name,
        issued=moment(at),
        end=cast("Any", str(end)),
        began=moment(migration.created_at),
        ended=moment(at),
        read=receipt.Read(issuer.scope, calls),
        written=_written(report_on(redis, migration_id), issuer.mailbox, _text(redis, migration_id, "tls")),
        contacted=_hosts(redis, migration_id),
        access=_access(revocation, held=revocation.held or bool(calls) or _was_granted(entries)),
        discarded=done,
        staff_access=_staff(entries),
        retained=_retained(at),
        policy=issuer.policy,
        software=issuer.software,
        audit=receipt.Audit(str(audit.checkpoint(redis))),
        limits=receipt.LIMITS,
    )


def _discarded(redis: Redis, migration_id: str) -> receipt.Discarded:
    """Return when what was discarded, having looked that it is."""
    noted = _hash(redis, migration_id, "discarding")
    for step in _STEPS:
        if step not in noted:
            raise NotDiscarded(step)
    for part in parts_ended():
        if redis.exists(part_key(migration_id, part)):
            raise NotDiscarded(part)
    key_destroyed, data_unlinked, log_rewrite_asked = (moment(float(noted[step])) for step in _STEPS)
    what = tuple(row.holds for row in KEPT if row.is_of_migration and row.until is Until.END)
    return receipt.Discarded(key_destroyed, data_unlinked, log_rewrite_asked, what)


def _written(report: Report, mailbox: str, tls: str) -> receipt.Written:
    folders: Counter[str] = Counter()
    for name, count in report.folders.items():
        folders[_writable(name)] += count
    return receipt.Written(
        mailbox=mailbox,
        tls=tls,
        messages=report.total,
        outcomes=report.outcomes,
        without_outcome=report.open,
        folders=dict(folders),
        bytes=report.bytes,
        verified=report.verified,
    )


def _access(revocation: Revocation, *, held: bool) -> receipt.Access:
    """Say what became of the grant; confirmed is what was noted as confirmed, and nothing else."""
    tries, at = revocation.tries, moment(revocation.at) if revocation.at else None
    if revocation.confirmed is True:
        return receipt.Access("confirmed", receipt.CONFIRMED_HOW, at, tries, advice="")
    if not tries and not held:
        return receipt.Access("nothing-held", receipt.NOTHING_HELD_HOW, None, 0, advice="")
    how = receipt.UNCONFIRMED_HOW if tries else receipt.KEY_LOST_HOW
    return receipt.Access("unconfirmed", how, at, tries, receipt.ADVICE)


def _was_granted(entries: Iterable[audit.Entry]) -> bool:
    """Tell whether the audit log leaves room for a grant: it names one, or nothing about this migration at all."""
    acts = {entry.act for entry in entries}
    return not acts or bool(acts & _GRANTING)


def _staff(entries: Iterable[audit.Entry]) -> tuple[receipt.StaffAct, ...]:
    return tuple(receipt.StaffAct(moment(e.at), str(e.act), e.code) for e in entries if e.actor.is_staff)


def _retained(at: float) -> tuple[receipt.Retained, ...]:
    """Say what is kept after the end, by the table that makes it end."""
    ends = {Until.DAY_AFTER: at + ENDED_SECONDS, Until.AUDIT: end_date(int(at)), Until.HOUR: at + HOUR}
    rows = [row for row in KEPT if row.until in ends and (row.is_of_migration or row.pattern in {"audit:*", "quota:*"})]
    return tuple(receipt.Retained(row.holds, row.why, str(row.sight), moment(ends[row.until])) for row in rows)


def _hosts(redis: Redis, migration_id: str) -> tuple[str, ...]:
    """Return where the import connected to. A child may be in hostile hands: what is no host:port is told as such."""
    found = (
        name.decode("utf-8", "replace") for name in cast("set[bytes]", redis.smembers(part_key(migration_id, "hosts")))
    )
    return tuple(sorted({name if re.fullmatch(receipt.PLACE, name) else _NO_PLACE for name in found}))


def _numbers(redis: Redis, migration_id: str, part: str) -> dict[str, int]:
    return {name: int(value) for name, value in sorted(_hash(redis, migration_id, part).items())}


def _hash(redis: Redis, migration_id: str, part: str) -> dict[str, str]:
    rows = cast("dict[bytes, bytes]", redis.hgetall(part_key(migration_id, part)))
    return {name.decode(): value.decode() for name, value in rows.items()}


def _text(redis: Redis, migration_id: str, part: str) -> str:
    return (cast("bytes | None", redis.get(part_key(migration_id, part))) or b"").decode()


def _writable(name: str) -> str:
    """Return a folder's name without halves of characters, which a hostile server may send and JSON cannot hold."""
    return name.encode("utf-8", "replace").decode()
