"""What goes wrong between any two steps: the process killed, the worker lost, the connection cut, the store away.

A step is a point of the product (`sys.audit`, docs/decisions/0011), something said on a connection, a command to the
store or a request to Google. After a kill every further step of the same process raises `Kill` again: `finally`
blocks run in Python, but a dead process does nothing.
"""

import random
from dataclasses import dataclass
from typing import Literal

from redis.exceptions import ConnectionError as StoreAway

from .clock import Clock

Place = Literal["point", "imap", "append", "store", "google"]
Kind = Literal["kill", "lose-worker", "cut", "stall", "reset", "store-away"]

PLACES: dict[Kind, frozenset[Place]] = {
    "kill": frozenset({"point", "imap", "append", "store", "google"}),
    "lose-worker": frozenset({"point", "imap", "append", "store", "google"}),
    "cut": frozenset({"imap", "append"}),
    "stall": frozenset({"imap", "append"}),
    "reset": frozenset({"imap", "append"}),
    "store-away": frozenset({"store"}),
}
"""Where each kind can strike; `append` is a connection between an APPEND and its answer."""


class Kill(BaseException):
    """This process is dead (SIGKILL, out of memory, power)."""


@dataclass(frozen=True, slots=True)
class Blow:
    """One thing that goes wrong: at the first place where it can from step `at` on; `seconds` an outage lasts.

    `filing`: not before mail is being sent, where most is at stake and few of the steps are.
    """

    at: int
    kind: Kind
    seconds: float = 0.0
    filing: bool = False

    def strikes(self, place: Place) -> bool:
        """Whether it can strike there."""
        return place in PLACES[self.kind] and (place == "append" or not self.filing)


class Fate:
    """Counts steps and strikes; one for the whole seed. `process` begins a new process."""

    def __init__(self, blows: tuple[Blow, ...], clock: Clock, rng: random.Random) -> None:
        self._blows = sorted(blows, key=lambda blow: blow.at)
        self._clock = clock
        self.rng = rng
        self.steps = 0
        self.dead = False
        self.worker_lost = False
        self.struck: list[Blow] = []
        self._away_until = 0.0

    def new_process(self) -> None:
        self.dead = self.worker_lost = False

    def die(self) -> None:
        self.dead = True
        raise Kill

    def step(self, place: Place) -> Kind | None:
        """Pass a step; raise `Kill`, or return what strikes the connection here."""
        if self.dead:
            raise Kill
        self.steps += 1
        blow = next((b for b in self._blows if b.at <= self.steps and b.strikes(place)), None)
        if blow is None:
            return None
        self._blows.remove(blow)
        self.struck.append(blow)
        if blow.kind in {"kill", "lose-worker"}:
            self.worker_lost = blow.kind == "lose-worker"
            self.die()
        if blow.kind == "store-away":
            self._away_until = self._clock.now + blow.seconds
        return blow.kind

    def store(self) -> None:
        """Raise while the store is away; asking takes a moment, as a refused connection does."""
        if self._clock.now < self._away_until:
            self._clock.forward(0.5)
            raise StoreAway("away")
