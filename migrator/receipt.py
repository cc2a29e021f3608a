"""The receipt: what a migration read, where it went, and what became of the access to it; as values and as JSON.

It holds ids, hosts, folder names, counts and times: no address of account or mailbox, no subject, no sender, no text
of a mail. Folder names are the customer's own, and so is the receipt. Times are UTC, in whole seconds.
"""

import json
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints, TypeAdapter
from pydantic.dataclasses import dataclass

CONFIRMED_HOW = (
    "The refresh token was sent to Google's revocation address (POST). Then Google was asked about it once more, "
    "and answered that it is dead."
)
UNCONFIRMED_HOW = (
    "The refresh token was sent to Google's revocation address (POST); Google did not confirm that it is dead."
)
KEY_LOST_HOW = (
    "The key of the sealed refresh token was lost before the end. Nobody can open the token any more, "
    "but it could not be given back to Google either."
)
NOTHING_HELD_HOW = "No access to a Google account was held."

PERMISSIONS_PAGE = "https://myaccount.google.com/connections"
ADVICE = f"Open {PERMISSIONS_PAGE} in your Google Account, choose this service, and remove its access."
"""What the customer does where revocation is not confirmed (Google Account Help, "Manage connections ...")."""

LIMITS = (
    (
        "The signature proves who issued this receipt, and that it was not changed since. It does not prove that what "
        "the issuer states is true."
    ),
    "It cannot prove that the issuer ran the software named here, unchanged.",
    (
        "It cannot prove that no copy of mail or access was made outside this software, for instance by someone in "
        "control of the machine it ran on."
    ),
    (
        "Calls and hosts are those the software counted itself. Your Google Account's list of connections is Google's "
        "own word on whether access has ended."
    ),
    (
        "A backup of the issuer's disks from the time of the import may still hold what was unlinked here: counts, "
        "folder names, message ids, and secrets that are unreadable without the destroyed key."
    ),
    "It says nothing of what the mailbox's host does with the mail: its backups, logs and other copies are its own.",
)
"""What a receipt can't prove; part of every receipt."""

_STRICT = ConfigDict(extra="forbid", strict=True)

PLACE = r"^[^\s@/]{1,253}:[0-9]{1,5}$"
"""host:port, without a user before it."""

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9:_-]{0,63}$")]
Place = Annotated[str, StringConstraints(pattern=PLACE)]
NoAddress = Annotated[str, StringConstraints(pattern=r"^[^@]*$")]
Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True, config=_STRICT)
class Read:
    """What was read: the one scope, and how often each Gmail API method was called."""

    scope: str
    calls: dict[str, Count]


@dataclass(frozen=True, slots=True, config=_STRICT)
class Written:
    """Where it went: host:port of the mailbox, and its TLS version and cipher.

    `tls` is "none" for a connection in the clear, empty where none was made. `messages` = all of `outcomes` +
    `without_outcome` (what an early end left undone).

    `bytes` counts what was placed in folders; `verified` what was looked up afterwards, in placements.
    """

    mailbox: NoAddress
    tls: str
    messages: Count
    outcomes: dict[str, Count]
    without_outcome: Count
    folders: dict[str, Count]
    bytes: Count
    verified: dict[str, Count]

    def __post_init__(self) -> None:
        if sum(self.outcomes.values()) + self.without_outcome != self.messages:
            raise ValueError("the outcomes do not add up")


@dataclass(frozen=True, slots=True, config=_STRICT)
class Access:
    """What became of the access to the Google account; `advice` is empty unless the customer has something to do."""

    revocation: Literal["confirmed", "unconfirmed", "nothing-held"]
    how: str
    at: AwareDatetime | None
    tries: Count
    advice: str


@dataclass(frozen=True, slots=True, config=_STRICT)
class Discarded:
    """When the key was destroyed and the data unlinked, what that was, and when a rewrite of the log was asked for."""

    key_destroyed: AwareDatetime
    data_unlinked: AwareDatetime
    log_rewrite_asked: AwareDatetime
    what: tuple[str, ...]


@dataclass(frozen=True, slots=True, config=_STRICT)
class StaffAct:
    """One act of the issuer's staff on this migration, by the audit log."""

    at: AwareDatetime
    act: Word
    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9:_-]{0,130}$")]


@dataclass(frozen=True, slots=True, config=_STRICT)
class Retained:
    """What is still kept, what for, who may see it, and until when."""

    what: str
    why: str
    seen_by: str
    until: AwareDatetime


@dataclass(frozen=True, slots=True, config=_STRICT)
class Policy:
    """The privacy policy in force."""

    version: str
    url: str


@dataclass(frozen=True, slots=True, config=_STRICT)
class Software:
    """What did the work."""

    name: str
    version: str


@dataclass(frozen=True, slots=True, config=_STRICT)
class Audit:
    """Where the audit log stood: `<number>:<SHA-256 in hex>` of its last entry."""

    checkpoint: Annotated[str, StringConstraints(pattern=r"^[0-9]+:[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True, config=_STRICT)
class Receipt:
    """Everything a receipt says. `contacted` lists each host:port the import connected to, stores apart.

    Raises:
        ValueError: a value has not the shape that is due.
    """

    format: Literal[1]
    receipt: Id
    migration: Id
    issuer: str
    issued: AwareDatetime
    end: Literal["done", "done-with-exceptions", "cancelled", "expired"]
    began: AwareDatetime
    ended: AwareDatetime
    read: Read
    written: Written
    contacted: tuple[Place, ...]
    access: Access
    discarded: Discarded
    staff_access: tuple[StaffAct, ...]
    retained: tuple[Retained, ...]
    policy: Policy
    software: Software
    audit: Audit
    limits: tuple[str, ...]

    def to_bytes(self) -> bytes:
        """Return the JSON that is signed: UTF-8, members in the order of this class."""
        return json.dumps(_ADAPTER.dump_python(self, mode="json"), ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, payload: bytes) -> "Receipt":
        """Read the JSON of `to_bytes`.

        Raises:
            ValueError: it is not one, or not of this format; pydantic's error quotes the text, so do not show it.
        """
        return _ADAPTER.validate_json(payload)


_ADAPTER = TypeAdapter(Receipt)


def moment(seconds: float) -> datetime:
    """Return seconds since the epoch as a time of a receipt."""
    return datetime.fromtimestamp(int(seconds), UTC)
