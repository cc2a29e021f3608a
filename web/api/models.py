"""What the panel is told: these fields and no others. Counts and states, no address, no folder, no single size."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from jobs.migration import Migration, State
from jobs.webhooks import needs_attention

_COARSE = 10_000_000

CustomerId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$", description="The host's opaque id; no address.")]
MigrationId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Time = datetime | None


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MigrationSummary(_Told):
    """One migration as it stands."""

    id: str
    state: State
    phase: State = Field(description="The part of the work it is in, or goes back to.")
    code: str = Field(description="Why it waits, rests or failed; empty otherwise. Codes stay what they are.")
    sentence: str = Field(description="The code in English, with what to do.")
    needs_attention: bool = Field(description="It does not go on by itself.")
    goes_on_at: Time = Field(description="While it waits: when it goes on by itself.")
    created_at: Time
    progress_at: Time
    ended_at: Time


class Messages(_Told):
    """Messages by outcome. total = open + copied + already_there + skipped + failed."""

    total: int
    open: int
    copied: int
    already_there: int
    skipped: int
    failed: int

    @classmethod
    def of(cls, outcomes: dict[str, int], still_open: int) -> Self:
        """Sum up outcomes in words (`Mark.words`)."""

        def summed(word: str) -> int:
            return sum(count for words, count in outcomes.items() if words.startswith(word))

        names = {"copied": "copied", "already_there": "already there", "skipped": "skipped", "failed": "failed"}
        sums = {name: summed(word) for name, word in names.items()}
        return cls(total=still_open + sum(sums.values()), open=still_open, **sums)


class MigrationDetail(MigrationSummary):
    """One migration, with its sums."""

    messages: Messages
    megabytes: int = Field(description="Copied so far, rounded to 10 MB: a sum must not tell a single size.")


class MigrationList(_Told):
    """A customer's migrations, the newest first."""

    migrations: list[MigrationSummary]
    next: str | None = Field(description="Ask again with `after` set to this; null at the end.")


class CardState(StrEnum):
    """What a card in the panel says."""

    NONE = "none"
    NOT_STARTED = "not-started"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    NEEDS_ATTENTION = "needs-attention"
    ENDED = "ended"


class Card(_Told):
    """The customer's newest migration in one line."""

    state: CardState
    migration: str | None = None
    code: str = ""
    sentence: str = ""
    percent: Annotated[int, Field(ge=0, le=100)] | None = Field(
        default=None, description="Messages with an outcome; null: not known yet."
    )
    goes_on_at: Time = None


class LaunchWish(_Told):
    """Whom to launch."""

    customer: CustomerId
    mailbox: str = Field(
        max_length=320,
        pattern=r"^[^\s@\x00-\x1f\x7f-\x9f]{1,64}@[^\s@\x00-\x1f\x7f-\x9f]{1,255}$",
        description="The target mailbox's address.",
    )
    password: str | None = Field(
        default=None,
        min_length=1,
        max_length=1024,
        description="The mailbox's password; needed where the service has no master user. Kept sealed.",
        repr=False,
    )


class LaunchMade(_Told):
    """A launch that is good once: the customer's browser posts `code` as form field `field` to `url`, before `ends_at`.

    The form must stand on a page of one of the panel's configured origins.
    """

    url: str
    field: str
    code: str = Field(repr=False)
    ends_at: datetime


class SecretTerms(_Told):
    """How `secret` in a signed launch is encrypted (RFC 7516, compact): {"password": "..."} to this key."""

    alg: str
    enc: str
    jwk: dict[str, str]


class SignedTerms(_Told):
    """What a launch is that a panel signs itself: a JWT (RFC 7519) with these values in header and claims."""

    algs: list[str] = Field(description="Names of the one algorithm that is taken; any of them may be `alg`.")
    typ: str
    iss: str
    aud: str
    claims: list[str]
    longest_seconds: int
    secret: SecretTerms | None = Field(description="For the claim `secret`; null: launches bring none.")


class LaunchTerms(_Told):
    """Where a form of the panel posts launches to, and from which origins."""

    url: str
    field: str
    origins: list[str]
    signed: SignedTerms | None = Field(description="Null: launches are made by the API alone.")


def megabytes(count: int) -> int:
    """Return bytes in megabytes, rounded to ten of them."""
    return round(count / _COARSE) * 10


def time_of(seconds: float) -> Time:
    """Return seconds since the epoch as a time; None for 0, which is "not yet"."""
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=0) if seconds else None


def summary_fields(migration: Migration, sentence: str) -> dict[str, Any]:
    """Return the fields of a `MigrationSummary`."""
    rests = migration.state in {State.WAITING, State.PAUSED, State.FAILED}
    return {
        "id": migration.id,
        "state": migration.state,
        "phase": migration.phase,
        "code": migration.reason if rests else "",
        "sentence": sentence if rests else "",
        "needs_attention": needs_attention(migration.state, migration.reason),
        "goes_on_at": time_of(migration.until) if migration.state is State.WAITING else None,
        "created_at": time_of(migration.created_at),
        "progress_at": time_of(migration.progress_at),
        "ended_at": time_of(migration.ended_at),
    }
