"""What operators are told: these fields and no others, on pages and in what programs read alike.

No address, no name that a customer gave, no sender, subject, date or size of a single message has a field here. Bytes
come rounded to 10 MB from `jobs`, codes without what follows their colon. What a customer's permission adds is in
`web.operator.allowed` alone. `tests/operator/schemas.json` holds the shape of all of them, so that no field comes or
goes unseen.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from jobs.acts import What
from jobs.migration import State
from jobs.selecting import class_of

Time = datetime | None
MigrationId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
CustomerId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$", description="The host's opaque id; no address.")]
Code = Annotated[str, Field(pattern=r"^[a-z0-9-]{0,60}$", description="A code's class: what stands before its colon.")]
HostName = Annotated[str, Field(pattern=r"^[^\s@]{0,253}$")]
Count = Annotated[int, Field(ge=0)]
Megabytes = Annotated[int, Field(ge=0, multiple_of=10)] | None

_COARSE = 10_000_000
_CODE = re.compile(r"[a-z0-9-]{0,60}")


class Told(BaseModel):
    """What is told; whatever is not a field of it is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StateCount(Told):
    """How many imports are in one state."""

    state: State
    count: Count


class CodeCount(Told):
    """How often a code stands, or stood, with what it means and what to do."""

    code: Code
    count: Count
    sentence: str


class Need(Told):
    """Something that needs a person: how many of what, what it means, and the imports or the page it is about."""

    kind: Literal[
        "audit",
        "no-worker",
        "cannot-start",
        "unreadable",
        "stuck",
        "stopped",
        "paused",
        "overdue",
        "unconfirmed",
        "dead-tickets",
        "waiting",
        "google-client",
    ]
    grave: bool
    count: Count
    code: Code = ""
    words: str
    sentence: str
    place: str


class Queue(Told):
    """How deep the queue is; seconds, and numbers of imports, slices, tickets and undos."""

    ready: Count
    oldest_ready_seconds: Annotated[float, Field(ge=0)]
    running: Count
    threads: Count = Field(description="Slices that the living workers could do at once.")
    due: Count
    next_due: Time
    tickets: Count
    dead_tickets: Count
    undos_waiting: Count
    undos_running: Count


class WorkerTold(Told):
    """A worker as it last said it was."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")]
    host: str
    version: str
    threads: Count
    busy: Count
    alive: bool
    trouble: Code = Field(description="For want of what it can start no process; empty when it can.")
    started_at: Time
    seen_at: Time
    seen_seconds: Annotated[float, Field(ge=0)]


class MinuteTold(Told):
    """One minute of all imports together; `megabytes` is null where too few messages stand behind it."""

    at: datetime
    messages: Count
    megabytes: Megabytes
    codes: dict[Code, Count]


class QuotaUse(Told):
    """What one Google project used of its units in the last whole minute, at most in the last hour, and may use."""

    project: str
    last: Count
    highest: Count
    ceiling: Count


class Overview(Told):
    """How everything stands."""

    at: datetime
    needs: tuple[Need, ...]
    states: tuple[StateCount, ...]
    held_up: tuple[CodeCount, ...]
    queue: Queue
    workers: tuple[WorkerTold, ...]
    minutes: tuple[MinuteTold, ...]
    quotas: tuple[QuotaUse, ...]
    codes: tuple[CodeCount, ...] = Field(
        description="What held imports up within these minutes, the most frequent first."
    )
    overdue: Count
    unconfirmed: Count


class ImportRow(Told):
    """One import in a list."""

    id: MigrationId
    customer: CustomerId
    host: HostName = Field(description="The mail server that takes the mail.")
    state: State
    phase: State = Field(description="The part of the work it is in, or goes back to.")
    code: Code = Field(description="Why it waits, rests or failed; empty otherwise.")
    sentence: str = Field(description="The code in words, with what to do.")
    resumable: bool
    running: bool
    wish: Code
    goes_on_at: Time = Field(description="While it waits: when it goes on by itself.")
    created_at: Time
    progress_at: Time
    ended_at: Time
    megabytes: Megabytes = Field(description="Copied so far; null below 20 messages.")


class Wanted(Told):
    """Which imports a list shows: the filter as it was asked for."""

    states: tuple[State, ...] = ()
    older: str = ""
    code: str = ""
    host: str = ""
    problem: str = Field(default="", description="What of it can't be understood.")


class ImportList(Told):
    """One page of the imports that a filter finds, the oldest first."""

    at: datetime
    wanted: Wanted
    total: Count
    page: Annotated[int, Field(ge=1)]
    pages: Annotated[int, Field(ge=1)]
    rows: tuple[ImportRow, ...]
    codes: tuple[Code, ...] = Field(description="Codes that imports are held up by now.")
    hosts: tuple[HostName, ...]


class FolderTold(Told):
    """A folder of the mailbox without its name: what it is for, where its name is one that programs give."""

    number: Count
    kind: Literal["Inbox", "Sent", "Drafts", "Spam", "Trash", "Archive", ""]
    messages: Count


class Pace(Told):
    """How fast an import goes lately, in messages alone; null where nothing can be told."""

    messages_per_minute: Annotated[float, Field(ge=0)] | None = None
    best_seconds: Annotated[float, Field(ge=0)] | None = None
    worst_seconds: Annotated[float, Field(ge=0)] | None = None


FieldName = Literal["report", "folder-names", "failure-words", "history"]


class PermissionTold(Told):
    """What a customer allows, in force until."""

    fields: tuple[FieldName, ...]
    given_at: datetime
    until: datetime
    seconds_left: Annotated[float, Field(ge=0)]


class QuestionTold(Told):
    """What the customer was asked to allow and has not answered."""

    fields: tuple[FieldName, ...]
    asked_at: datetime
    until: datetime


class ImportTold(Told):
    """One import, without anything that needs its customer's permission."""

    at: datetime
    row: ImportRow
    crashes: Count = Field(description="Slices in a row that died without progress.")
    since: Time = Field(description="Since when it is in its state.")
    ending: Code
    total: Count
    done: Count
    pace: Pace
    folders: tuple[FolderTold, ...]
    acts: tuple[What, ...]
    permission: PermissionTold | None
    question: QuestionTold | None
    unconfirmed: bool = Field(description="It ended without Google's confirmation that its access is gone.")


class Confirmation(Told):
    """What a bulk act would do: to how many imports of which state, and to how many nothing."""

    what: What
    ids: tuple[MigrationId, ...]
    touched: tuple[StateCount, ...]
    untouched: tuple[StateCount, ...]
    words: str
    sentence: str


class Refused(Told):
    """An import to which an act was not done, and why."""

    id: MigrationId
    why: Code
    sentence: str


class Result(Told):
    """What became of an act for many imports."""

    what: What
    done: Count
    refused: tuple[Refused, ...]


def time_of(seconds: float) -> Time:
    """Return seconds since the epoch as a time; None for 0, which is "not yet"."""
    return moment_of(seconds) if seconds else None


def moment_of(seconds: float) -> datetime:
    """Return seconds since the epoch as a time, in whole seconds."""
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=0)


def megabytes_of(shown: int | None) -> int | None:
    """Return bytes that may be shown in megabytes, rounded to ten of them once more: a wrong number gets no further."""
    return None if shown is None else round(shown / _COARSE) * 10


def code_of(text: str) -> str:
    """Return a code's class; `other` for what is written as none of ours is: it may be a stranger's text."""
    code = class_of(text)
    return code if _CODE.fullmatch(code) else "other"
