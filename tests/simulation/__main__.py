"""`python -m tests.simulation SEED [--wild]` replays one seed; `--seeds N [--from M] [--processes P]` runs many."""

import argparse
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from app.embedded import start
from migrator.outcome import Mark

from .invariants import broken
from .run import Run, run
from .scenario import scenario_of

_SHOWN = 3
"""Sentences told of one seed; what breaks breaks for many messages."""


def main() -> int:
    """Do what the command line says; 1 when a seed breaks something."""
    given = _parser().parse_args()
    only = frozenset(given.only.split(",")) if given.only is not None else None
    if given.seed is not None:
        return _replay(given.seed, wild=given.wild, only=only)
    size = max(1, min(500, given.seeds // (4 * given.processes) or 1))
    chunks = [
        (first, min(first + size, given.first + given.seeds))
        for first in range(given.first, given.first + given.seeds, size)
    ]
    failed: list[str] = []
    began = time.monotonic()
    with ProcessPoolExecutor(given.processes) as pool:
        for found in pool.map(_chunk, chunks, [given.wild] * len(chunks), [only] * len(chunks)):
            failed += found
            for line in found:
                print(line, flush=True)
    print(
        f"{given.seeds} seeds, {len({line.split(':')[0] for line in failed})} broken, {time.monotonic() - began:.0f} s"
    )
    return bool(failed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", nargs="?", type=int)
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--wild", action="store_true", help="with what is known to fail (known.py)")
    parser.add_argument("--only", help="every seed gets these traits, moods and blows, and no others; comma between")
    return parser


def _chunk(seeds: tuple[int, int], wild: bool, only: frozenset[str] | None) -> list[str]:  # noqa: FBT001
    with tempfile.TemporaryDirectory() as folder, start(Path(folder), persistent=False) as store:
        return [line for seed in range(*seeds) for line in failures(seed, store.url, wild=wild, only=only)]


def failures(seed: int, url: str, *, wild: bool = False, only: frozenset[str] | None = None) -> list[str]:
    """Run a seed and return what it breaks, each line with what replays it."""
    scenario = scenario_of(seed, wild=wild, only=only)
    names = ",".join((*scenario.traits, *scenario.moods, *(blow.kind for blow in scenario.blows)))
    try:
        return [f"seed {seed}: {sentence} [{names}]" for sentence in broken(run(scenario, url))[:_SHOWN]]
    except Exception as error:  # noqa: BLE001 - the harness's own fault is to be seen with its seed, too
        return [f"seed {seed}: the simulation itself: {error!r} [{names}]"]


def _replay(seed: int, *, wild: bool, only: frozenset[str] | None) -> int:
    scenario = scenario_of(seed, wild=wild, only=only)
    print(scenario)
    with tempfile.TemporaryDirectory() as folder, start(Path(folder), persistent=False) as store:
        done = run(scenario, store.url)
    _show(done)
    found = broken(done)
    print("\n".join(f"BROKEN {line}" for line in found) or "everything holds")
    return bool(found)


def _show(done: Run) -> None:
    print("slices:", *done.ends, sep="\n  ")
    print("outcomes:", {mark.name: n for mark, n in Counter(map(_mark, done.marks)).items()}, done.reasons)
    print("mailbox:", {name: len(f.mail) for name, f in done.server.folders.items()})
    print("commands:", dict(done.server.commands), "requests:", dict(done.google.asked), "steps:", done.fate.steps)
    print("struck:", done.fate.struck)


def _mark(value: int) -> object:
    return Mark(value)


if __name__ == "__main__":
    sys.exit(main())
