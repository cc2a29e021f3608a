"""Another store takes the place of the one that had the log, and lacks its newest entries."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from audit_chains import KEY, again, lay, stored
from audit_keeping import Kept, copy_store
from redis import Redis

from app.embedded import start
from jobs import audit
from jobs.audit import Act, Flaw, Kind
from jobs.audit.keeper import Keeper, locked
from jobs.audit.mark import read_mark
from jobs.audit.places import BROKEN, NEWEST, OPEN, of_one
from jobs.audit.recent import after, keep
from jobs.audit.shelf import day_of
from jobs.broker import open_state

MIGRATION = "5f" * 16


@pytest.fixture
def kept(redis: Redis, tmp_path: Path) -> Iterator[Kept]:
    with locked(tmp_path / "audit"):
        yield Kept(redis, tmp_path / "audit")


@pytest.fixture
def other(kept: Kept, tmp_path: Path) -> Iterator[Kept]:
    """A store that may take the other's place; the folder is the same."""
    with start(tmp_path / "other") as store, open_state(store.url) as redis:
        yield Kept(redis, kept.folder)


def acts(kept: Kept) -> list[Act]:
    return [entry.act for entry in audit.entries(kept.redis, shelf=kept.shelf)]


def test_what_another_store_lacks_is_put_back_and_said(kept: Kept, other: Kept) -> None:
    kept.write(3)
    kept.look()
    copy_store(kept.redis, other.redis)
    kept.write(4)
    kept.look()
    newest = audit.checkpoint(kept.redis)
    verdict = other.look()
    assert verdict is not None
    assert verdict.holds
    assert acts(other) == [Act.OPENED] * 7 + [Act.ENTRIES_PUT_BACK]
    assert other.verify(newest).holds
    assert other.redis.llen(of_one(MIGRATION)) == 7
    other.write(1)
    other.look()
    assert other.verify(newest).holds
    assert acts(other).count(Act.ENTRIES_PUT_BACK) == 1


def test_notes_that_the_other_store_still_has_are_not_entered_twice(kept: Kept, other: Kept) -> None:
    kept.write(1)
    kept.look()
    kept.write(3)
    copy_store(kept.redis, other.redis)
    kept.look()
    assert other.look()
    assert acts(other) == [Act.OPENED] * 4 + [Act.ENTRIES_PUT_BACK]


def test_a_store_that_never_heard_of_the_log_gets_all_of_a_log_that_began_today(kept: Kept, other: Kept) -> None:
    kept.write(2)
    kept.look()
    verdict = other.look()
    assert verdict is not None
    assert verdict.holds
    assert acts(other) == [Act.OPENED] * 2 + [Act.ENTRIES_PUT_BACK]


def test_what_is_gone_from_the_store_that_had_it_is_not_put_back(kept: Kept) -> None:
    kept.write(3)
    kept.look()
    kept.redis.rpop(OPEN)
    kept.redis.set(NEWEST, kept.redis.lindex(OPEN, -1), ex=60)  # type: ignore[arg-type]
    verdict = kept.look()
    assert verdict is not None
    assert verdict.flaws == (Flaw(3, Kind.ROLLED_BACK),)


def test_a_store_of_earlier_days_is_found_and_nothing_is_put_back(kept: Kept, other: Kept) -> None:
    kept.write(1)
    kept.look()
    copy_store(kept.redis, other.redis)
    kept.write(3)
    kept.look()
    for path in kept.folder.glob("*.open"):
        path.write_text("")
    verdict = other.look()
    assert verdict is not None
    assert verdict.flaws == (Flaw(4, Kind.ROLLED_BACK),)
    assert other.redis.exists(BROKEN)


def test_another_chain_than_the_one_that_was_marked_is_found(kept: Kept, other: Kept) -> None:
    kept.write(2)
    kept.look()
    lay(other.redis, again(list(audit.entries(kept.redis))[:1], 1, act=Act.PAUSED))
    copy_store(kept.redis, other.redis, "audit:home")
    kept.write(1)
    kept.look()
    verdict = other.look()
    assert verdict is not None
    assert verdict.flaws == (Flaw(3, Kind.ROLLED_BACK),)


def test_the_store_that_answers_in_the_middle_of_a_look_is_given_nothing(kept: Kept, other: Kept) -> None:
    """The mark never goes back, and no other entry takes the number of one that was marked."""
    kept.write(2)
    kept.look()
    copy_store(kept.redis, other.redis)
    kept.write(2)
    kept.look()
    other.write(1)
    mark = read_mark(kept.folder, KEY)
    assert mark is not None
    keeper = Keeper(other.redis, other.folder, KEY, settled_seconds=0)
    assert keeper._carry_on() is None
    assert read_mark(kept.folder, KEY) == mark
    assert other.redis.llen(OPEN) == 2
    assert other.look()
    assert acts(other) == [Act.OPENED] * 4 + [Act.ENTRIES_PUT_BACK, Act.OPENED]


def test_a_line_that_a_kill_left_half_written_costs_none_that_follow(kept: Kept) -> None:
    kept.write(3)
    kept.look()
    lines = [line.decode() for line in kept.redis.lrange(OPEN, 0, -1)]  # type: ignore[union-attr]
    first, *_, last = audit.entries(kept.redis)
    folder = kept.folder / "recent"
    folder.mkdir()
    keep(folder, lines[:2])
    for path in folder.iterdir():
        path.write_text(path.read_text()[:-40])
    assert after(folder, KEY, first.checkpoint, last.checkpoint) == []
    keep(folder, lines[1:])
    assert [entry.number for entry in after(folder, KEY, first.checkpoint, last.checkpoint)] == [2, 3]


def test_days_before_the_one_that_was_closed_last_are_not_kept(kept: Kept) -> None:
    made = kept.days_ago(3, 2, 1)
    keep(kept.folder, map(stored, made))
    kept.look()
    assert [path.name for path in sorted(kept.folder.glob("*.open"))] == [f"{day_of(made[-n].at)}.open" for n in (4, 1)]
