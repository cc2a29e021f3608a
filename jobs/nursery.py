"""Outside the process of one slice: start it, keep its lease, pass on wishes, end it, clear up after it."""

import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType

import structlog
from redis.exceptions import RedisError

from jobs import child, forkserver
from jobs.forkserver import CHILDREN, FORKSERVER, REAP_SECONDS, ServerGone, kill
from jobs.settings import WorkerSettings
from jobs.slice import MAX_END_BYTES, Kind, SliceEnd, SliceTask, Work, again, crashed, unpacked
from jobs.tickets import Wish

_log = structlog.get_logger()

_LISTEN_SECONDS = 0.1

_PLACE = re.compile(rb"[A-Za-z0-9.:_-]{1,253}:[0-9]{1,5}")
_MOST_PLACES = 8
"""Hosts of one slice: Google's endpoints and the mailbox. A child in hostile hands could name any number."""

_living: set[BaseProcess] = set()
_restarting = threading.Lock()

Renew = Callable[[bool], Wish]
"""Lengthens the lease (True: there was progress) and tells the wish; `RedisError` when the store is away."""


Contacted = Callable[[str], None]
"""Is told each `host:port` that a slice connects to, once, before it does; what it raises ends the slice."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a slice ended, and whether it achieved something that its last renewal has not told yet."""

    end: SliceEnd
    progressed: bool


def preload(modules: tuple[str, ...]) -> None:
    """Import these modules where the processes of slices are forked, and wait for it; before the first slice only.

    multiprocessing runs the program's own file again in each of them; what that imports is named here as well. It
    takes seconds on a busy machine, which are not to be taken from the first slice's lease.
    """
    FORKSERVER.set_forkserver_preload([child.__name__, *modules, *sorted(_imports_of_program())])
    forkserver.load()


def can_start() -> bool:
    """True if processes can be forked; a server that was killed is started again first, which takes seconds."""
    with _restarting:
        if not forkserver.is_gone():
            return True
        try:
            forkserver.load()
        except ServerGone as error:
            _log.error("forkserver-gone", error=error)
            return False
        _log.warning("forkserver-restarted")
        return True


def _imports_of_program() -> set[str]:
    values = vars(sys.modules["__main__"]).values()
    names = {value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", "") for value in values}
    return {name for name in names if name in sys.modules} - {"__main__", "builtins"}


def run_slice(
    work: Work,
    task: SliceTask,
    renew: Renew,
    stop: threading.Event,
    settings: WorkerSettings,
    folder: Path,
    contacted: Contacted = lambda _: None,
) -> Outcome:
    """Do one slice in a process of its own and wait for its end.

    Where the server that forks the processes was killed, there may be none, or it died with the server: the slice is
    to be done again then, and nobody is to blame.

    Args:
        work: the function that does it.
        task: what it is told.
        renew: lengthens the lease.
        stop: set when the worker shall end.
        settings: the limits.
        folder: where the slice's temporary folder is made.
        contacted: hears where the slice goes.
    """
    try:
        with _child(settings.memory_mib, folder) as (pipe, end_it):
            watch = _Watch(pipe, renew, stop, settings, contacted)
            end = _end_of(watch, (work, task))
            end_it()
            watch.hear_the_rest()
    except ServerGone:
        return Outcome(again(), progressed=False)
    if end == crashed("child-killed") and forkserver.is_gone():
        end = again()
    return Outcome(end, watch.progressed)


def _end_of(watch: "_Watch", told: object) -> SliceEnd:
    if not watch.tell(told):
        return crashed("child-killed")
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


@contextmanager
def _child(memory_mib: int, folder: Path) -> Iterator[tuple[Connection, Callable[[], None]]]:
    """Give the line to a new process, and what kills it; it ends with the block in any case."""
    ours, theirs = FORKSERVER.Pipe()
    with tempfile.TemporaryDirectory(prefix="slice-", dir=folder, ignore_cleanup_errors=True) as own, ours:
        process = FORKSERVER.Process(target=child.main, args=(theirs, memory_mib, own), daemon=True)
        with theirs, CHILDREN:
            if forkserver.is_gone():
                raise ServerGone
            forkserver.start(process)
            _living.add(process)
        try:
            yield ours, partial(kill, process)
        finally:
            ours.close()
            kill(process)
            with CHILDREN:
                _living.discard(process)
                process.close()


class _Watch:
    """What the worker knows of one running slice. `look` decides, `listen` waits for the child's next word."""

    def __init__(
        self,
        pipe: Connection,
        renew: Renew,
        stop: threading.Event,
        settings: WorkerSettings,
        contacted: Contacted,
    ) -> None:
        now = time.monotonic()
        self.progressed = False
        self._contacted = contacted
        self._places: set[bytes] = set()
        self._pipe = pipe
        self._renew = renew
        self._stop = stop
        self._settings = settings
        self._renew_at = now + settings.lease_seconds / 3
        self._lease_until = now + settings.lease_seconds
        self._kill_at = now + settings.slice_seconds + settings.grace_seconds
        self._stopping = False

    def tell(self, told: object) -> bool:
        """Send something to the child; False when it is dead."""
        try:
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
        if said[:1] == child.CONTACT:
            return self._heard(said[1:])
        if said != child.PROGRESS:
            return unpacked(said)
        self.progressed = True
        return None

    def hear_the_rest(self) -> None:
        """Hear which hosts the dead child had still told of."""
        while self._pipe.poll():
            try:
                said = self._pipe.recv_bytes(MAX_END_BYTES)
            except (EOFError, OSError):
                return
            if said[:1] == child.CONTACT:
                self._heard(said[1:])

    def _heard(self, place: bytes) -> SliceEnd | None:
        """Pass a host on; a child that tells something else, or too many of them, is at its end."""
        if place in self._places:
            return None
        if len(self._places) == _MOST_PLACES or not _PLACE.fullmatch(place):
            return crashed("child-unreadable")
        self._places.add(place)
        self._contacted(place.decode())
        return None

    def look(self) -> SliceEnd | None:
        """Do what is due; return an end when the child is to be killed."""
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
