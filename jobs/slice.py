"""One slice as values: what it is told, and how it may end.

A slice is the bounded piece of a migration that one job does. Only a `SliceEnd` comes back from it: a kind and a
code of letters and dashes, never a text.
"""

import json
import math
import re
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Protocol

from jobs.migration import ENDS, PHASES, State

_CODE = re.compile(r"([a-z][a-z0-9-]{0,63}(:[A-Za-z_][A-Za-z0-9_]{0,63})?)?")
_STEP = re.compile(r"[0-9]{0,18}")
_OWN_DEATHS = frozenset({"child-killed", "out-of-memory", "internal-error"})

MAX_END_BYTES = 512
"""A slice's end on the wire is never longer."""


class Kind(StrEnum):
    """How a slice ended. A child may say each of them but the last three, which the worker finds out by itself."""

    AGAIN = "again"
    WAIT = "wait"
    ADVANCE = "advance"
    PAUSED = "paused"
    FAILED = "failed"
    ENDED = "ended"
    CRASHED = "crashed"
    LOST = "lost"
    GIVEN_BACK = "given-back"


@dataclass(frozen=True, slots=True)
class SliceEnd:
    """The end of a slice; made by the functions below it.

    `code` is a reason, a phase or an end, by kind; `until` (wait) is in seconds since the epoch, 0 means soon. `step`
    (advance) is the slice's last write to its ledger: where the store has forgotten it since, the phase is not over.

    Raises:
        ValueError: the code is not made of letters, digits and dashes (with one class name after a colon), or does
            not name a phase or an end where one is due.
    """

    kind: Kind
    code: str = ""
    until: float = 0.0
    resumable: bool = False
    step: str = ""

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.code) or not math.isfinite(self.until) or not _STEP.fullmatch(self.step):
            raise ValueError("a slice ends with a code, not a text")
        named = {Kind.ADVANCE: PHASES, Kind.ENDED: ENDS}.get(self.kind)
        if named is not None and self.code not in named:
            raise ValueError("no such phase or end")

    @property
    def accuses(self) -> bool:
        """True if the process died on its own, and so perhaps of the one message it was working on."""
        return self.kind is Kind.CRASHED and self.code.partition(":")[0] in _OWN_DEATHS


def again() -> SliceEnd:
    """There is more to do in this phase."""
    return SliceEnd(Kind.AGAIN)


def given_back() -> SliceEnd:
    """It was not begun, and the import is as it was before: whoever could not do it is to blame."""
    return SliceEnd(Kind.GIVEN_BACK)


def wait(until: float, reason: str) -> SliceEnd:
    """Nothing can be done before `until` (seconds since the epoch), for the reason of this code."""
    return SliceEnd(Kind.WAIT, reason, until=until)


def soon(reason: str) -> SliceEnd:
    """Nothing can be done for a moment, which grows with the time since the last progress (`jobs.crashes`)."""
    return SliceEnd(Kind.WAIT, reason)


def advance(phase: State, step: str = "") -> SliceEnd:
    """This phase is over; `phase` is next. `step`: see `SliceEnd`; empty when nothing was written."""
    return SliceEnd(Kind.ADVANCE, phase, step=step)


def paused(reason: str) -> SliceEnd:
    """Go on when a person says so."""
    return SliceEnd(Kind.PAUSED, reason)


def failed(code: str, *, resumable: bool) -> SliceEnd:
    """It can't go on; `resumable` when a person may change that."""
    return SliceEnd(Kind.FAILED, code, resumable=resumable)


def ended(state: State) -> SliceEnd:
    """Finishing is over: `done` or `done-with-exceptions`; where an other end is due, that one is taken."""
    return SliceEnd(Kind.ENDED, state)


def crashed(code: str) -> SliceEnd:
    """The slice died: `child-killed`, `out-of-memory`, `slice-overtime` or `internal-error:<class>`."""
    return SliceEnd(Kind.CRASHED, code)


def crashed_by(error: BaseException) -> SliceEnd:
    """Return the end for an exception nobody expected: its class and nothing else of it."""
    if isinstance(error, MemoryError):
        return crashed("out-of-memory")
    name = type(error).__name__
    return crashed(f"internal-error:{name}" if _CODE.fullmatch(f"x:{name}") else "internal-error")


def packed(end: SliceEnd) -> bytes:
    """Return the end as JSON."""
    return json.dumps(asdict(end)).encode()


def unpacked(blob: bytes) -> SliceEnd:
    """Read an end that a child sent; what does not read well is a crash, for a child may be in hostile hands."""
    try:
        row = json.loads(blob)
        end = SliceEnd(
            Kind(row["kind"]), str(row["code"]), float(row["until"]), row["resumable"] is True, str(row["step"])
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return crashed("child-unreadable")
    return end if end.kind not in {Kind.LOST, Kind.GIVEN_BACK} else crashed("child-unreadable")


@dataclass(frozen=True, slots=True)
class SliceTask:
    """What a slice is told: the migration, its fencing token, the phase, the due end, for how long to work.

    `seconds` is the time after which the slice ought to end by itself; `config` is whatever the composition root
    gave for its own function; `key` is the private half of the migration's pair, empty when it is lost.
    """

    id: str
    token: str
    phase: State
    ending: str
    seconds: float
    config: object
    key: bytes = field(default=b"", repr=False)


class Link(Protocol):
    """A running slice's line to its worker."""

    def stop_requested(self) -> bool:
        """Tell whether to write down what is done and end, within two seconds."""

    def progressed(self) -> None:
        """Say that something was achieved: it puts off expiry and forgives earlier crashes. Cheap, call it often."""

    def refused(self, what: str) -> None:
        """Say what this process tried and may not; the worker ends it on the spot."""


class Work(Protocol):
    """The function that does a slice; a module's function, so that a child process finds it by its name."""

    def __call__(self, task: SliceTask, link: Link, /) -> SliceEnd:
        """Work until done, until `task.seconds` are over or a stop is requested."""
