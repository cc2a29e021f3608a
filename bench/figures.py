"""Figures as values and as small tables; a goal is a figure that must hold, or the program ends with exit code 1."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Run:
    """One contender's run.

    `seconds` is wall time, `cpu` user and system seconds of its processes, `peak` the largest resident set of any one
    of them in MiB; `note` says what else a reader should know.
    """

    name: str
    messages: int
    seconds: float
    cpu: float
    peak: float
    note: str = ""

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds

    @property
    def cpu_per_1000(self) -> float:
        """CPU seconds for 1,000 messages."""
        return 1000 * self.cpu / self.messages


@dataclass(frozen=True, slots=True)
class Goal:
    """What has to be reached: `value` at most (or at least) `limit`, in `unit`."""

    what: str
    value: float
    side: Literal["at most", "at least"]
    limit: float
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether it is reached."""
        return self.value <= self.limit if self.side == "at most" else self.value >= self.limit


def run_row(run: Run) -> tuple[str, ...]:
    """Return a run as a row under `RUN_HEAD`."""
    return (
        run.name,
        f"{run.messages:,}",
        f"{run.rate:,.1f}",
        f"{run.cpu_per_1000:.2f}",
        f"{run.peak:,.0f}",
        run.note,
    )


RUN_HEAD = ("contender", "messages", "msg/s", "CPU s per 1,000", "peak MiB", "")


def show(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; the first and the last column are text, those between are numbers."""
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    print(f"\n{title}\n", flush=True)
    for row in (head, ["-" * width for width in widths], *rows):
        cells = [
            cell.ljust(width) if at in {0, len(row) - 1} else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip(), flush=True)


def judge(goals: Sequence[Goal]) -> bool:
    """Print each goal and whether it is met; return True when all are."""
    rows = [
        (
            goal.what,
            f"{goal.value:,.2f} {goal.unit}".rstrip(),
            f"{goal.side} {goal.limit:,.2f} {goal.unit}".rstrip(),
            "met" if goal.met else "MISSED" + (f" by {abs(goal.value / goal.limit - 1):.0%}" if goal.limit else ""),
        )
        for goal in goals
    ]
    show("Goals", ("goal", "measured", "wanted", ""), rows)
    return all(goal.met for goal in goals)
