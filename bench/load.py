"""Load: thousands of small imports and a large one at once on two workers, which are restarted and killed meanwhile."""

import os
import signal
import statistics
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from subprocess import Popen
from threading import Event
from typing import cast

from redis import Redis

from app import embedded
from app.stores import Stores, open_stores
from bench.crowd import BODY, Found, Member, gather, look_through
from bench.figures import Goal, judge, show
from bench.google import Google, google
from bench.installation import configured, worker
from bench.parts import mailbox_server, workplace
from bench.processes import cpu_seconds
from bench.turns import first_work, most_passed, turns, turns_each
from jobs.migration import ENDS, State
from jobs.requests import migration_ids, read_all

_SMALL = 8  # messages
_THREADS = 4
_PAUSE = 0.5
_LEASE = 10.0
_FIRST_WORK = 1.0
_PERCENT = 100
_MIB = 1 << 20


@dataclass
class _House:
    """What runs, and what it has used: two workers that may be replaced, the stores, the logs."""

    folder: Path
    stores: Stores
    stack: ExitStack
    workers: list["Popen[bytes]"] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)
    cpu: dict[int, float] = field(default_factory=dict)
    redis_cpu: float = 0.0
    upheavals: list[tuple[float, float]] = field(default_factory=list)
    stops: list[float] = field(default_factory=list)

    def start_worker(self) -> None:
        log = f"worker-{len(self.logs)}.log"
        self.workers.append(self.stack.enter_context(worker(self.folder, log)))
        self.logs.append(self.folder / log)

    def note_use(self) -> None:
        for process in self.workers:
            self.cpu[process.pid] = max(self.cpu.get(process.pid, 0.0), cpu_seconds(process.pid))

    def restart_all(self) -> None:
        """Replace one worker after the other, as an upgrade does."""
        begun = time.time()
        for process in tuple(self.workers):
            self.note_use()
            stopped = time.monotonic()
            process.terminate()
            process.wait()
            self.stops.append(time.monotonic() - stopped)
            self.workers.remove(process)
            self.start_worker()
        self.upheavals.append((begun, time.time()))

    def kill_worker(self) -> None:
        begun = time.time()
        self.note_use()
        process = self.workers.pop(0)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        self.start_worker()
        self.upheavals.append((begun, max(time.time(), begun + _LEASE) + _LEASE))

    def kill_store(self) -> None:
        """Kill the state store and start it on what its disk has."""
        begun = time.time()
        info = cast("dict[str, float]", self.stores.state.info())
        self.redis_cpu += _redis_cpu(info)
        os.kill(int(info["process_id"]), signal.SIGKILL)
        self.stack.enter_context(embedded.start(self.folder / "state" / "redis", patience=30))
        self.upheavals.append((begun, time.time() + 2 * _LEASE))


def load(imports: int, large: int) -> bool:
    """Import so many small accounts and one of `large` messages at once, print how it went; True when goals are met."""
    with (
        workplace() as folder,
        google() as gmail,
        mailbox_server("sdbox") as server,
        ExitStack() as stack,
    ):
        config = configured(folder, gmail, "127.0.0.1", server.port, {"worker": {"threads": _THREADS}})
        stores = stack.enter_context(open_stores(config.store))
        state = stores.state
        empty = _memory(state)
        members = gather(gmail, server, stores, [large] * bool(large) + [_SMALL] * imports)
        launched = _memory(state) - empty
        house = _House(folder, stores, stack)
        began = time.monotonic()
        for _ in range(2):
            house.start_worker()
        peak, small_done = _watched(house, members, began)
        seconds = time.monotonic() - began
        house.note_use()
        house.redis_cpu += _redis_cpu(cast("dict[str, float]", state.info()))
        ends = Counter(str(m.state) for m in read_all(state, [member.migration for member in members]))
        found = look_through(server, members)
        return _told(house, gmail, members, ends, found, (launched, peak - empty), (seconds, small_done))


def _watched(house: _House, members: tuple[Member, ...], began: float) -> tuple[int, float]:
    """Follow until all have ended, an upheaval at each quarter; return peak memory and when the small ones ended."""
    todo = iter((house.restart_all, house.kill_worker, house.kill_store))
    quarters = iter((0.25, 0.5, 0.75, 2.0))
    at, peak, small_done = next(quarters), 0, 0.0
    for _ in iter(partial(Event().wait, _PAUSE), True):  # noqa: FBT003 - never set: a clock's tick
        house.note_use()
        peak = max(peak, _memory(house.stores.state))
        states = [m.state for m in read_all(house.stores.state, migration_ids(house.stores.state))]
        done = sum(state in ENDS for state in states)
        if done >= len(members) - 1 and not small_done:
            small_done = time.monotonic() - began
        if any(state in {State.FAILED, State.PAUSED} for state in states):
            raise RuntimeError(f"imports stopped: {Counter(map(str, states))}")
        if done == len(members):
            return peak, small_done
        if done >= at * len(members):
            next(todo)()
            at = next(quarters)
    raise AssertionError


def _told(
    house: _House,
    gmail: Google,
    members: tuple[Member, ...],
    ends: Counter[str],
    found: Found,
    memory: tuple[int, int],
    seconds: tuple[float, float],
) -> bool:
    every = turns(house.logs)
    accounts = gmail.ledger()["accounts"]
    small = [member for member in members if member.messages == _SMALL]
    waits = first_work(every, {m.migration: accounts[m.address]["first_at"] for m in small})
    each = turns_each(every)
    cpu, messages = sum(house.cpu.values()), sum(member.messages for member in members)
    largest = max(member.messages for member in members)
    rows = [
        ("imports, messages", f"{len(members):,}, {messages:,}", f"{BODY} bytes of text each; the largest {largest:,}"),
        ("seconds until the small ones had ended, all", f"{seconds[1]:,.0f}, {seconds[0]:,.0f}", "2 workers"),
        ("slices an import, median", f"{statistics.median(each[m.migration] for m in small):.0f}", "small ones"),
        ("turn to first work, median, p99, worst", _spread(waits), "seconds; worker's log to Google's first call"),
        (
            "worker CPU an import, a message",
            f"{cpu / len(members):.2f} s, {1000 * cpu / messages:.1f} ms",
            "all slices",
        ),
        ("Redis CPU an import", f"{1000 * house.redis_cpu / len(members):.1f} ms", ""),
        (
            "Redis memory an import, launched, at the peak",
            " ".join(f"{m / len(members) / 1024:,.1f}" for m in memory),
            "KiB",
        ),
        ("stops in the rolling restart", " ".join(f"{one:.1f}" for one in house.stops), "seconds"),
        ("ends", ", ".join(f"{number:,} {state}" for state, number in ends.items()), ""),
    ]
    show("Load", ("", "", ""), rows)
    p99 = waits[int(len(waits) * 0.99)]
    return judge(
        (
            Goal("lost messages", found.lost, "at most", 0),
            Goal("doubled messages", found.doubled, "at most", 0),
            Goal("imports not done", len(members) - ends[str(State.DONE)], "at most", 0),
            Goal("a small import's first work after its turn began, p99", p99, "at most", _FIRST_WORK, "s"),
            Goal("times one was served while another waited", most_passed(every, house.upheavals), "at most", 2),
        )
    )


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} {values[int(len(values) * 0.99)]:.2f} {values[-1]:.2f}"


def _memory(state: Redis) -> int:
    return int(cast("dict[str, int]", state.info("memory"))["used_memory"])


def _redis_cpu(info: dict[str, float]) -> float:
    return info["used_cpu_user"] + info["used_cpu_sys"]
