"""A process that dies at its n-th command to a store, in the very process of the test: every step is found by counting.

    for death in deaths():
        with death: the_flow()          # dies before its 1st command, its 2nd, ... until it comes through
        look at what is left

After the death nothing reaches a store any more: what a `finally` would tidy up, a killed process leaves as it is.
Functions that have a process of their own (`jobs.apart`) are called here, so that their commands count as well.
"""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self

import pytest
from redis.connection import AbstractConnection
from redis.exceptions import ConnectionError as StoreAway

from jobs import storeline
from jobs.apart import ApartFailed, Ask, Json, _code_of
from jobs.lasting import Lasting
from jobs.outside import Outside
from jobs.storeline import client_over
from jobs.storeproxy import serving

_GREETINGS = {"HELLO", "AUTH", "CLIENT", "SELECT", "PING", "READONLY"}
_NAME = re.compile(rb"\*\d+\r\n\$\d+\r\n(\w+)\r\n")


class Killed(BaseException):
    """Stands for SIGKILL: no `except Exception` takes it for a failure."""


class Death(AbstractContextManager["Death"]):
    """The block dies before its n-th command (from 1); `came` tells whether it did. `last`: the command it died at."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.came = False
        self.last = ""
        self._count = 0
        self._owner = threading.current_thread()
        self._patch = pytest.MonkeyPatch()

    def __repr__(self) -> str:
        return f"killed before command {self.at} ({self.last})"

    def __enter__(self) -> Self:
        send = AbstractConnection.send_packed_command

        def or_die(connection: AbstractConnection, command: Any, *more: Any, **told: Any) -> Any:
            self._step(command)
            return send(connection, command, *more, **told)  # type: ignore[no-untyped-call]

        self._patch.setattr(AbstractConnection, "send_packed_command", or_die)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._patch.undo()
        return isinstance(error, Killed)

    def _step(self, command: Any) -> None:
        if threading.current_thread() is not self._owner:
            if self.came:
                raise StoreAway
            return
        whole = command if isinstance(command, bytes) else b"".join(command)
        found = _NAME.match(whole)
        name = found[1].decode().upper() if found else "?"
        if not self.came and name not in _GREETINGS:
            self._count += 1
            self.last, self.came = name, self._count == self.at
        if self.came:
            raise Killed


def deaths(first: int = 1) -> Iterator[Death]:
    """Yield deaths, each one command later than the one before, until a block comes through."""
    at, came = first, True
    while came:
        death = Death(at)
        yield death
        at, came = at + 1, death.came


def called_here(function: Callable[[Any, Ask], Json], task: Any, hear: Ask, *, outside: Outside) -> Json:
    """Call a function of `run_apart` in this process; its errors come out as they do from its own."""
    assert isinstance(outside.store, Lasting)
    access = outside.store.make(*outside.store.args)
    with serving(access, lambda: None) as proxy, client_over(proxy.line) as store:
        storeline.use(store)
        try:
            return function(task, hear)
        except Exception as error:  # noqa: BLE001 - as there
            raise ApartFailed(_code_of(error)) from None
