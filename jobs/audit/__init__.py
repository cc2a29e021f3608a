"""What people and the worker did with access and secrets: a chain of entries that nobody can alter unseen.

An entry is appended before its act; when it cannot be appended, the act must not happen. So a caller writes

    audit.append(redis, audit.WORKER, Act.KEY_DESTROYED, migration_id)
    vault.destroy(migration_id)

and lets what `append` raises end it. The promises and their limits: docs/audit.md.
"""

from jobs.audit.check import Flaw, Kind, Verdict, verify
from jobs.audit.entry import Checkpoint, Entry
from jobs.audit.lists import AUDIT_DAYS
from jobs.audit.log import AuditBroken, AuditBusy, append, backwards, checkpoint, entries, latest
from jobs.audit.words import CUSTOMER, OF_MEMBERS, PANEL, TERMINAL, WORKER, Act, Actor, staff

__all__ = [
    "AUDIT_DAYS",
    "CUSTOMER",
    "OF_MEMBERS",
    "PANEL",
    "TERMINAL",
    "WORKER",
    "Act",
    "Actor",
    "AuditBroken",
    "AuditBusy",
    "Checkpoint",
    "Entry",
    "Flaw",
    "Kind",
    "Verdict",
    "append",
    "backwards",
    "checkpoint",
    "entries",
    "latest",
    "staff",
    "verify",
]
