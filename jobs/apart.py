"""A function in a process of its own: for the moments in which a token must be held outside a slice.

The process stands behind the same walls as a slice's (`jobs.confine`), is made for one call and ends with it, so that
whoever asked (web server, command line) never holds what was in it. In go the arguments, out comes one small answer in
JSON. Meanwhile the function may ask its parent: the process that holds the token knows no other migration and no
master key, the one that knows them holds no token.

    parent                              child
    run_apart(function, task, hear) ──► function(task, ask)
                hear(question) ◄─────── ask(question)
                               ───────► reply
                        answer ◄─────── answer, or the code of the error
"""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from jobs import storeline
from jobs.confine import Confines
from jobs.outside import BROKEN_OUT, Outside, reaching, tell_refusal
from jobs.slice import crashed, crashed_by
from jobs.spawning import be_ready, spawned

Json = dict[str, Any]
Ask = Callable[[Json], Json]
"""Asks the parent something and returns its reply; raises `Unanswered` when the parent failed over it."""

_UNDISTURBED = threading.Lock()
"""Held while this process must not end with its parent."""

_LATER_SECONDS = 90.0
"""It ends with its parent so much later at most."""

SECONDS = 120.0
MEMORY_MIB = 256
MAX_BYTES = 4096

GOES_ON = threading.Event()
"""Nobody sets this one: the parent ends when it ends."""

_LOOK_SECONDS = 0.2
"""So long a parent that is told to stop may not notice."""


class ApartFailed(Exception):
    """The function failed, or its process did; `code` is all that is told.

    A code of the error trees (`scope-mismatch`), `internal-error:<class>`, `child-killed`, `child-overtime` or
    `child-unreadable`.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Unanswered(Exception):
    """The parent failed over a question; it waits for this process to tidy up and end."""

    code = "unanswered"


def deaf(_: Json) -> Json:
    """Reply to nothing."""
    raise ApartFailed("child-unreadable")


def run_apart(
    function: Callable[[Any, Ask], Json],
    task: object,
    hear: Ask = deaf,
    *,
    outside: Outside | None = None,
    seconds: float = SECONDS,
    memory_mib: int = MEMORY_MIB,
    max_bytes: int = MAX_BYTES,
    stop: threading.Event = GOES_ON,
) -> Json:
    """Call `function(task, ask)` in a process of its own and return its answer.

    Args:
        function: a module's function, so that the process finds it by its name.
        task: what it is told; must be picklable.
        hear: replies to its questions; an exception of it is raised again here, once the function has tidied up.
        outside: what it reaches; None for a function without secrets, which the kernel holds to nothing.
        seconds: the process is killed after this long.
        memory_mib: limit of the process.
        max_bytes: longest answer or question, as JSON.
        stop: once it is set the process is killed.

    Raises:
        ApartFailed: there is no answer.
        CannotStart: no process could be started, so nothing was done.
    """
    listen = partial(_said, until=time.monotonic() + seconds, max_bytes=max_bytes, stop=stop)
    with (
        spawned(main, memory_mib, "apart-", outside.readable if outside else None) as child,
        reaching(child, outside, tell_refusal) as store,
    ):
        try:
            said = _conversed(child.pipe, store, (function, task, max_bytes), hear, listen)
        except ApartFailed:
            child.kill()
            if not child.broke_out:
                raise
            tell_refusal(BROKEN_OUT.partition(":")[2])
            raise ApartFailed(BROKEN_OUT) from None
    if "answer" not in said:
        raise ApartFailed(_checked(said.get("code")))
    answer: Json = said["answer"]
    return answer


def _conversed(
    pipe: Connection, store: socket.socket, told: object, hear: Ask, listen: Callable[[Connection], Json]
) -> Json:
    """Hand the process its line to the store, tell it what to do, reply to its questions, and return its last word."""
    _tell(pipe, told, store)
    said = listen(pipe)
    while "ask" in said:
        try:
            _tell(pipe, {"reply": hear(said["ask"])})
        except Exception:
            _tell(pipe, {})
            listen(pipe)
            raise
        said = listen(pipe)
    return said


def _tell(pipe: Connection, told: object, line: socket.socket | None = None) -> None:
    try:
        if line:
            storeline.hand(pipe, line)
        pipe.send(told)
    except OSError:
        raise ApartFailed("child-killed") from None


def _said(pipe: Connection, until: float, max_bytes: int, stop: threading.Event) -> Json:
    """Return what the child says next. It may be in hostile hands, so nothing but short JSON is taken from it."""
    try:
        while not pipe.poll(min(_LOOK_SECONDS, max(0.0, until - time.monotonic()))):
            if stop.is_set():
                raise ApartFailed("child-killed")
            if time.monotonic() >= until:
                raise ApartFailed("child-overtime")
        said = json.loads(pipe.recv_bytes(max_bytes))
    except EOFError:
        raise ApartFailed("child-killed") from None
    except (OSError, ValueError, RecursionError):
        raise ApartFailed("child-unreadable") from None
    return said if isinstance(said, dict) else {}


def _checked(code: object) -> str:
    try:
        return crashed(str(code)).code
    except ValueError:
        return "child-unreadable"


class _Line:
    """The child's line to its parent; being cut, it ends this process at once, or after what is `undisturbed`."""

    def __init__(self, pipe: Connection, max_bytes: int) -> None:
        self._pipe = pipe
        self._max_bytes = max_bytes
        self._replies: SimpleQueue[Json] = SimpleQueue()

    def ask(self, question: Json) -> Json:
        """Say a question and wait for the reply."""
        self._pipe.send_bytes(json.dumps(_within({"ask": question}, self._max_bytes)).encode())
        told = self._replies.get()
        if "reply" not in told:
            raise Unanswered
        reply: Json = told["reply"]
        return reply

    def watch(self) -> None:
        """Listen for replies, and for the parent's death."""
        try:
            while told := self._pipe.recv():
                self._replies.put(told)
            self._replies.put({})
            self._pipe.recv()
        finally:
            _UNDISTURBED.acquire(timeout=_LATER_SECONDS)
            os._exit(1)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let this process bring the block to its end though its parent dies; it ends then."""
    with _UNDISTURBED:
        yield


def main(pipe: Connection, channel: socket.socket, confines: Confines) -> None:
    """Do the one call that comes through the pipe."""
    be_ready(pipe, channel, confines)
    try:
        pipe.send_bytes(json.dumps(_outcome(pipe)).encode())
    finally:
        # No exit handlers: threads of the libraries may hang, and there is nothing left to save.
        os._exit(0)


def _outcome(pipe: Connection) -> Json:
    try:
        # The function travels by name; that its module can't be imported here is an end like any other.
        storeline.take(pipe)
        function, task, max_bytes = pipe.recv()
        line = _Line(pipe, max_bytes)
        threading.Thread(target=line.watch, name="parent-watch", daemon=True).start()
        return _within({"answer": function(task, line.ask)}, max_bytes)
    except EOFError:
        os._exit(1)
    except BaseException as error:  # noqa: BLE001 - whatever it is: its text must not leave this process
        return {"code": _code_of(error)}


def _within(said: Json, max_bytes: int) -> Json:
    if len(json.dumps(said)) > max_bytes:
        raise ValueError("longer than the parent takes")
    return said


def _code_of(error: BaseException) -> str:
    """Return the code of an error of our trees, with Google's word where it has one; of any other its class alone."""
    ours = type(error).__module__.partition(".")[0] in {"jobs", "migrator", "oauth"}
    code = getattr(error, "told", None) or getattr(error, "code", None)
    return code if ours and isinstance(code, str) else crashed_by(error).code
