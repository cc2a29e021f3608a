"""The words of the audit log: who acts, and what is done. A closed list, so that no text gets in."""

import re
from dataclasses import dataclass
from enum import StrEnum

_STAFF = re.compile(r"staff:[0-9a-f]{32}")
_OTHERS = frozenset({"customer", "worker", "terminal", "panel"})


class Act(StrEnum):
    """Everything that is written down. The words are stored: add new ones, change none."""

    GRANTED = "granted"
    RECONNECTED = "reconnected"
    MAILBOX_RENEWED = "mailbox-renewed"
    GRANT_REFUSED = "grant-refused"
    STARTED = "started"
    OPENED = "opened"
    PAUSED = "paused"
    RESUMED = "resumed"
    RETRIED = "retried"
    FINISHED_WITHOUT = "finished-without"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REVOKING = "revoking"
    REVOKED = "revoked"
    REVOCATION_UNCONFIRMED = "revocation-unconfirmed"
    KEY_DESTROYED = "key-destroyed"
    DATA_UNLINKED = "data-unlinked"
    RECEIPT_SIGNED = "receipt-signed"
    EGRESS_REFUSED = "egress-refused"
    UNDOING = "undoing"
    ERASED = "erased"
    PURGED = "purged"
    PERMISSION_ASKED = "permission-asked"
    PERMISSION_GIVEN = "permission-given"
    PERMISSION_USED = "permission-used"
    PERMISSION_ENDED = "permission-ended"
    LOOKED = "looked"
    MASTER_KEY_ROTATED = "master-key-rotated"
    SIGNED_IN = "signed-in"
    STEPPED_UP = "stepped-up"
    RECOVERY_CODE_USED = "recovery-code-used"
    MEMBER_ADDED = "member-added"
    MEMBER_ENROLLED = "member-enrolled"
    MEMBER_ROLE_CHANGED = "member-role-changed"
    MEMBER_RESET = "member-reset"
    MEMBER_FREED = "member-freed"
    MEMBER_REMOVED = "member-removed"
    NOTE_REFUSED = "note-refused"
    VERIFYING = "verifying"
    ENTRIES_PUT_BACK = "entries-put-back"


OF_MEMBERS = frozenset(act for act in Act if act.value.startswith("member-"))
"""Acts whose entries name, where others name a migration, the member of the staff they are about."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts.

    `customer`, `worker`, `terminal` (a person at the command line), `panel` (the host's, over the API) or
    `staff:<32 hex digits>`.

    Raises:
        ValueError: it is written in another way.
    """

    text: str

    def __post_init__(self) -> None:
        if self.text not in _OTHERS and not _STAFF.fullmatch(self.text):
            raise ValueError("an actor is customer, worker, terminal or staff with an opaque name")

    @property
    def is_staff(self) -> bool:
        """True for a member of the staff."""
        return self.text.startswith("staff:")

    def __str__(self) -> str:
        return self.text


CUSTOMER = Actor("customer")
WORKER = Actor("worker")
TERMINAL = Actor("terminal")
PANEL = Actor("panel")


def staff(name: str) -> Actor:
    """Return a member of the staff by opaque name, as `Vault.pseudonym` makes them.

    Raises:
        ValueError: the name is not 32 hex digits.
    """
    return Actor(f"staff:{name}")
