"""The proxy before the state store (`jobs.storeproxy`) in a process of its own: for whom it must outlive the parent.

    parent                            the proxy's process                  the process with secrets
    started, told what to make ─────► make(*args): what may be asked
    one end of a line ──────────────► answered until the line is cut ◄──── the other end (`jobs.storeline`)
               it is ended ◄───────── it asked for something else

It holds no secret of a customer, and the password of a store that its parent has, too. It ends with the process that it
serves, whatever becomes of the parent.
"""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from typing import Any

from jobs import storeline
from jobs.confine import Confines
from jobs.spawning import Child, be_ready, spawned
from jobs.storeproxy import Access, Proxy, Serving

_MEMORY_MIB = 256
_REFUSED, _FAILED = b"r", b"f"


@dataclass(frozen=True, slots=True)
class Lasting:
    """What a process may ask of the state store though its parent dies.

    Attributes:
        make: a module's function, called in the proxy's process.
        args: its arguments; must be picklable.
    """

    make: Callable[..., Access]
    args: tuple[Any, ...] = field(repr=False)


@contextmanager
def serving_on(lasting: Lasting, end: Callable[[], None]) -> Iterator[Proxy]:
    """Serve one process while the block runs, and beyond it where this process is killed; `end` as of `serving`.

    Raises:
        CannotStart: there is no proxy.
    """
    with spawned(main, _MEMORY_MIB, "proxy-") as child:
        ours, theirs = socket.socketpair()
        with theirs:
            proxy = Proxy(theirs)
            hearing = threading.Thread(target=_hear, args=(child.pipe, proxy, end), name="store-proxy", daemon=True)
            hearing.start()
            _tell(child, ours, lasting)
            try:
                yield proxy
            finally:
                child.kill()
                hearing.join()


def _tell(child: Child, line: socket.socket, lasting: Lasting) -> None:
    with suppress(OSError):  # it is dead, and so is the line
        storeline.hand(child.pipe, line)
        child.pipe.send((lasting.make, lasting.args))


def _hear(pipe: Connection, proxy: Proxy, end: Callable[[], None]) -> None:
    """Listen to the proxy's process until it is dead."""
    with suppress(OSError, EOFError):
        proxy.has_refused = pipe.recv_bytes(len(_REFUSED)) == _REFUSED
        end()


def main(pipe: Connection, channel: socket.socket, confines: Confines) -> None:
    """Be the proxy of the one line that comes through the pipe."""
    be_ready(pipe, channel, confines)
    try:
        line = socket.socket(fileno=recv_handle(pipe))
        make, args = pipe.recv()
        proxy = Proxy(line)
        Serving(proxy, line, make(*args), partial(_say, pipe, proxy)).run()
    finally:
        os._exit(0)


def _say(pipe: Connection, proxy: Proxy) -> None:
    with suppress(OSError):  # the parent is dead; the line is cut, and that has to do
        pipe.send_bytes(_REFUSED if proxy.has_refused else _FAILED)
