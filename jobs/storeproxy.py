"""Stands between one process with secrets and the state store: asks in its place what its permit allows.

    process ── line (jobs.storeline) ──► proxy: a thread of its parent ── the parent's own client ──► state store

Each command is checked whole before any of it is passed on (`jobs.permits`). A process that asks for anything else is
ended. The proxy ends with the process, or when its parent closes it; one that is slow, or reads no answers, holds up
its own proxy alone. Where it has to outlive the parent it is a process: `jobs.lasting`. Which server is asked, and what
is done while it is away, is the client's affair.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import structlog
from redis import Redis
from redis.exceptions import NoScriptError, RedisError

from jobs import storeline
from jobs.durable import wait_for_disk
from jobs.pace import Pace
from jobs.permits import Forbidden, Permit
from jobs.reach import undecoded
from jobs.resp import NoCommand, command_from, packed, packed_error
from jobs.storetrouble import is_away
from jobs.storewire import StoreWire

_log = structlog.get_logger()

DURABLE = "DURABLE"
"""Asks for `jobs.durable.wait_for_disk`; answered with 1 or 0."""

MOST_ASKED = 256 << 20
"""Bytes that one process may say in all; the next one goes on, after a pause."""

_MOST_IN_ONE = 16
"""Commands between MULTI and EXEC."""

_END_SECONDS = 2.0
"""A proxy whose process is gone may wait longer for the store; what it asks for there is worth nothing by then."""

_BUFFER = 1 << 16
_FULL = packed_error("OOM one process has written too much")
_AWAY = packed_error("TRYAGAIN the state store cannot serve now")
_OK, _QUEUED = b"+OK\r\n", b"+QUEUED\r\n"


@dataclass(frozen=True)
class Access:
    """The state store, and what a process may ask of it."""

    store: Redis
    permit: Permit


class Proxy:
    """One process's proxy. `line` is the end that the process is handed; `has_refused`: it asked for something else."""

    def __init__(self, line: socket.socket) -> None:
        self.line = line
        self.has_refused = False


@contextmanager
def serving(access: Access | None, end: Callable[[], None]) -> Iterator[Proxy]:
    """Serve one process while the block runs.

    Args:
        access: what it may ask of which store; without one its line is cut.
        end: ends the process, on the spot; called at most once, from another thread.
    """
    if access is None:
        yield Proxy(storeline.cut())
        return
    ours, theirs = socket.socketpair()
    with ours, theirs:
        proxy = Proxy(theirs)
        serving = Serving(proxy, ours, access, end)
        work = threading.Thread(target=serving.run, name="store-proxy", daemon=True)
        work.start()
        try:
            yield proxy
        finally:
            serving.over.set()
            _cut(ours)
            work.join(_END_SECONDS)


class Serving:
    """A proxy at work, over its end of the line."""

    def __init__(self, proxy: Proxy, line: socket.socket, access: Access, end: Callable[[], None]) -> None:
        self.over = threading.Event()
        self._proxy = proxy
        self._line = line
        self._permit = access.permit
        self._store: Any = undecoded(access.store)
        self._wire = StoreWire(access.store)
        self._end = end
        self._pace = Pace()
        self._asked_bytes = 0

    def run(self) -> None:
        """Answer commands until the line is cut, or one is refused."""
        try:
            with cast("BinaryIO", self._line.makefile("rb", _BUFFER)) as stream:
                while self._turn(stream):
                    if pause := self._pace.pause():
                        self.over.wait(pause)
        except (Forbidden, NoCommand):
            self._proxy.has_refused = True
            self._end()
        except OSError:
            return  # the process is gone
        except Exception as error:  # noqa: BLE001 - whatever it is: its text must not leave this thread
            _log.critical("unhandled", place="store-proxy", error=error)
            self._end()
        finally:
            self._wire.close()
            _cut(self._line)

    def _turn(self, stream: BinaryIO) -> bool:
        """Answer one command; False at the line's end."""
        cpu = time.thread_time()
        command = command_from(stream)
        if command is None:
            return False
        begun = time.monotonic()
        answer = self._answered(command, stream)
        self._pace.took(time.monotonic() - begun + time.thread_time() - cpu)
        self._line.sendall(answer)
        return True

    def _answered(self, command: list[bytes], stream: BinaryIO) -> bytes:
        if command == [b"MULTI"]:
            return self._all_answered(stream)
        if command == [DURABLE.encode()] and self._permit.waits:
            return _asked(lambda: wait_for_disk(self._store))
        self._permit.check(command)
        self._asked_bytes += sum(map(len, command))
        return _FULL if self._asked_bytes > MOST_ASKED else _asked(lambda: self._carried_out(command))

    def _carried_out(self, command: list[bytes]) -> object:
        try:
            return self._wire.ask(command)
        except NoScriptError:
            self._store.script_load(self._permit.scripts[command[1]].text)
            return self._wire.ask(command)

    def _all_answered(self, stream: BinaryIO) -> bytes:
        """Answer a transaction, which is checked whole before any of it is passed on."""
        commands = list[list[bytes]]()
        while (command := command_from(stream)) != [b"EXEC"]:
            if command is None or len(commands) == _MOST_IN_ONE or command[0] == b"EVALSHA":
                raise Forbidden
            self._permit.check(command)
            commands.append(command)
        return _OK + _QUEUED * len(commands) + _asked(lambda: self._together(commands))

    def _together(self, commands: list[list[bytes]]) -> object:
        with self._store.pipeline(transaction=True) as all_:
            for command in commands:
                all_.execute_command(*command)
            return all_.execute()


def _cut(line: socket.socket) -> None:
    with suppress(OSError):  # the process hung up before
        line.shutdown(socket.SHUT_RDWR)


def _asked(ask: Callable[[], object]) -> bytes:
    """Return the store's answer; of an error nothing but what it means."""
    try:
        return packed(ask())
    except RedisError as error:
        return _AWAY if is_away(error) else packed_error(f"ERR {type(error).__name__}")
