"""A kill storm from outside: slices, workers, forkservers, the state store and connections die; nobody may be blamed.

Three imports at a time run on a whole installation with two workers, and another one begins when one has ended, as long
as anything is to be killed. A worker that was killed is started again at once, as an init system does. After each kill
something has to go on before the next one strikes.
"""

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from subprocess import Popen
from threading import Event
from typing import cast

from redis.exceptions import RedisError

from app import embedded
from app.report import report_on
from app.stores import Stores, open_stores
from bench.crowd import Member, gather, look_through
from bench.cutting import Cut, Line, line
from bench.figures import Goal, judge, show
from bench.google import Google, google
from bench.installation import configured, worker
from bench.parts import Server, mailbox_server, workplace
from bench.processes import children
from jobs.crashes import STORE_AWAY
from jobs.migration import ENDS, PHASES, State, part_key, record_key
from jobs.requests import read

_WEIGHTS = {"slice": 38, "reset": 14, "stall": 4, "literal": 22, "worker": 6, "forkserver": 8, "store": 8}
_AT_ONCE = 3
_BATCHES = 5
"""Imports that the messages asked for are divided among; more follow while anything is left to be killed."""

_RESUME_SECONDS = 30.0
_SPARED_SECONDS = 5.0
_LONGEST_SECONDS = 300.0
_SECONDS_EACH = 6.0
"""However many kills have come about: so long for a start, and so long for each, then the storm is over."""

_LOOK_SECONDS = 0.05
_PATIENCE_SECONDS = 5.0
_LATE = 150  # milliseconds of each Gmail answer: an import lasts long enough to be hit
_WORKERS = 2
_WORKER = {"threads": _AT_ONCE, "slice_seconds": 5, "lease_seconds": 5}
_TRUE_REASONS = {"", STORE_AWAY, "child-killed", "connection-lost", "mailbox-unreachable", "messages-deferred"}
"""What slices may truly say when they, the store and their connections are killed."""

_NEEDS_SOMEBODY = {State.PAUSED, State.FAILED}

Pulse = tuple[str, int]
"""An import's phase, and what it has achieved there: messages settled while copying, else writes of its ledger."""


@dataclass
class _Kill:
    """One kill, when it was, and how the imports stood that have not gone on since."""

    what: str
    at: float
    still: dict[str, Pulse]


@dataclass
class _Storm:
    """What runs, what was killed, and how long it took until work went on."""

    folder: Path
    gmail: Google
    server: Server
    stores: Stores
    line: Line
    stack: ExitStack
    dice: random.Random
    workers: list["Popen[bytes]"] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    running: dict[str, Member] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    kills: list[_Kill] = field(default_factory=list)
    resumed: dict[str, list[float]] = field(default_factory=dict)

    # --- what is killed -----------------------------------------------------------------------------------------------

    def strike(self) -> None:
        """Kill something, by chance; where there is nothing of the kind, something else."""
        before = self.pulses()
        ways: dict[str, Callable[[], bool]] = {
            "slice": self._kill_slice,
            "worker": self._kill_worker,
            "forkserver": self._kill_forkserver,
            "store": self._kill_store,
            **{how: partial(self._cut, how) for how in ("reset", "stall", "literal")},
        }
        at, what = time.monotonic(), ""
        for what in iter(lambda: self.dice.choices(list(ways), [_WEIGHTS[way] for way in ways])[0], None):
            at = time.monotonic()
            if ways[what]():
                break
        self.kills.append(_Kill(what, at, before))

    def _kill_slice(self) -> bool:
        pids = [pid for server in self._forkservers() for pid in children(server)]
        if pids:
            _kill(self.dice.choice(pids))
        return bool(pids)

    def _kill_forkserver(self) -> bool:
        servers = self._forkservers()
        if servers:
            _kill(self.dice.choice(servers))
        return bool(servers)

    def _kill_worker(self) -> bool:
        killed = self.workers.pop(self.dice.randrange(len(self.workers)))
        killed.kill()
        killed.wait()
        self.start_worker(0)
        return True

    def _kill_store(self) -> bool:
        """Kill the state store, and after a while start it on what its disk has."""
        _kill(int(cast("dict[str, int]", self.stores.state.info("server"))["process_id"]))
        _pause(self.dice.uniform(0, 2))
        self.stack.enter_context(embedded.start(self.folder / "state" / "redis", patience=30))
        return True

    def _cut(self, how: Cut) -> bool:
        if not self.line.in_use:
            return False
        self.line.cut(how)
        if how == "literal" and not self.line.hit.wait(_PATIENCE_SECONDS):
            self.line.spare()
            return False
        return True

    def _forkservers(self) -> list[int]:
        below = [pid for one in self.workers for pid in children(one.pid)]
        return [pid for pid in below if b"multiprocessing.forkserver" in _command(pid)]

    # --- what goes on -------------------------------------------------------------------------------------------------

    def start_worker(self, seconds: float = 60) -> None:
        """Start a worker and wait at most so long until it works."""
        log = f"worker-{len(self.logs)}.log"
        self.workers.append(self.stack.enter_context(worker(self.folder, log, seconds)))
        self.logs.append(self.folder / log)

    def launch(self, messages: int) -> None:
        """Begin the import of another account."""
        (made,) = gather(self.gmail, self.server, self.stores, [messages], f"storm{len(self.members)}-")
        self.members.append(made)
        self.running[made.migration] = made

    def pulses(self) -> dict[str, Pulse]:
        """Return how each import that has not ended stands."""
        return {migration: self._pulse(migration) for migration in self.running}

    def _pulse(self, migration: str) -> Pulse:
        phase, step = cast("list[bytes]", self.stores.state.hmget(record_key(migration), "phase", "step"))
        settled = cast("bytes | None", self.stores.state.hget(part_key(migration, "counts"), "settled"))
        return phase.decode(), int((settled if phase == b"copying" else step) or 0)

    def look(self) -> None:
        """Note which imports have ended, and which have gone on since something was killed."""
        try:
            states = {migration: read(self.stores.state, migration).state for migration in self.running}
            now = self.pulses()
        except RedisError:
            return
        self.stopped |= {migration for migration, state in states.items() if state in _NEEDS_SOMEBODY}
        for migration in [one for one, state in states.items() if state in ENDS | _NEEDS_SOMEBODY]:
            del self.running[migration]
        for kill in self.kills:
            gone_on = [one for one, pulse in kill.still.items() if one not in self.running or now[one] != pulse]
            for migration in gone_on:
                del kill.still[migration]
                self.resumed.setdefault(kill.what, []).append(time.monotonic() - kill.at)

    def waits(self) -> bool:
        """True while nothing has gone on since the last kill, or an import has not for long.

        Each import is to show how soon it goes on by itself, not how often it is hit before it does.
        """
        now = time.monotonic()
        struck = [kill for kill in self.kills if kill.still and now < kill.at + _RESUME_SECONDS]
        return any(now > kill.at + _SPARED_SECONDS or kill.still.keys() >= self.running.keys() for kill in struck)


def storm(kills: int, messages: int, seed: int) -> bool:
    """Kill so many times while at least so many messages are imported; True when all goals are met."""
    with workplace() as folder, google() as gmail, mailbox_server() as server, ExitStack() as stack:
        gmail.late(_LATE)
        cuttable = stack.enter_context(line(server.port))
        config = configured(folder, gmail, "127.0.0.1", cuttable.port, {"worker": _WORKER})
        stores = stack.enter_context(open_stores(config.store))
        storm = _Storm(folder, gmail, server, stores, cuttable, stack, random.Random(seed))
        for _ in range(_WORKERS):
            storm.start_worker()
        began = time.monotonic()
        _rage(storm, kills, messages)
        lasted = time.monotonic() - began
        _calm(storm)
        return _told(storm, kills, lasted, seed)


def _rage(storm: _Storm, kills: int, messages: int) -> None:
    """Kill as often as asked, and have enough to import all the while."""
    size = max(1, messages // _BATCHES)
    at = time.monotonic()
    end = at + _LONGEST_SECONDS + kills * _SECONDS_EACH
    while (
        len(storm.kills) < kills or sum(one.messages for one in storm.members) < messages
    ) and time.monotonic() < end:
        while len(storm.running) < _AT_ONCE:
            storm.launch(size)
        _pause(_LOOK_SECONDS)
        storm.look()
        if len(storm.kills) < kills and time.monotonic() > at and not storm.waits():
            storm.strike()
            at = time.monotonic() + storm.dice.uniform(0.1, 1.0)


def _calm(storm: _Storm) -> None:
    """Wait until every import has ended, or needs somebody; a message under suspicion may take minutes."""
    end = time.monotonic() + 10 * 60
    while storm.running and time.monotonic() < end:
        _pause(_LOOK_SECONDS)
        storm.look()


def _told(storm: _Storm, asked: int, lasted: float, seed: int) -> bool:
    found = look_through(storm.server, storm.members)
    reports = [report_on(storm.stores.state, member.migration) for member in storm.members]
    failures = sum((Counter(one.failures) for one in reports), Counter[str]())
    told, crashes = _reasons(storm.logs)
    false = Counter({code: number for code, number in told.items() if code not in _TRUE_REASONS})
    slices = sum(kill.what == "slice" for kill in storm.kills)
    rows = [
        (what, str(number), _spread(storm.resumed.get(what, [])))
        for what, number in Counter(kill.what for kill in storm.kills).most_common()
    ]
    show("Storm", ("killed or cut", "times", "seconds until each import went on: median, worst"), rows)
    total = sum(member.messages for member in storm.members)
    print(
        f"\n{len(storm.members)} imports, {total:,} messages, {len(storm.kills)} kills in {lasted:,.0f} s, seed {seed};"
        f" slices said {dict(told - false)}, false {dict(false + failures)}",
        flush=True,
    )
    slowest = max([0.0, *(one for every in storm.resumed.values() for one in every)])
    return judge(
        (
            Goal("kills and cuts", len(storm.kills), "at least", asked),
            Goal("lost messages", found.lost, "at most", 0),
            Goal("duplicated messages", found.doubled, "at most", 0),
            Goal("false reasons", false.total() + failures.total() + max(0, crashes - slices), "at most", 0),
            Goal("imports that needed a person", len(storm.stopped), "at most", 0),
            Goal("imports that never ended", len(storm.running), "at most", 0),
            Goal("seconds until work resumed, worst", slowest, "at most", _RESUME_SECONDS, "s"),
        )
    )


def _reasons(logs: list[Path]) -> tuple[Counter[str], int]:
    """Return the codes with which slices ended, and how many crashed."""
    rows = [row for log in logs for row in _slice_ends(log)]
    codes = Counter(row["code"] for row in rows if row["code"] not in PHASES | ENDS)
    return codes, sum(row["event"] == "slice-crashed" for row in rows)


def _slice_ends(log: Path) -> Iterator[dict[str, str]]:
    for text in log.read_text().splitlines():
        if '"slice-ended"' in text or '"slice-crashed"' in text:
            yield json.loads(text)


def _spread(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    return f"{ordered[len(ordered) // 2]:.1f} {ordered[-1]:.1f}" if ordered else "-"


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _pause(seconds: float) -> None:
    Event().wait(seconds)
