"""Nobody learns the size of one message from anything the console tells, however often he looks.

Two worlds that differ in single sizes alone are lived through step by step, by the scripts that move real imports and
with their clock in hand; after each step everything that is told is written down. The two records must be the same.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from redis import Redis

from app.metrics import of_flow
from app.stores import Stores, connect
from jobs.flow import totals
from jobs.kept import Where
from jobs.migration import State, part_key
from jobs.overview import overview
from jobs.requests import create, migration_ids, read_all
from jobs.slice import advance
from jobs.tickets import claim, release, renew
from web.operator.data import _row
from web.operator.one import told_of
from web.operator.overview import overview_of
from web.operator.rooms import Rooms
from web.operator.rows import rows_of
from web.paces import Paces

BEGUN = 1_800_000_000.0
FIRST, SECOND = "1" * 32, "2" * 32
KB, MB = 1_000, 1_000_000
LEASE = 1_000_000

Record = list[Any]
Observer = Callable[[Rooms, float], Any]


@dataclass(frozen=True)
class Step:
    """Messages that came into an import at a moment (seconds after the beginning), with their bytes."""

    at: float
    sizes: tuple[int, ...]
    migration: str = FIRST
    failed: int = 0


def _overview(rooms: Rooms, now: float) -> Any:
    return overview_of(rooms, now=now).model_dump(mode="json")


def _lists(rooms: Rooms, _now: float) -> Any:
    found = read_all(rooms.state, sorted(migration_ids(rooms.state)))
    return [row.model_dump(mode="json") for row in rows_of(rooms, found)]


def _pages(rooms: Rooms, now: float) -> Any:
    return [told_of(rooms, Paces(), one, now=now).model_dump(mode="json") for one in sorted(migration_ids(rooms.state))]


def _totals(rooms: Rooms, _now: float) -> Any:
    found = totals(rooms.state)
    return found.messages, found.bytes, found.codes, found.dead


def _metrics(rooms: Rooms, _now: float) -> Any:
    return [(s.name, s.labels, s.value) for metric in of_flow(totals(rooms.state)) for s in metric.samples]


def _data(rooms: Rooms, _now: float) -> Any:
    return [_row(held).model_dump(mode="json") for held in overview(rooms.stores).rows]


OBSERVERS: tuple[Observer, ...] = (_overview, _lists, _pages, _totals, _metrics)
"""What operators can read at every step."""


@pytest.fixture
def rooms(stores: Stores) -> Iterator[Rooms]:
    with connect(stores.urls.broker) as broker:
        places = {Where.STATE: stores.state, Where.KEYS: stores.keys, Where.BROKER: broker}
        yield Rooms(places, (), lambda _domain: "imap.example.net", str, str, str)


def lived(rooms: Rooms, steps: list[Step]) -> Record:
    """Live through a world; return everything that is told after each step."""
    rooms.state.flushall()
    tokens = {one: _begun(rooms.state, one) for one in dict.fromkeys(step.migration for step in steps)}
    record: Record = []
    for step in steps:
        _bring(rooms.state, step, tokens[step.migration])
        record += [json.dumps(look(rooms, BEGUN + step.at)) for look in OBSERVERS]
    return [*record, json.dumps(_data(rooms, 0))]


def _begun(redis: Redis, migration: str) -> str:
    create(redis, "c1", migration_id=migration, now=BEGUN)
    for _ in range(2):
        claimed = claim(redis, LEASE, now=BEGUN)
        assert claimed
        assert claimed.id == migration
        if claimed.phase is State.PLANNING:
            release(redis, migration, claimed.token, advance(State.COPYING), now=BEGUN)
    return claimed.token


def _bring(redis: Redis, step: Step, token: str) -> None:
    counts = part_key(step.migration, "counts")
    redis.hincrby(counts, "settled", len(step.sizes) + step.failed)
    redis.hincrby(counts, "weighed", len(step.sizes))
    redis.hincrby(counts, "bytes", sum(step.sizes))
    redis.expire(counts, 3600)
    assert renew(redis, step.migration, token, LEASE, progressed=True, now=BEGUN + step.at) == "none"


def one_by_one(sizes: list[int], apart: float = 61, migration: str = FIRST, begin: float = 0) -> list[Step]:
    """Let messages come alone, each a while after the one before."""
    return [Step(begin + place * apart, (size,), migration) for place, size in enumerate(sizes)]


def evenly(total: int, count: int) -> list[int]:
    """Return so many sizes with this sum, as alike as can be."""
    borders = [total * place // count for place in range(count + 1)]
    return [after - before for before, after in pairwise(borders)]


def with_one(size: int, place: int, count: int = 20, others: int = 100 * KB) -> list[int]:
    """Return the sizes of messages that are alike but for one."""
    return [size if at == place else others for at in range(count)]


def test_a_message_of_100_kb_and_one_of_9_9_mb_are_told_alike(rooms: Rooms) -> None:
    """Rounding hides which it was: together with the other 19 both are "about 10 MB"."""
    others = 5_050 * KB // 19
    worlds = [lived(rooms, one_by_one(with_one(size, 7, 30, others))) for size in (100 * KB, 9_900 * KB)]
    assert worlds[0] == worlds[1]


@pytest.mark.parametrize("place", [0, 19])
@pytest.mark.parametrize("size", [9_900 * KB, 30 * MB], ids=["9.9 MB", "30 MB"])
def test_one_large_message_looks_as_twenty_that_share_its_bytes(rooms: Rooms, size: int, place: int) -> None:
    """What is told moves by 20 messages: that one of them was large is told no more than that all were middling."""
    sizes = with_one(size, place)
    assert lived(rooms, one_by_one(sizes)) == lived(rooms, one_by_one(evenly(sum(sizes), 20)))


def test_when_within_a_minute_it_came_is_not_told_either(rooms: Rooms) -> None:
    def world(large: int) -> list[Step]:
        batches = [with_one(30 * MB if batch == large else 100 * KB, 3) for batch in range(16)]
        return [Step(batch * 10.0, tuple(sizes)) for batch, sizes in enumerate(batches)]

    assert lived(rooms, world(1)) == lived(rooms, world(6))


@pytest.mark.parametrize("before", [7, 19])
def test_nor_does_the_difference_of_two_sums_tell_it(rooms: Rooms, before: int) -> None:
    """The sums of all imports move together with those of each: none has in it what another has not yet."""
    earlier = [Step(1, (200 * KB,) * before)]
    sizes = with_one(30 * MB, 0)
    worlds = [
        lived(rooms, earlier + one_by_one(some + [100 * KB] * 21, migration=SECOND, begin=60.0 * 7))
        for some in (sizes, evenly(sum(sizes), 20))
    ]
    assert worlds[0] == worlds[1]


def test_messages_that_failed_hide_no_others(rooms: Rooms) -> None:
    record = lived(rooms, [Step(61, (), failed=19), Step(122, (30 * MB,)), Step(183, (), failed=25)])
    assert record[:-1] == lived(rooms, [Step(61, (), failed=19), Step(122, (1 * KB,)), Step(183, (), failed=25)])[:-1]


def test_the_looks_see_sums_that_differ_by_enough(rooms: Rooms) -> None:
    """The positive control: what may be told is told, so the records above are no empty ones."""
    small, large = (lived(rooms, one_by_one([size] * 20)) for size in (100 * KB, 2 * MB))
    assert small != large
    assert '"megabytes": 40' in "".join(large)
