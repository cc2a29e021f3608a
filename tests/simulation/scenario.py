"""What one seed chooses, as a value that can be printed: account, server, Google, what goes wrong."""

import random
from dataclasses import dataclass

from .fate import Blow, Kind
from .known import KNOWN
from .moods import MOODS
from .personalities import TRAITS

BLOWS: dict[Kind, int] = {"kill": 4, "lose-worker": 2, "cut": 3, "reset": 1, "stall": 1, "store-away": 2}
SHARED_NAMES = ("existing-mail", "sorted-since", "old-mail", "second-kill")
"""What else has a name: an earlier import, what the customer sorted since, mail from before 2004."""

_APART = (
    ("no-uidplus", "sees-at-select"),
    ("public-namespace", "public-unsaid", "shared-archive"),
    ("bare", "shared-archive"),  # nothing tells a shared folder at the top then; Cyrus always says its namespaces
)
"""Traits of which a server has one at most."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A seed's choices; `existing`: the share an earlier import brought; `moved`: some were sorted since."""

    seed: int
    messages: int
    policy: str
    spam: bool
    trash: bool
    by_digest: bool
    existing: float
    moved: bool
    old_mail: bool
    latency: float
    page: int
    traits: tuple[str, ...]
    moods: tuple[str, ...]
    blows: tuple[Blow, ...]


def scenario_of(seed: int, *, wild: bool = False, only: frozenset[str] | None = None) -> Scenario:
    """Return what a seed chooses; `wild`: with what is known to fail. `only`: exactly these names, in every seed."""
    rng = random.Random(seed)

    def given(name: str, likely: float) -> bool:
        drawn = rng.random() < likely
        return name in only if only is not None else drawn and (wild or name not in KNOWN)

    return Scenario(
        seed=seed,
        messages=rng.choice([0, 3, 8, 14, 20, 35]),
        policy=rng.choice(["one-copy", "one-copy", "copy-per-label"]),
        spam=rng.random() < 0.4,
        trash=rng.random() < 0.4,
        by_digest=rng.random() < 0.5,
        existing=rng.random() if given("existing-mail", 0.25) else 0.0,
        moved=given("sorted-since", 0.5),
        old_mail=given("old-mail", 0.2),
        latency=rng.choice([0.01, 0.01, 0.3, 2.0]),
        page=rng.choice([500, 500, 3]),
        traits=_compatible([name for name, (_, likely) in TRAITS.items() if given(name, likely / 2)]),
        moods=tuple(name for name, (_, likely) in MOODS.items() if given(name, likely / 2)),
        blows=_some_kills(
            [blow for blow in _blows(rng, only) if given(blow.kind, 1)],
            several=only is not None or given("second-kill", 1),
        ),
    )


def _compatible(traits: list[str]) -> tuple[str, ...]:
    for apart in _APART:
        several = [name for name in traits if name in apart]
        traits = [name for name in traits if name not in several[1:]]
    return tuple(traits)


def _some_kills(blows: list[Blow], *, several: bool) -> tuple[Blow, ...]:
    kills = [blow for blow in blows if blow.kind == "kill"]
    return tuple(blow for blow in blows if several or blow not in kills[1:])


def _blows(rng: random.Random, only: frozenset[str] | None) -> tuple[Blow, ...]:
    weights = {kind: weight for kind, weight in BLOWS.items() if only is None or kind in only} or BLOWS
    kinds = rng.choices(list(weights), list(weights.values()), k=rng.choice([0, 0, 1, 1, 2, 3]))
    blows, at = [], 0
    for kind in kinds:
        at += 1 + int(rng.expovariate(1 / 120))
        blows.append(Blow(at, kind, rng.choice([2.0, 40.0]), filing=kind != "store-away" and rng.random() < 0.5))
    return tuple(blows)
