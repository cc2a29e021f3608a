"""Work that waits for somebody else, in threads of its own: so many at once, so many that wait, the rest come again.

    request ──► the pool of its kind: a place is free ──► thread ──► Google, a mail server, Argon2id, ...
                └─ else it waits, without any thread ──► too many, or too long: `PoolFull`, which is a 503

Pages, static files, `/healthz` and `/readyz` are answered by other threads: whoever waits, waits beside his own kind.
"""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from dataclasses import dataclass, field, fields
from functools import partial, wraps
from typing import Literal, ParamSpec, TypeVar, get_args

import structlog

from jobs.fullness import Load

_log = structlog.get_logger()

P = ParamSpec("P")
T = TypeVar("T")

Kind = Literal["sign-in", "exchange", "survey", "preview", "password", "sso"]
"""What is waited for; the names are labels of a metric."""

KINDS: tuple[Kind, ...] = get_args(Kind)


class PoolFull(Exception):
    """There is no room for another piece of this work now, and nothing of it was done."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(eq=False, slots=True)
class _Waiter:
    loop: asyncio.AbstractEventLoop
    place: "asyncio.Future[None]"

    def tell(self) -> None:
        """Say that it has a place now; in a thread."""
        with contextlib.suppress(RuntimeError):  # the server has ended
            self.loop.call_soon_threadsafe(lambda: None if self.place.done() else self.place.set_result(None))


class Pool:
    """Threads for one kind of work.

    They are daemons: a server that stops does not wait for somebody else's mail server. A place is free again when its
    work has ended, also where nobody waits for it any more.

    Args:
        kind: of work.
        places: so many pieces of work at once.
        waiting: so many more may wait for a place.
        seconds: so long at most.
    """

    def __init__(self, kind: Kind, places: int, waiting: int = 0, seconds: float = 0.0) -> None:
        self.kind: Kind = kind
        self._places = places
        self._most_waiting = waiting
        self._seconds = seconds
        self._lock = threading.Lock()
        self._working = 0
        self._waiting: deque[_Waiter] = deque()
        self._full = False

    @property
    def load(self) -> Load:
        """How full it is."""
        with self._lock:
            return Load(self._working, len(self._waiting), self._places)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do the work in a thread of this pool, and return what it returns.

        Raises:
            PoolFull: it was not done.
        """
        await self._place()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._start(partial(_answer, loop, done, partial(copy_context().run, work, *args, **kwargs)))
        return await done

    def serves(self, handler: Callable[P, T]) -> Callable[P, Awaitable[T]]:
        """Have a route answered in threads of this pool."""

        @wraps(handler)
        async def answer(*args: P.args, **kwargs: P.kwargs) -> T:
            return await self.run(handler, *args, **kwargs)

        return answer

    async def _place(self) -> None:
        loop = asyncio.get_running_loop()
        waiter = _Waiter(loop, loop.create_future())
        if not self._lined_up(waiter):
            raise self._refused()
        try:
            await asyncio.wait_for(waiter.place, self._seconds)
        except TimeoutError:
            self._give_up(waiter)
            raise self._refused() from None
        except asyncio.CancelledError:
            self._give_up(waiter)
            raise

    def _lined_up(self, waiter: _Waiter) -> bool:
        with self._lock:
            if self._working < self._places:
                self._working += 1
                self._full = False
                waiter.place.set_result(None)
            elif len(self._waiting) < self._most_waiting:
                self._waiting.append(waiter)
            else:
                return False
            return True

    def _give_up(self, waiter: _Waiter) -> None:
        """Wait no longer; a place that was given away to this waiter at the same moment is free for the next."""
        with self._lock:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
                return
        self._free()

    def _start(self, work: Callable[[], object]) -> None:
        try:
            threading.Thread(target=self._at_work, args=(work,), name=self.kind, daemon=True).start()
        except RuntimeError:  # the machine has no further thread
            self._free()
            raise PoolFull(self.kind) from None

    def _at_work(self, work: Callable[[], object]) -> None:
        try:
            work()
        finally:
            self._free()

    def _free(self) -> None:
        """Hand the place on to who has waited longest."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().tell()
            else:
                self._working -= 1

    def _refused(self) -> PoolFull:
        """Tell the log when it begins to be full, not each time that somebody is refused."""
        if not self._full:
            self._full = True
            _log.warning("pool-full", kind=self.kind)
        return PoolFull(self.kind)


def _answer(loop: asyncio.AbstractEventLoop, done: "asyncio.Future[T]", work: Callable[[], T]) -> None:
    """Do the work in this thread, and tell the loop what became of it."""
    try:
        told = partial(done.set_result, work())
    except BaseException as error:  # noqa: BLE001 - it is raised where the work is waited for
        told = partial(done.set_exception, error)
    with contextlib.suppress(RuntimeError):  # the server has ended
        loop.call_soon_threadsafe(lambda: None if done.done() else told())


def sign_ins(places: int = 8) -> Pool:
    """Return a pool for passwords that are tried at mail servers."""
    return Pool("sign-in", places, 4 * places, 10.0)


def exchanges(places: int = 16) -> Pool:
    """Return a pool for codes of Google's; who waits longer is asked to come again, before a proxy gives up."""
    return Pool("exchange", places, 4 * places, 20.0)


@dataclass(frozen=True, slots=True)
class Pools:
    """Those of the customers' pages.

    Attributes:
        sign_in: a mailbox's password tried at its server, each in a process of its own.
        exchange: Google's code exchanged for a grant, each in a process of its own.
        preview: what choices would do, computed from thousands of labels.
    """

    sign_in: Pool = field(default_factory=sign_ins)
    exchange: Pool = field(default_factory=exchanges)
    preview: Pool = field(default_factory=lambda: Pool("preview", 2, 32, 10.0))


@dataclass(frozen=True, slots=True)
class StaffPools:
    """Those of the console.

    Attributes:
        password: passwords hashed; each takes 19 MiB while it is at work.
        sso: the provider of a single sign-on asked.
    """

    password: Pool = field(default_factory=lambda: Pool("password", 4, 32, 5.0))
    sso: Pool = field(default_factory=lambda: Pool("sso", 4, 16, 5.0))


def loads_of(pools: Pools | StaffPools) -> dict[str, Load]:
    """Return how full each of them is, by kind."""
    found: list[Pool] = [getattr(pools, one.name) for one in fields(pools)]
    return {pool.kind: pool.load for pool in found}
