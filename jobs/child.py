"""Inside the process of one slice.

It is made for one slice and ends with it: the memory that held tokens, passwords and mail is gone then. It dies at
once when the worker does, and tells the worker nothing but a `SliceEnd`.
"""

import os
import socket
import threading
import time
from multiprocessing.connection import Connection

import structlog

from jobs import storeline
from jobs.confine import Confines
from jobs.slice import SliceEnd, SliceTask, Work, crashed_by, failed, packed
from jobs.spawning import be_ready

_log = structlog.get_logger()

PROGRESS = b"p"
"""Child to worker: something was achieved. Anything else is the packed end."""

STOP = b"s"
"""Worker to child: write down what is done, and end."""

_PROGRESS_SECONDS = 0.5


class PipeLink:
    """The slice's line to its worker over a pipe; the line being cut ends this process on the spot."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._stop = threading.Event()
        self._told_at = 0.0
        # One its holder may take again: a finalizer that does what is refused can run in the middle of telling.
        self._sending = threading.RLock()

    def stop_requested(self) -> bool:
        """Tell whether the worker asked to end."""
        return self._stop.is_set()

    def progressed(self) -> None:
        """Tell the worker, at most twice a second."""
        now = time.monotonic()
        with self._sending:
            if now - self._told_at >= _PROGRESS_SECONDS:
                self._told_at = now
                self._pipe.send_bytes(PROGRESS)

    def refused(self, what: str) -> None:
        """Tell the worker what this process tried and may not; it ends it on the spot."""
        self.finish(failed(f"egress-refused:{what}", resumable=True))

    def finish(self, end: SliceEnd) -> None:
        """Send the end; the last thing that is heard."""
        with self._sending:
            self._pipe.send_bytes(packed(end))

    def watch(self) -> None:
        """Listen for the stop byte, and for the worker's death."""
        try:
            while self._pipe.recv_bytes():
                self._stop.set()
        finally:
            os._exit(1)


def main(pipe: Connection, channel: socket.socket, confines: Confines) -> None:
    """Do the one slice that comes through the pipe."""
    be_ready(pipe, channel, confines)
    link = PipeLink(pipe)
    end = _end_of(pipe, link)
    try:
        link.finish(end)
    finally:
        # No exit handlers: threads of the libraries may hang, and there is nothing left to save.
        os._exit(0)


def _end_of(pipe: Connection, link: PipeLink) -> SliceEnd:
    try:
        # The function travels by name; that its module can't be imported here is an end like any other.
        work, task = _received(pipe)
        threading.Thread(target=link.watch, name="worker-watch", daemon=True).start()
        return _checked(work(task, link))
    except EOFError:
        os._exit(1)
    except BaseException as error:  # noqa: BLE001 - whatever it is: its text must not leave this process
        if not isinstance(error, MemoryError):  # a line of the log needs memory, too
            _log.critical("unhandled", place="slice", error=error)
        return crashed_by(error)


def _received(pipe: Connection) -> tuple[Work, SliceTask]:
    storeline.take(pipe)
    work, task = pipe.recv()
    return work, task


def _checked(end: SliceEnd) -> SliceEnd:
    if not isinstance(end, SliceEnd):
        raise TypeError("a slice ends with a SliceEnd")
    return end
