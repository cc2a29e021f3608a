"""Slices that die: when the next one begins, when a person is called; and what a store that is away means for one.

A process that dies once may have been killed by anybody. So work goes on after a short pause that grows with every
death in a row, and an import fails only when this has gone on for long. Progress ends a row.
"""

from jobs.slice import SliceEnd, soon

CRASH_LIMIT = 10
CRASH_SECONDS = 1800
"""A migration fails when at least so many slices in a row have died without progress, over at least this long."""

CRASH_PAUSES = (1, 2, 5, 10, 15)
"""Seconds from each death in a row to the next slice; the last one repeats."""

STORE_AWAY = "store-away"
"""Why a migration waits whose slice could not reach the state store."""

SOON_SECONDS = (2, 15)
"""The shortest and the longest pause before what is to go on soon: a quarter of the time since the last progress."""


def store_away() -> SliceEnd:
    """Return the end of a slice that could not reach the state store."""
    return soon(STORE_AWAY)
