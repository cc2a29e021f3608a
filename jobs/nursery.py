"""Outside the process of one slice: start it, keep its lease, pass on wishes, end it, clear up after it."""

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import ModuleType

from redis.exceptions import RedisError

from jobs import child, forkserver, storeline
from jobs.forkserver import CHILDREN, FORKSERVER, REAP_SECONDS
from jobs.outside import BROKEN_OUT, Outside, reaching
from jobs.settings import WorkerSettings
from jobs.slice import MAX_END_BYTES, Kind, SliceEnd, SliceTask, Work, again, crashed, failed, given_back, unpacked
from jobs.spawning import CannotStart, Child, spawned, try_to_start
from jobs.tickets import Wish

_LISTEN_SECONDS = 0.1

_living: set[BaseProcess] = set()

Renew = Callable[[bool], Wish]
"""Lengthens the lease (True: there was progress) and tells the wish; `RedisError` when the store is away."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a slice ended, and whether it achieved something that its last renewal has not told yet."""

    end: SliceEnd
    progressed: bool


def preload(modules: tuple[str, ...]) -> None:
    """Import these modules where the processes of slices are forked, and wait for it; before the first slice only.

    multiprocessing runs the program's own file again in each of them; what that imports is named here as well. It
    takes seconds on a busy machine. Where no process can be started now, the first one that can waits for it.
    """
    FORKSERVER.set_forkserver_preload([child.__name__, *modules, *sorted(_imports_of_program())])
    with suppress(CannotStart):  # it is in the log
        try_to_start()


def _imports_of_program() -> set[str]:
    values = vars(sys.modules["__main__"]).values()
    names = {value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", "") for value in values}
    return {name for name in names if name in sys.modules} - {"__main__", "builtins"}


@contextmanager
def newborn(memory_mib: int, readable: tuple[str, ...] | None = None) -> Iterator[Child]:
    """Give the process that is to do a slice; it ends with the block in any case. Raises `CannotStart`."""
    with spawned(child.main, memory_mib, "slice-", readable) as born:
        with CHILDREN:
            _living.add(born.process)
        try:
            yield born
        finally:
            with CHILDREN:
                _living.discard(born.process)


def run_slice(
    born: Child,
    work: Work,
    task: SliceTask,
    renew: Renew,
    stop: threading.Event,
    settings: WorkerSettings,
    outside: Outside | None = None,
) -> Outcome:
    """Have a process do its one slice, and wait for the end.

    One that is dead before it was told anything, or dies with the server it was forked from, did not die of its slice:
    the import is given back.

    Args:
        born: the process.
        work: the function that does it.
        task: what it is told.
        renew: lengthens the lease.
        stop: set when the worker shall end.
        settings: the limits.
        outside: what the slice reaches; None for one that reaches nothing.
    """
    watch = _Watch(born.pipe, renew, stop, settings)
    with reaching(born, outside, watch.refuse) as store:
        end = _end_of(watch, (work, task), store)
        born.kill()
    if born.broke_out:
        end = failed(BROKEN_OUT, resumable=True)
    if end == crashed("child-killed") and forkserver.is_gone():
        end = given_back()
    return Outcome(watch.refusal or end, watch.progressed)


def _end_of(watch: "_Watch", told: object, store: socket.socket) -> SliceEnd:
    if not watch.tell(told, store):
        return given_back()
    end = watch.look()
    while end is None:
        end = watch.listen() or watch.look()
    return end


def running() -> int:
    """Return how many slices this process is at."""
    return len(_living)


def kill_all() -> None:
    """Kill the slices that still run when the worker must end: else the interpreter would wait for them."""
    with CHILDREN:
        for process in _living:
            process.kill()
            process.join(REAP_SECONDS)


class _Watch:
    """What the worker knows of one running slice. `look` decides, `listen` waits for the child's next word."""

    def __init__(
        self,
        pipe: Connection,
        renew: Renew,
        stop: threading.Event,
        settings: WorkerSettings,
    ) -> None:
        now = time.monotonic()
        self.progressed = False
        self.refusal: SliceEnd | None = None
        self._pipe = pipe
        self._renew = renew
        self._stop = stop
        self._settings = settings
        self._renew_at = now + settings.lease_seconds / 3
        self._lease_until = now + settings.lease_seconds
        self._kill_at = now + settings.slice_seconds + settings.grace_seconds
        self._stopping = False

    def tell(self, told: object, store: socket.socket) -> bool:
        """Send something to the child, and its line to the store; False when it is dead."""
        try:
            storeline.hand(self._pipe, store)
            self._pipe.send(told)
        except OSError:
            return False
        return True

    def listen(self) -> SliceEnd | None:
        """Return the end if the child said it, or died, within a moment; one asked to stop is ended, not dead."""
        try:
            if not self._pipe.poll(_LISTEN_SECONDS):
                return None
            said = self._pipe.recv_bytes(MAX_END_BYTES)
        except (EOFError, OSError):
            return again() if self._stopping else crashed("child-killed")
        if said != child.PROGRESS:
            return unpacked(said)
        self.progressed = True
        return None

    def refuse(self, what: str) -> None:
        """End the slice: it asked for what it may not have."""
        self.refusal = failed(f"egress-refused:{what}", resumable=True)

    def look(self) -> SliceEnd | None:
        """Do what is due; return an end when the child is to be killed."""
        if self.refusal:
            return self.refusal
        now = time.monotonic()
        if now >= self._renew_at and self._lost(now):
            return SliceEnd(Kind.LOST)
        if self._stop.is_set() and not self._stopping:
            self._ask_to_stop(now)
        if now < self._kill_at:
            return None
        return again() if self._stopping else crashed("slice-overtime")

    def _lost(self, now: float) -> bool:
        self._renew_at = now + self._settings.lease_seconds / 3
        try:
            wish = self._renew(self.progressed)
        except RedisError:
            # The store may come back before the lease is over; after that the work may be somebody else's.
            self._renew_at = now + 0.5
            return time.monotonic() >= self._lease_until
        self.progressed = False
        self._lease_until = now + self._settings.lease_seconds
        if wish in {Wish.PAUSE, Wish.CANCEL} and not self._stopping:
            self._ask_to_stop(now)
        return wish is Wish.LOST

    def _ask_to_stop(self, now: float) -> None:
        self._stopping = True
        self._kill_at = min(self._kill_at, now + self._settings.stop_grace_seconds)
        try:
            self._pipe.send_bytes(child.STOP)
        except OSError:
            # It has just ended; what it said last is still to be read.
            self._kill_at = now + self._settings.stop_grace_seconds
