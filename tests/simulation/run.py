"""One seed run until the import rests, by the product's own worker and slices on a real store.

Replaced is what reaches out of the process: the connections, the clock, the process of a slice, and the threads that
read ahead (their order would not be the seed's). Everything else is the product.
"""

import gc
import logging
import random
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any, Self, cast
from unittest.mock import patch

import structlog
from redis import Redis

from app import child, revoking
from app.child import ChildConfig
from app.config import Config
from jobs import accounts, actors, scripts
from jobs.actors import Room
from jobs.custody import Custody
from jobs.launch import Import, launch
from jobs.migration import ENDS, Migration, State, new_id, record_key
from jobs.nursery import Outcome
from jobs.requests import read
from jobs.settings import WorkerSettings
from jobs.slice import Work, crashed, crashed_by
from jobs.sweeper import sweep
from jobs.tickets import reconcile
from migrator import reading
from migrator.labels import Choices
from migrator.ledger import Ledger
from migrator.mailbox import Password
from migrator.naming import FolderNames
from migrator.outcome import Mark
from oauth.grant import Grant
from oauth.keyring import KeyRing
from oauth.vault import Sealer, Vault, WorkersVault
from oauth.workerskeys import WorkersKeys

from . import moods, personalities
from .account import Account, invented
from .clock import Clock, SimulatedPatience, look_up_late
from .fate import Fate, Kill
from .google import API, Google
from .scenario import Scenario
from .server import CUSTOMER, PASSWORD, Server
from .session import Line
from .standing import put_earlier_import
from .store import FatedStore, Store

look_up_late()
gc.freeze()  # the libraries, which no seed throws away, are not looked through again and again

RESTS = ENDS | {State.PAUSED, State.FAILED}
_SETTINGS = WorkerSettings(slice_seconds=20, grace_seconds=60, lease_seconds=10)
TURNS = 300
"""More slices than this is an import that never rests."""

_ALIKE = 150
"""So many ends alike in a row are one, too: nothing here lasts longer than two hours."""


@dataclass(slots=True)
class Run:
    """What became of a seed: the world as it is at the end, the import's record, its ledger just before it went."""

    scenario: Scenario
    clock: Clock
    fate: Fate
    account: Account
    google: Google
    server: Server
    record: Migration | None = None
    ids: tuple[int, ...] = ()
    marks: bytes = b""
    reasons: dict[int, str] = field(default_factory=dict)
    names: FolderNames | None = None
    turns: int = 0
    ends: list[str] = field(default_factory=list)

    @property
    def is_stuck(self) -> bool:
        """Whether it does not come to rest."""
        return self.turns >= TURNS or (len(self.ends) >= _ALIKE and len(set(self.ends[-_ALIKE:])) == 1)

    def mark_of(self, message_id: int) -> Mark | None:
        """Return how a message of the account ended; None for one that is not in the plan."""
        return Mark(self.marks[self.ids.index(message_id)]) if message_id in self.ids else None


class _AtOnce:
    """Runs what it is given in the caller's thread: an order that the seed alone decides."""

    def __init__(self, *_: object) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def submit(self, act: Callable[..., Any], *args: Any) -> "Future[Any]":
        done: Future[Any] = Future()
        try:
            done.set_result(act(*args))
        except Exception as error:  # noqa: BLE001 - the future's to raise
            done.set_exception(error)
        return done


def world_of(scenario: Scenario) -> Run:
    """Return the world a seed begins in."""
    rng = random.Random(f"{scenario.seed} world")
    clock = Clock()
    fate = Fate(scenario.blows, clock, random.Random(f"{scenario.seed} fate"))
    account = invented(rng, scenario.messages, old=scenario.old_mail)
    google = Google(account, fate, latency=scenario.latency, page=scenario.page)
    google.moods = [moods.make(name, random.Random(f"{scenario.seed} {name}")) for name in scenario.moods]
    server = Server(clock)
    server.personalities = [
        personalities.make(name, random.Random(f"{scenario.seed} {name}")) for name in scenario.traits
    ]
    for personality in server.personalities:
        personality.begin(server)
    for each in google.moods:
        each.begin(google)
    return Run(scenario, clock, fate, account, google, server)


def run(scenario: Scenario, url: str) -> Run:
    """Run a seed on the store at `url`, which is emptied first."""
    world = world_of(scenario)
    random.seed(scenario.seed)
    with Store(url) as redis, _everything_simulated(world, redis, url):
        redis.flushall()
        vault = WorkersVault(redis, KeyRing({"m": b"m" * 32}), WorkersKeys({"w": b"w" * 32}))
        choices = Choices(policy=scenario.policy, spam=scenario.spam, trash=scenario.trash)  # type: ignore[arg-type]
        put_earlier_import(world, choices)
        migration = _launched(redis, vault, scenario, choices)
        room = _room(redis, vault)
        while _turn(redis, room, world, vault, migration).state not in RESTS and not world.is_stuck:
            pass
        world.record = read(redis, migration)
        _remember(world, Ledger(redis, migration))
    return world


def _launched(redis: Redis, vault: Vault, scenario: Scenario, choices: Choices) -> str:
    migration = new_id()
    accounts.claim(redis, vault, migration, "a@gmail.sim")
    Sealer(redis, migration, vault.make(migration)).seal(grant=Grant("r").to_bytes())
    mailbox = Password(CUSTOMER, PASSWORD)
    return launch(redis, vault, migration, Import("c1", mailbox, choices, by_digest=scenario.by_digest)).id


def _room(redis: Redis, vault: Vault) -> Room:
    google = {"profile": "off", "fetchers": 1, "api": API, "client_id": "c"}
    google |= {"token_uri": f"{API}/token", "revoke_uri": f"{API}/revoke", "auth_uri": f"{API}/auth"}
    config = Config.model_validate({"google": google, "mailbox": {"host": "mail.sim", "port": 143, "tls": "none"}})
    settings = WorkerSettings(
        slice_seconds=_SETTINGS.slice_seconds,
        lease_seconds=_SETTINGS.lease_seconds,
        config=ChildConfig(config),
    )
    never: Any = _Never()
    custody = Custody(vault, lambda *_: "receipt", revoking.give_back)
    return Room(redis, never, child.work, never, settings, cast("Any", _NoProcess()), custody)


class _NoProcess:
    """Slices are done in this process, and ask the store themselves."""

    def child(self) -> AbstractContextManager[object]:
        return nullcontext(self)


class _Never:
    """A stop event that is never set, and a broker that nobody asks."""

    def is_set(self) -> bool:
        return False

    def wait(self, seconds: float = 0.0) -> bool:
        return False


def _turn(redis: Redis, room: Room, world: Run, vault: Vault, migration: str) -> Migration:
    """Do one slice, and let time pass to where there is something to do again."""
    world.turns += 1
    world.fate.new_process()
    with suppress(Kill):  # the worker died with its slice
        actors.take_ticket(room)
    record = read(redis, migration)
    if record.state is State.WAITING:
        world.clock.until(record.until)
    elif record.state not in RESTS:
        world.clock.forward(0.1)
    if redis.hget(record_key(migration), "token"):  # given back by nobody: the lease runs out
        world.clock.forward(_SETTINGS.lease_seconds + 1)
    reconcile(redis, now=world.clock.now)
    sweep(redis, vault, now=world.clock.now)
    return read(redis, migration)


def _remember(world: Run, ledger: Ledger) -> None:
    """Keep the ledger as it is; at the import's end it is unlinked."""
    if ledger.is_planned() and ledger.load("map"):
        world.ids, world.marks, world.reasons = ledger.ids(), ledger.marks(), ledger.reasons()
        world.names = FolderNames.load(ledger)


# --- what is replaced -------------------------------------------------------------------------------------------------


class _Link:
    """A slice's line to its worker."""

    def __init__(self, world: Run) -> None:
        self.world = world
        self.has_progressed = False

    def stop_requested(self) -> bool:
        return False

    def progressed(self) -> None:
        self.has_progressed = True

    def contacted(self, place: str) -> None: ...

    def refused(self, what: str) -> None: ...


class _Reach:
    """Connects to the server, which has one address."""

    def __init__(self, world: Run) -> None:
        self._world = world

    def __call__(self, _host: str, _port: int, _seconds: float) -> Line:
        return Line(self._world.server, self._world.fate)

    def served(self, _address: str) -> None: ...


def _slice_here(world: Run, redis: Redis) -> Callable[..., Outcome]:
    """Return what does a slice in this process instead of one of its own (`jobs.nursery.run_slice`)."""

    def run_slice(_born: object, work: Work, task: Any, *_: object, **__: object) -> Outcome:
        link = _Link(world)
        if task.phase is State.FINISHING:
            _remember(world, Ledger(redis, task.id))
        try:
            with _steps_at_points(world.fate):
                end = work(task, link)
        except Kill:
            if world.fate.worker_lost:
                raise
            end = crashed("child-killed")
        except Exception as error:
            logging.getLogger(__name__).debug("slice", exc_info=error)
            world.ends.append(repr(error))
            end = crashed_by(error)
        finally:
            world.fate.new_process()
        world.ends.append(f"{task.phase} {end.kind} {end.code}".strip())
        return Outcome(end, link.has_progressed)

    return run_slice


_points: list[Callable[[], object]] = []


def _heard(event: str, _: object) -> None:
    if event.startswith("migrator."):
        for act in _points:
            act()


@contextmanager
def _steps_at_points(fate: Fate) -> Iterator[None]:
    """Pass a step at each of the product's points (docs/decisions/0011)."""
    if not _hooked:
        sys.addaudithook(_heard)
        _hooked.append(True)
    _points.append(lambda: fate.step("point"))
    try:
        yield
    finally:
        _points.pop()


_hooked: list[bool] = []


@contextmanager
def _everything_simulated(world: Run, redis: Redis, url: str) -> Iterator[None]:
    def run_script(redis: Redis, name: str, *args: Any, now: float | None = None) -> list[str]:
        return real_run(redis, name, *args, now=world.clock.now if now is None else now)

    real_run, store = scripts.run, FatedStore(url, world.fate)
    replaced: list[tuple[object, str, object]] = [
        (child, "close_doors", lambda *_, **__: _Reach(world)),
        (revoking, "close_doors", lambda *_, **__: _Reach(world)),
        (child, "state_store", lambda: store),
        (revoking, "state_store", lambda: store),
        (child, "Patience", SimulatedPatience),
        (reading, "ThreadPoolExecutor", _AtOnce),
        (scripts, "run", run_script),
        (actors, "run_slice", _slice_here(world, redis)),
        (actors, "send_tickets", lambda *_: None),
    ]
    with ExitStack() as stack:
        for place, name, instead in replaced:
            stack.enter_context(patch.object(place, name, instead))
        stack.enter_context(_quiet())
        stack.enter_context(world.google.reached())
        stack.enter_context(world.clock.rules())
        yield


@contextmanager
def _quiet() -> Iterator[None]:
    before = structlog.get_config()
    silent = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=silent, logger_factory=structlog.ReturnLoggerFactory())
    try:
        yield
    finally:
        structlog.configure(**before)
