"""What people and the worker did with access and secrets: a chain of entries that nobody can alter unseen.

It is written down before it is done; when it cannot be written down, it must not happen. So a caller writes

    audit.append(redis, audit.WORKER, Act.KEY_DESTROYED, migration_id)
    vault.destroy(migration_id)

and lets what `append` raises end it. The promises and their limits: docs/audit.md.
"""

from jobs.audit.check import Flaw, Kind, Verdict, verdict, verify
from jobs.audit.entry import Checkpoint, Entry, Note
from jobs.audit.log import AuditBroken, AuditBusy, append, backwards, checkpoint, entries, is_begun, latest
from jobs.audit.places import AUDIT_DAYS
from jobs.audit.shelf import Shelf
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
    "Note",
    "Shelf",
    "Verdict",
    "append",
    "backwards",
    "checkpoint",
    "entries",
    "is_begun",
    "latest",
    "staff",
    "verdict",
    "verify",
]
