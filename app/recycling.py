"""Sites served by a process that is replaced every few minutes: no memory keeps for long what passed through it.

    migrator web            listens, serves nothing, holds nothing of anybody's
      ├─ its process        serves; after `process_seconds` its successor is started: it takes no more connections,
      │                     answers what it has begun, and ends
      └─ the successor      serves at the same listeners

Python cannot overwrite a text: an address shown or a password typed lies in memory until its place is used again, be it
for weeks. The end of the process ends that. Nobody notices: connections wait in the listener meanwhile.
"""

import ctypes
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

_LISTENERS, _READY = "MIGRATOR_LISTENERS", "MIGRATOR_READY"
"""The environment's names for descriptors: what to serve at, and where to say that it is served."""

_START_SECONDS = 60.0
_TICK_SECONDS = 0.5
_DRAIN_SECONDS = 120
"""A process that was replaced ends what it has begun within this time: an exchange of a consent takes a minute."""

STOP_SECONDS = 10
"""What has begun when the service stops may take so long."""

_PR_SET_PDEATHSIG = 1

_log = structlog.get_logger()


class Stop(threading.Event):
    """Set when a site is to end; `seconds` is how long what has begun may take until then."""

    seconds = STOP_SECONDS

    def replaced(self) -> None:
        """End a process whose successor serves."""
        self.seconds = _DRAIN_SECONDS
        self.set()


def until_told() -> Stop:
    """Return what SIGTERM and Ctrl-C set, and SIGUSR1 where another process takes over."""
    stop = Stop()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    signal.signal(signal.SIGUSR1, lambda *_: stop.replaced())
    return stop


# --- in the process that serves --------------------------------------------------------------------------------------


def handed_listeners() -> tuple[socket.socket, ...]:
    """Return the listeners that this process was started for; none in the first process, which makes them."""
    given = os.environ.pop(_LISTENERS, "")
    if not given:
        return ()
    # Linux (prctl(2)): where the process that listens is killed, the port is free for the next one at once.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    return tuple(socket.socket(fileno=int(number)) for number in given.split(","))


def say_ready() -> None:
    """Tell the process that started this one that the site is served; where that is gone, end."""
    if number := os.environ.pop(_READY, ""):
        try:
            with os.fdopen(int(number), "wb") as line:
                line.write(b"1")
        except OSError:
            os._exit(1)


# --- in the process that starts them ----------------------------------------------------------------------------------


@dataclass
class _Server:
    process: "subprocess.Popen[bytes]"
    ready: int
    began: float = field(default_factory=time.monotonic)

    def is_ready(self, stop: threading.Event) -> bool:
        """Wait until it serves; False when it ended before, took too long, or is not wanted any more."""
        until = time.monotonic() + _START_SECONDS
        with os.fdopen(self.ready, "rb", 0) as line:
            while not stop.is_set() and time.monotonic() < until:
                if select.select([line], [], [], _TICK_SECONDS)[0]:
                    return line.read(1) == b"1"  # nothing: it has ended
        return False

    def is_over(self, seconds: float) -> bool:
        """Tell whether it has ended; one that was replaced and still answers after all its time is killed."""
        if self.process.poll() is None and time.monotonic() - self.began > seconds + _DRAIN_SECONDS + _START_SECONDS:
            self.process.kill()
        return self.process.poll() is not None

    def end(self) -> None:
        """Wait for its end, which it was told; kill it where that takes too long."""
        try:
            self.process.wait(STOP_SECONDS + 2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Recycling:
    """Keeps one process serving at the listeners.

    Args:
        name: of the site, for the log.
        seconds: so long a process serves.
    """

    def __init__(self, name: str, listeners: Sequence[socket.socket], seconds: float) -> None:
        self._name = name
        self._listeners = listeners
        self._seconds = seconds
        self._replaced: list[_Server] = []

    def serve(self, stop: threading.Event, started: Callable[[], None]) -> int:
        """Serve until `stop` is set; return the exit code, which is not 0 where no process comes up.

        `started` is called when the first process serves.
        """
        serving = self._start()
        try:
            if not serving.is_ready(stop):
                return 0 if stop.is_set() else 1
            started()
            while not stop.wait(_TICK_SECONDS):
                serving = self._looked_after(serving, stop)
                if serving.process.poll() is not None:
                    return 1
            return 0
        finally:
            self._end_all(serving)

    def _looked_after(self, serving: _Server, stop: threading.Event) -> _Server:
        """Return the process that serves now: another one where this one has died, or its time is over."""
        self._replaced = [one for one in self._replaced if not one.is_over(self._seconds)]
        if serving.process.poll() is not None:
            _log.error("site-process-died", place=self._name)
            successor = self._start()
            successor.is_ready(stop)
            return successor
        if time.monotonic() - serving.began < self._seconds:
            return serving
        successor = self._start()
        if successor.is_ready(stop):
            serving.process.send_signal(signal.SIGUSR1)
            self._replaced.append(serving)
            return successor
        successor.process.kill()
        successor.process.wait()
        serving.began = time.monotonic()  # it goes on for another while
        if not stop.is_set():
            _log.error("site-process-kept", place=self._name)
        return serving

    def _start(self) -> _Server:
        numbers = [one.fileno() for one in self._listeners]
        ours, theirs = os.pipe()
        try:
            env = {**os.environ, _LISTENERS: ",".join(map(str, numbers)), _READY: str(theirs)}
            command = [sys.executable, *sys.orig_argv[1:]]
            process = subprocess.Popen(command, env=env, pass_fds=(*numbers, theirs))  # noqa: S603 - the command of this one
            return _Server(process, ours)
        finally:
            os.close(theirs)

    def _end_all(self, serving: _Server) -> None:
        every = [serving, *self._replaced]
        for one in every:
            one.process.terminate()
        for one in every:
            one.end()
