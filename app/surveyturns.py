"""Whose account is looked over just now: slices of time, given to customers in turn.

    lined up ─► a turn: its thread begins ─► slice over, and others wait? ─► rests ─► a turn ─► ...
                                             └─ nobody else waits: on it goes

Who rests keeps what was counted so far and asks Google nothing. So many work at once, and some more are kept that rest.
Where no further one can be kept and a customer waits who has had no turn, the one whose slice is over ends, and begins
anew later. Who does not come to the end of a slice, because somebody else does not answer, keeps nobody from working.

A customer's last turn is noted in the state store, so all workers give the next one to who has waited longest.
"""

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal, cast

from redis import Redis
from redis.exceptions import RedisError

from jobs.fullness import Load

TURNS = "surveys:turns"

_LOOK_SECONDS = 0.5
"""While somebody waits, it is looked so often whether a slice is over."""

_KEPT_SECONDS = 3600
_MOST_CUSTOMERS = 10_000

# KEYS: the turns. ARGV: the customer, how many customers are remembered, for how many seconds. Numbers, not times:
# clocks may be set.
_NOTE = """
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] or 0
redis.call('ZADD', KEYS[1], last + 1, ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -ARGV[2] - 1)
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""

Next = Literal["go on", "rest", "end"]


@dataclass(eq=False, slots=True)
class Turn:
    """One survey's place among the others; `redis` is the state store.

    `begin` is called in a thread of its own when the first turn comes; `fresh`: it never had one.
    `ended_early`: it had to make room for others.
    """

    redis: Redis
    customer: str
    begin: Callable[["Turn"], None]
    fresh: bool = True
    begun: bool = False
    waits: bool = True
    ended_early: bool = False
    until: float = 0.0
    number: int = field(default_factory=count().__next__)

    def is_at_work(self, now: float) -> bool:
        """True within a slice of its own."""
        return self.begun and not self.waits and now < self.until


class Turns:
    """All surveys of one worker.

    Args:
        at_once: so many are at work.
        kept: so many processes there are in all, of those that rest, too.
        slice_seconds: so long a turn lasts while others wait.
    """

    def __init__(self, at_once: int = 4, kept: int = 12, slice_seconds: float = 5.0) -> None:
        self._at_once = at_once
        self._kept = kept
        self._slice_seconds = slice_seconds
        self._changed = threading.Condition()
        self._turns: list[Turn] = []
        self._giving: threading.Thread | None = None

    @property
    def load(self) -> Load:
        """How many are at work, how many wait, and how many may be at work."""
        with self._changed:
            working = sum(turn.begun and not turn.waits for turn in self._turns)
            return Load(working, len(self._turns) - working, self._at_once)

    def line_up(self, turn: Turn) -> None:
        """Have a survey begun when its turn comes."""
        with self._changed:
            self._turns.append(turn)
            self._changed.notify_all()
            if self._giving is None:
                self._giving = threading.Thread(target=self._give, name="survey-turns", daemon=True)
                self._giving.start()

    def after_slice(self, turn: Turn, seconds: float) -> Next:
        """Return what a survey is to do now; one that is to rest waits here for its turn, so long at most."""
        with self._changed:
            now = time.monotonic()
            if not turn.waits and now < turn.until:
                return "go on"
            others = [one for one in self._turns if one.waits and one is not turn]
            if self._is_crowded() and any(one.fresh and not one.begun for one in others):
                turn.ended_early = True
                return "end"
            if not turn.waits and not others:
                turn.until = now + self._slice_seconds
                return "go on"
            turn.waits = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not turn.waits, seconds)
            return "rest" if turn.waits else "go on"

    def leave(self, turn: Turn) -> None:
        """Take a survey out that has ended."""
        with self._changed:
            if turn in self._turns:
                self._turns.remove(turn)
            self._changed.notify_all()

    def wake(self) -> None:
        """Let none wait any longer: those that have not begun are out, those that rest look whether they go on."""
        with self._changed:
            self._turns = [turn for turn in self._turns if turn.begun]
            for turn in self._turns:
                turn.waits = False
            self._changed.notify_all()

    def _is_crowded(self) -> bool:
        """True if no further process may be kept; one that makes room is on its way out."""
        return sum(turn.begun and not turn.ended_early for turn in self._turns) >= self._kept

    def _next(self) -> list[Turn]:
        """Return those who wait and may be given a turn now."""
        now, crowded = time.monotonic(), self._is_crowded()
        if sum(turn.is_at_work(now) for turn in self._turns) >= self._at_once:
            return []
        return [turn for turn in self._turns if turn.waits and (turn.begun or not crowded)]

    def _give(self) -> None:
        while True:
            with self._changed:
                while not (waiting := self._next()):
                    if not self._turns:
                        self._giving = None
                        return
                    some = any(turn.waits for turn in self._turns)
                    self._changed.wait(_LOOK_SECONDS if some else None)
            last = last_turns(waiting[0].redis, {turn.customer for turn in waiting})
            chosen = min(waiting, key=lambda turn: (last.get(turn.customer, 0.0), turn.number))
            self._give_to(chosen)
            note_turn(chosen.redis, chosen.customer)

    def _give_to(self, turn: Turn) -> None:
        with self._changed:
            if turn not in self._turns:
                return
            turn.waits, turn.until = False, time.monotonic() + self._slice_seconds
            self._changed.notify_all()
            if turn.begun:
                return
            turn.begun = True
            try:
                threading.Thread(target=turn.begin, args=(turn,), name="survey", daemon=True).start()
            except RuntimeError:  # the machine has no further thread now
                turn.begun, turn.waits = False, True
                self._changed.wait(_LOOK_SECONDS)


def last_turns(redis: Redis, customers: Iterable[str]) -> dict[str, float]:
    """Return the numbers of these customers' last turns, of any worker; who had none lately is not there."""
    names = list(customers)
    try:
        numbers = cast("list[float | None]", cast("Any", redis).zmscore(TURNS, names))
    except RedisError:  # then those go first who came first
        return {}
    return {name: number for name, number in zip(names, numbers, strict=True) if number is not None}


def note_turn(redis: Redis, customer: str) -> None:
    """Note that a customer has a turn now."""
    with suppress(RedisError):
        cast("Any", redis).eval(_NOTE, 1, TURNS, customer, _MOST_CUSTOMERS, _KEPT_SECONDS)
