"""Imported first by the process that others are forked from: none of those can print a word of its own.

In them tokens, passwords and mail are open. How one ended, its parent is told; only what nobody expected is said by the
process itself. Never import this in a parent: importing it is what closes the process.
"""

import sys
from types import TracebackType

from app.logs import configure_logs

configure_logs("critical", duplicate=False)


def _ended_by(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Leave to the parent what it notices and says itself: that for want of something no process could be forked."""
    if not issubclass(kind, OSError):
        _otherwise(kind, error, trace)


_otherwise, sys.excepthook = sys.excepthook, _ended_by
