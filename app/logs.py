"""Where everything that a process tells about itself ends up: JSON, one line per event, on standard error.

Called once by the root of a process. Afterwards nothing written in other words gets out: not the text of an exception
nobody caught, of another library's log, of a warning, nor what is printed.
"""

import io
import logging
import os
import sys
import threading
import time
import warnings
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Literal, TextIO

import structlog

from app.log_lines import line as line_of

Level = Literal["debug", "info", "warning", "error", "critical"]

CHILD_LOGS = "app.child_logs"
"""To be named first where modules are preloaded for the processes of slices: see there."""

_log = structlog.get_logger()


def configure_logs(level: Level = "info", stream: TextIO | None = None, *, duplicate: bool = True) -> None:
    """Let this process, a service's, write log lines and nothing else to `stream` (standard error).

    Standard output and standard error are closed for everybody else's text: what has to be said to a person must be
    said before. For terminal commands there is `quiet_logs`.

    Args:
        level: the least level of our own events; other libraries' are told from `warning` on.
        stream: where lines are written, in ASCII and unbuffered; a file, a pipe or a terminal.
        duplicate: write to a descriptor of the log's own, whoever closes that of the stream; False for processes that
            close all descriptors but the standard ones.
    """
    _write_to(stream or _behind(sys.stderr), level, duplicate=duplicate)
    sys.stdout = _Closed(_behind(sys.stdout), "stdout")
    sys.stderr = _Closed(_behind(sys.stderr), "stderr")


def quiet_logs() -> None:
    """Let a terminal command speak to its person: of the log it shows only what nobody expected."""
    _write_to(_behind(sys.stderr), "critical")


def _write_to(stream: TextIO, level: Level, *, duplicate: bool = True) -> None:
    structlog.configure(
        processors=[_as_line],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_Lines(os.dup(_descriptor(stream)) if duplicate else _descriptor(stream)),
        context_class=dict,
        cache_logger_on_first_use=False,
    )
    _reduce_libraries()
    warnings.showwarning = _warned
    sys.excepthook = _died
    threading.excepthook = _thread_died
    sys.unraisablehook = _unraisable


def _as_line(_: object, level: str, given: Mapping[str, Any]) -> str:
    return line_of(level, given.get("event"), given)


class _Lines:
    """Writes lines, each in one piece. A full disk or a reader gone must not stop the work: lost lines are counted.

    Nothing is buffered, so that what is lost is known, and lines of several processes do not mix: a pipe takes each as
    a whole (POSIX, `PIPE_BUF`). The lock is one its holder may take again: a finalizer can log amid a line.
    """

    def __init__(self, descriptor: int) -> None:
        # Kept as long as the process: the number of one that somebody closes is given to other files.
        self._file = io.FileIO(descriptor, "w", closefd=False)
        self._lock = threading.RLock()
        self._lost = 0
        self._torn = b""

    def __call__(self, *_: object) -> "_Lines":
        """Be the factory of loggers: all of them are this one."""
        return self

    def debug(self, text: str) -> None:
        """Write a line; how bad it is stands in it."""
        with self._lock:
            if self._lost and self._written(line_of("error", "lines-lost", {"count": self._lost})):
                self._lost = 0
            self._lost += not self._written(text)

    info = warning = error = critical = debug

    def _written(self, text: str) -> bool:
        row = self._torn + text.encode() + b"\n"
        try:
            count = self._file.write(row) or 0
        except OSError:  # no room, or nobody reads
            count = 0
        if count:
            self._torn = b"" if count == len(row) else b"\n"
        return count == len(row)


class _Closed(io.TextIOBase):
    """Standard output or error for text that is not ours: it is dropped, and said at most once a second that it was."""

    def __init__(self, behind: TextIO, name: str) -> None:
        super().__init__()
        self.behind = behind
        self._name = name
        self._said_at = -1.0

    def writable(self) -> bool:
        """Say yes, as a stream does."""
        return True

    def write(self, text: str) -> int:
        """Drop it."""
        now = time.monotonic()
        if now >= self._said_at + 1:
            self._said_at = now
            _log.warning("stray-output", place=self._name)
        return len(text)

    def fileno(self) -> int:
        """Return the descriptor, for processes that are started."""
        return self.behind.fileno()


def _behind(stream: TextIO) -> TextIO:
    return stream.behind if isinstance(stream, _Closed) else stream


def _descriptor(stream: TextIO) -> int:
    try:
        return stream.fileno()
    except OSError:  # a stream in memory, as in a test of a command
        return sys.__stderr__.fileno() if sys.__stderr__ else 2


class _Foreign(logging.Handler):
    """Takes every record of every library and tells that there was one."""

    def emit(self, record: logging.LogRecord) -> None:
        """Tell the module, the level and the class of the exception."""
        if record.levelno >= logging.CRITICAL:
            _log.critical("foreign", logger=record.name, error=record.exc_info)
        elif record.levelno >= logging.ERROR:
            _log.error("foreign", logger=record.name, error=record.exc_info)
        else:
            _log.warning("foreign", logger=record.name, error=record.exc_info)


def _reduce_libraries() -> None:
    """Leave one way out for the standard library's logging, and nothing below a warning."""
    foreign = _Foreign(logging.WARNING)
    logging.disable(logging.INFO)
    logging.raiseExceptions = False
    logging.lastResort = foreign  # where a logger passes nothing up
    logging.root.handlers[:] = [foreign]
    logging.root.setLevel(logging.WARNING)
    for known in list(logging.root.manager.loggerDict.values()):
        if isinstance(known, logging.Logger):
            known.handlers[:] = []
            known.propagate = True


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    _ = message, filename, lineno, file, line
    _log.warning("warned", error=category)


def _died(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    _ = trace
    _log.critical("unhandled", place="main", error=kind if error is None else error)


def _thread_died(args: threading.ExceptHookArgs) -> None:
    if args.exc_type is not SystemExit:
        error = args.exc_type if args.exc_value is None else args.exc_value
        _log.critical("unhandled", place="thread", error=error)


def _unraisable(args: "sys.UnraisableHookArgs") -> None:
    error = args.exc_type if args.exc_value is None else args.exc_value
    _log.critical("unhandled", place="finalizer", error=error)
