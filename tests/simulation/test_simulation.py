"""Two thousand imports, each into another world: nothing lost, nothing doubled, nobody blamed, nobody needed.

A seed that breaks something is named; `python -m tests.simulation SEED` replays it alone (docs/simulation.md).
"""

import os
from collections.abc import Iterator

import pytest

from app.embedded import EmbeddedStore, start

from .__main__ import failures
from .known import KNOWN
from .moods import MOODS
from .personalities import TRAITS
from .run import run
from .scenario import BLOWS, SHARED_NAMES, scenario_of

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "2000"))
_AT_ONCE = 50


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    with start(tmp_path_factory.mktemp("simulation"), persistent=False) as store:
        yield store


@pytest.mark.parametrize("first", range(0, SEEDS, _AT_ONCE))
def test_nothing_breaks_in_any_of_these_worlds(first: int, store: EmbeddedStore) -> None:
    found = [line for seed in range(first, min(first + _AT_ONCE, SEEDS)) for line in failures(seed, store.url)]
    assert found == []


def test_a_seed_is_always_the_same_run(store: EmbeddedStore) -> None:
    _, one, other = (run(scenario_of(7, wild=True), store.url) for _ in range(3))  # the first loads the scripts
    assert (one.fate.steps, one.ends, one.server.commands) == (other.fate.steps, other.ends, other.server.commands)


def test_what_is_known_to_fail_has_a_name_and_a_reason() -> None:
    assert KNOWN.keys() <= {*TRAITS, *MOODS, *BLOWS, *SHARED_NAMES}
    assert all(KNOWN.values())
