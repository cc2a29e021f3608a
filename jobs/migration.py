"""A migration's record: its states, the one table of legal transitions, and how it lies in Redis.

The record is the hash `mig:{<id>}` (the braces are part of the name). `phase` is the part of the story the
migration is in; `waiting`, `paused` and `failed` go back to it. Where a migration stands in the queues follows from
its state alone: a phase as state and a token = a slice runs, a phase without = ready, `waiting` = due at `until`.

    planning ─► copying ─► verifying ─► finishing ─► done | done-with-exceptions | cancelled | expired
        each phase ─► waiting | paused | failed ─► the phase it came from
        every state that has not ended ─► finishing, when cancelled or expired: tokens are discarded there
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Every state of a migration. The first four are phases; the last four are ends."""

    PLANNING = "planning"
    COPYING = "copying"
    VERIFYING = "verifying"
    FINISHING = "finishing"
    WAITING = "waiting"
    PAUSED = "paused"
    FAILED = "failed"
    DONE = "done"
    DONE_WITH_EXCEPTIONS = "done-with-exceptions"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


PHASES = frozenset({State.PLANNING, State.COPYING, State.VERIFYING, State.FINISHING})
"""The states in which a slice works."""

ENDS = frozenset({State.DONE, State.DONE_WITH_EXCEPTIONS, State.CANCELLED, State.EXPIRED})
"""The states nothing follows. All are reached from `finishing`."""

_HELD_UP = frozenset({State.WAITING, State.PAUSED, State.FAILED})

TRANSITIONS: dict[State, frozenset[State]] = {
    # An account without mail has nothing to copy; what Gmail received meanwhile is planned anew.
    State.PLANNING: _HELD_UP | {State.COPYING, State.VERIFYING, State.FINISHING},
    State.COPYING: _HELD_UP | {State.PLANNING, State.VERIFYING, State.FINISHING},
    # What is found missing is copied again.
    State.VERIFYING: _HELD_UP | {State.PLANNING, State.COPYING, State.FINISHING},
    # Discarding is not paused: the customer was promised it.
    State.FINISHING: ENDS | {State.WAITING, State.FAILED},
    State.WAITING: PHASES | {State.PAUSED},
    State.PAUSED: PHASES,
    State.FAILED: PHASES,
    State.DONE: frozenset(),
    State.DONE_WITH_EXCEPTIONS: frozenset(),
    State.CANCELLED: frozenset(),
    State.EXPIRED: frozenset(),
}
"""State -> the states that may follow. The scripts in `jobs/lua` are given this table; there is no other."""

SHOWN_MESSAGES = 20
SHOWN_BYTES = 10_000_000
"""Operators are shown bytes rounded to this, and moved only when so many more messages stand behind them."""

MOST_MESSAGES = 1 << 24
"""No account has more; strings with a byte a message are no longer."""

LARGEST_BYTES = 150_000_000
"""No mail is larger (Gmail takes 50 MB, and as sent it is a third more)."""

HISTORY_LENGTH = 50
"""State changes kept for operators."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration as its record says.

    `customer` is the host's opaque id. `until` (waiting) and all `*_at` are seconds since the epoch, 0 when unset.
    `reason` is an error code or a word; `resumable` matters for `failed` only. `ending` is the end that finishing
    leads to when it is not simply done. `wish` is what a person asked for while a slice runs. `running`: one does.
    `crashes` counts the slices in a row that died without progress, the first of them at `crashed_since`. `ready_at`:
    since when it has been ready for a slice, or was when the last one began. `shown_bytes`: what operators see of the
    bytes brought, None below `SHOWN_MESSAGES` messages.
    """

    id: str
    customer: str
    state: State
    phase: State
    until: float
    reason: str
    resumable: bool
    ending: str
    wish: str
    running: bool
    crashes: int
    created_at: float
    progress_at: float
    ended_at: float
    crashed_since: float = 0.0
    ready_at: float = 0.0
    shown_bytes: int | None = None

    @classmethod
    def from_fields(cls, migration_id: str, row: Mapping[str, str]) -> "Migration":
        """Read the record's hash."""
        return cls(
            id=migration_id,
            customer=row["customer"],
            state=State(row["state"]),
            phase=State(row["phase"]),
            until=float(row["until"]),
            reason=row["reason"],
            resumable=row["resumable"] == "1",
            ending=row["ending"],
            wish=row["wish"],
            running=bool(row["token"]),
            crashes=int(row["crashes"]),
            created_at=float(row["created_at"]),
            progress_at=float(row["progress_at"]),
            ended_at=float(row["ended_at"]),
            crashed_since=float(row.get("crashed_since", "0")),
            ready_at=float(row.get("ready_at", "0")),
            shown_bytes=int(row["shown_bytes"]) if "shown_bytes" in row else None,
        )


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the state history; `at` in seconds since the epoch."""

    at: float
    state: State
    reason: str

    @classmethod
    def from_line(cls, line: str) -> "Change":
        """Read `<at> <state> <reason>`; the reason may be empty."""
        at, state, reason = line.split(" ", 2)
        return cls(float(at), State(state), reason)


def new_id() -> str:
    """Return a fresh migration id: 128 random bits, 32 hex digits (base64url may begin with a dash)."""
    return secrets.token_hex(16)


def record_key(migration_id: str) -> str:
    """Return the name of the record's hash; every other key of the migration begins with it and a colon."""
    return f"mig:{{{migration_id}}}"


def part_key(migration_id: str, part: str) -> str:
    """Return the name of another key of the migration: its calls, its hosts, its receipt, ..."""
    return f"{record_key(migration_id)}:{part}"


def may_become(before: State, after: State) -> bool:
    """Tell whether the table knows this step."""
    return after in TRANSITIONS[before]
