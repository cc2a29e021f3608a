"""A process of ours, started and ready before it is told anything: for a slice, or for a function apart.

    parent                                    child
    its folder made, a pipe, the fork ──────► walls put up (`jobs.confine`), what it needs tried
                              ◄────────────── ready
    with spawned(...) as child: ...           what it is told comes next

Whatever fails before "ready" is this machine's fault, and no import's: no descriptors, no room for temporary files, no
further process, a server that was killed. It is in the log once when it begins and once when it is over.
"""

import errno
import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import structlog

from jobs import forkserver, scratch
from jobs.confine import Confines, confine, enclose
from jobs.forkserver import CHILDREN, FORKSERVER, kill

_log = structlog.get_logger()

Main = Callable[[Connection, socket.socket, Confines], None]
"""The process's own function: it calls `be_ready` with its arguments first, and ends the process itself."""

_READY = b"r"
_READY_SECONDS = 60.0
"""A server that was killed loads its modules anew, which takes seconds on a busy machine."""

_SPARE = 32
"""Descriptors that must be free on both sides: multiprocessing leaves some open where it runs out of them half-way, and
a slice needs one for each connection."""

_THREADS = 12
"""A slice has up to eight that fetch, and some beside them."""

_SMALL_STACK = 1 << 17
_TRIAL = bytes(4096)
_FULL = frozenset({errno.EMFILE, errno.ENFILE})
_MEMORY_MIB = 256


class CannotStart(Exception):
    """No process could be started; `code` says for want of what.

    `no-descriptors`, `no-scratch` (the folder for temporary files cannot be written to) or `no-process`.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Child:
    """A process that is ready; `kill` ends it for certain.

    Attributes:
        pipe: over which it is told what to do.
        channel: over which it asks for connections (`migrator.egress.brokered`).
        process: itself.
    """

    pipe: Connection
    channel: socket.socket
    process: BaseProcess

    @property
    def broke_out(self) -> bool:
        """True if the kernel ended it over a call that it may not make; known once it has ended."""
        return self.process.exitcode == -signal.SIGSYS

    def kill(self) -> None:
        """End it."""
        kill(self.process)


class Trouble:
    """Whether the last start of a process failed, and since when they do; in the log when it changes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._began_at = 0.0
        self._code = ""

    @property
    def code(self) -> str:
        """For want of what processes cannot be started; empty when they can, or none was tried yet."""
        return self._code

    @property
    def seconds(self) -> float:
        """How long this has gone on."""
        return time.monotonic() - self._began_at if self._code else 0.0

    def note(self, error: CannotStart) -> None:
        """Note that a start failed."""
        with self._lock:
            if not self._code:
                self._began_at = time.monotonic()
                _log.error("cannot-start", code=error.code, error=error.__cause__ or error)
            self._code = error.code

    def is_over(self) -> None:
        """Note that a start went well."""
        with self._lock:
            if self._code:
                _log.warning("can-start-again", seconds=self.seconds)
            self._code = ""


TROUBLE = Trouble()
"""This process's."""


@contextmanager
def spawned(main: Main, memory_mib: int, prefix: str, readable: tuple[str, ...] | None = None) -> Iterator[Child]:
    """Give a process that is ready; it ends with the block in any case.

    Args:
        main: its function, found by its name.
        memory_mib: its limit.
        prefix: how the name of its temporary folder begins.
        readable: as of `Confines`.

    Raises:
        CannotStart: there is none.
    """
    with ExitStack() as stack:
        try:
            child, restarted = _started(stack, main, memory_mib, prefix, readable)
        except CannotStart as error:
            TROUBLE.note(error)
            raise
        if restarted and not TROUBLE.code:
            _log.warning("forkserver-restarted")
        TROUBLE.is_over()
        yield child


def can_start() -> bool:
    """True if processes can be started, as far as is known; in trouble one is started to find out."""
    if not TROUBLE.code:
        return True
    try:
        try_to_start()
    except CannotStart:
        return False
    return True


def try_to_start() -> None:
    """Start a process that does nothing, and end it.

    Raises:
        CannotStart: none can be started now.
    """
    with spawned(idle, _MEMORY_MIB, "trial-"):
        pass


def idle(pipe: Connection, channel: socket.socket, confines: Confines) -> None:
    """Do nothing until the parent hangs up."""
    be_ready(pipe, channel, confines)
    try:
        pipe.recv_bytes()
    finally:
        os._exit(0)


def be_ready(pipe: Connection, channel: socket.socket, confines: Confines) -> None:
    """In the new process: put up its walls, try what it needs, and say so; where that fails it ends."""
    try:
        confine(confines)
        enclose(confines, pipe.fileno(), channel)
        _try_descriptors()
        _try_folder(confines.folder)
        _try_threads()
        pipe.send_bytes(_READY)
    except (OSError, RuntimeError):
        os._exit(1)


def _started(
    stack: ExitStack, main: Main, memory_mib: int, prefix: str, readable: tuple[str, ...] | None
) -> tuple[Child, bool]:
    with _failing("no-descriptors"):
        _try_descriptors()
        ours, theirs = FORKSERVER.Pipe()
        channel, its_end = socket.socketpair()
    stack.enter_context(ours)
    stack.enter_context(channel)
    with theirs, its_end:
        with _failing("no-scratch"):
            scratch.mend()
            folder = tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
            own = stack.enter_context(folder)
            _try_folder(own)
        process = FORKSERVER.Process(
            target=main, args=(theirs, its_end, Confines(memory_mib, own, readable)), daemon=True
        )
        with _failing("no-process"):
            restarted = forkserver.start(process)
    stack.callback(_end, ours, process)
    with _failing("no-process"):
        if not ours.poll(_READY_SECONDS) or ours.recv_bytes(len(_READY)) != _READY:
            raise CannotStart("no-process")
    return Child(ours, channel, process), restarted


@contextmanager
def _failing(code: str) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError) as error:
        full = isinstance(error, OSError) and error.errno in _FULL
        raise CannotStart("no-descriptors" if full else code) from error


def _try_descriptors() -> None:
    with ExitStack() as taken:
        for _ in range(_SPARE):
            taken.callback(os.close, os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))


def _try_threads() -> None:
    """Have all at once that a slice may need, with little memory; RuntimeError where they cannot be had."""
    enough = threading.Event()
    with ExitStack() as ended:
        ended.callback(enough.set)
        ended.callback(threading.stack_size, threading.stack_size(_SMALL_STACK))
        for _ in range(_THREADS):
            threading.Thread(target=enough.wait, daemon=True).start()


def _try_folder(folder: str) -> None:
    """Write a page there: a full disk may still have room for names."""
    trial = Path(folder) / "trial"
    trial.write_bytes(_TRIAL)
    trial.unlink()


def _end(pipe: Connection, process: BaseProcess) -> None:
    pipe.close()
    kill(process)
    with CHILDREN:
        process.close()
