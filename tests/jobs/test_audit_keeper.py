"""The keeper: notes become entries, closed days files; whatever is done to either is found without being told where."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from audit_chains import KEY, again, chain, lay, lay_old, stored
from audit_keeping import Kept, old_copy
from redis import Redis
from storeurls import url_of
from waiting import eventually

from jobs import audit
from jobs.audit import Act, Flaw, Kind
from jobs.audit.entry import Note
from jobs.audit.keeper import Keeper, locked
from jobs.audit.key import AuditKey, Purpose
from jobs.audit.mark import read_mark, write_mark
from jobs.audit.marking import KeptElsewhere
from jobs.audit.oldlog import HEAD
from jobs.audit.places import BROKEN, DAY, HOME, NEWEST, OPEN, VERDICT, inbox, of_one
from jobs.audit.shelf import day_of

KILLED = Path(__file__).with_name("audit_killed.py")
MIGRATION = "5f" * 16


@pytest.fixture
def kept(redis: Redis, tmp_path: Path) -> Iterator[Kept]:
    folder = tmp_path / "audit"
    with locked(folder) as is_ours:
        assert is_ours
        yield Kept(redis, folder)


def whole(kept: Kept) -> bool:
    verdict = kept.look()
    return verdict is not None and verdict.holds and kept.verify().holds


def test_notes_become_entries_with_their_macs(kept: Kept) -> None:
    kept.write(3)
    waiting = list(audit.entries(kept.redis))
    assert whole(kept)
    assert list(audit.entries(kept.redis)) == waiting
    assert kept.redis.lrange(OPEN, 0, -1) == [stored(entry).encode() for entry in waiting]
    assert audit.checkpoint(kept.redis) == waiting[-1].checkpoint
    assert kept.redis.exists(inbox("other")) == 0


def test_more_notes_than_one_look_at_the_inbox_takes(kept: Kept) -> None:
    note = Note.make(1, audit.WORKER, Act.OPENED)
    kept.redis.rpush(inbox("web"), *(replace(note, nonce=f"{n:016x}").line for n in range(2500)))
    assert whole(kept)
    assert kept.numbers() == list(range(1, 2501))


def test_a_note_that_was_sent_twice_is_one_entry_in_one_look_or_two(kept: Kept) -> None:
    line = Note.make(1, audit.WORKER, Act.OPENED).line
    for lines in ((line, line), (line,)):
        kept.redis.rpush(inbox("web"), *lines)
        assert whole(kept)
    kept.redis.rpush(inbox("worker"), line)  # another's with the same nonce is no doubling: nobody silences another
    assert whole(kept)
    assert [entry.by for entry in audit.entries(kept.redis)] == ["web", "worker"]


@pytest.mark.parametrize("line", ["", "x" * 9000, "\udcff", '{"act":"opened"}', "0" * 64 + " {}"])
def test_what_is_no_note_is_an_entry_that_says_whose_and_stops_nothing(kept: Kept, line: str) -> None:
    kept.redis.rpush(inbox("web"), *[line.encode("utf-8", "surrogateescape")] * 50)
    kept.write(1)
    assert whole(kept)
    told = [(entry.act, entry.by, entry.code) for entry in audit.entries(kept.redis)]
    assert sorted(told) == [(Act.NOTE_REFUSED, "keeper", "web"), (Act.OPENED, "other", "")]


@pytest.mark.parametrize(("writer", "is_believed"), [("web", False), ("worker", False), ("console", True)])
def test_staff_is_named_by_the_console_alone(kept: Kept, writer: str, *, is_believed: bool) -> None:
    kept.redis.rpush(inbox(writer), Note.make(1, audit.staff("0a" * 16), Act.LOOKED).line)
    assert whole(kept)
    assert [entry.actor.is_staff for entry in audit.entries(kept.redis)] == [is_believed]


@pytest.mark.parametrize("at", [0, 1 << 32])
def test_no_time_that_a_writer_names_turns_the_order_or_keeps_others_out(kept: Kept, at: int) -> None:
    kept.write(1)
    kept.look()
    before = int(time.time())
    kept.redis.rpush(inbox("web"), Note.make(at, audit.CUSTOMER, Act.OPENED).line)
    kept.write(1)
    assert whole(kept)
    assert all(before - 5 <= entry.at <= time.time() + 5 for entry in audit.entries(kept.redis))


def test_closed_days_are_in_files_and_no_longer_in_the_store(kept: Kept) -> None:
    made = kept.days_ago(3, 2, 1)
    assert whole(kept)
    assert [path.name for path in kept.shelf.paths()] == [f"{day_of(made[n].at)}.audit" for n in (0, 3, 6)]
    assert kept.redis.llen(OPEN) == 3
    assert list(audit.entries(kept.redis, shelf=kept.shelf)) == made
    assert list(audit.backwards(kept.redis, shelf=kept.shelf)) == made[::-1]
    assert list(audit.backwards(kept.redis, 5, kept.shelf)) == made[3::-1]
    assert audit.latest(kept.redis, 5, shelf=kept.shelf) == tuple(made[-5:])
    assert audit.latest(kept.redis, 5, made[0].migration, kept.shelf) == tuple(made[-5:])
    assert [e.number for e in audit.entries(kept.redis, since=made[6].at, shelf=kept.shelf)] == [7, 8, 9, 10, 11, 12]
    kept.write(1)
    kept.look()
    assert kept.verify(*(entry.checkpoint for entry in made)).holds


def test_a_day_that_is_in_a_file_and_still_in_the_store_is_there_once(kept: Kept) -> None:
    made = kept.days_ago(1)
    kept.shelf.write([stored(entry) for entry in made[:3]])
    assert list(audit.entries(kept.redis, shelf=kept.shelf)) == made
    assert list(audit.backwards(kept.redis, shelf=kept.shelf)) == made[::-1]
    assert kept.verify().holds
    for _ in range(2):
        kept.keeper._drop([stored(entry) for entry in made[:3]])
    assert kept.redis.llen(OPEN) == 3
    assert whole(kept)


def test_a_day_is_not_closed_before_its_last_entries_are_surely_on_the_disk(kept: Kept) -> None:
    kept.days_ago(1)
    Keeper(kept.redis, kept.folder, KEY, settled_seconds=3 * DAY).look()
    assert kept.shelf.paths() == []


def test_all_days_may_be_closed(kept: Kept) -> None:
    lay(kept.redis, chain([int(time.time()) - 2 * DAY] * 3))
    assert whole(kept)
    assert kept.redis.exists(OPEN) == 0
    kept.redis.rpush(inbox("web"), Note.make(1, audit.CUSTOMER, Act.OPENED).line)  # of a day that is closed, it says
    assert whole(kept)
    assert kept.numbers() == [1, 2, 3, 4]
    assert [entry.at // DAY - int(time.time()) // DAY for entry in audit.entries(kept.redis, shelf=kept.shelf)][2:] == [
        -2,
        -1,
    ]


def test_what_is_about_an_import_stays_in_the_store_while_the_import_is_there(kept: Kept) -> None:
    kept.redis.hset(f"mig:{{{MIGRATION}}}", "state", "copying")
    kept.redis.expire(f"mig:{{{MIGRATION}}}", 600)
    made = chain([int(time.time()) - 2 * DAY] * 3)
    lay(kept.redis, made)
    kept.redis.rpush(of_one("0b" * 16), stored(made[0]))
    for name in (MIGRATION, "0b" * 16):
        kept.redis.expire(of_one(name), 5)
    kept.look()
    assert list(audit.entries(kept.redis, MIGRATION)) == made
    assert (kept.redis.ttl(of_one(MIGRATION)) > 5, kept.redis.ttl(of_one("0b" * 16)) <= 5) == (True, True)


def test_files_are_removed_when_their_time_is_over_and_the_rest_holds(kept: Kept) -> None:
    made = kept.days_ago(402, 401, 400, 1)
    (kept.folder / ".2024-02-30.audit.0123456789abcdef").touch()
    (kept.folder / "2024-02-30.audit").touch()  # no day, and no file of ours
    assert whole(kept)
    assert [path.name[:10] for path in kept.shelf.paths()] == [day_of(made[n].at) for n in (6, 9)]
    assert not (kept.folder / ".2024-02-30.audit.0123456789abcdef").exists()
    verdict = kept.verify(made[5].checkpoint)
    assert (verdict.holds, verdict.first, verdict.last) == (True, 7, 15)


Deed = Callable[[Kept], object]


def path_of(kept: Kept, n: int) -> Path:
    return kept.shelf.paths()[n]


def edit(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))


def swap(one: Path, other: Path) -> None:
    text = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(text)


def rechained(lines: list[str], key: AuditKey) -> list[str]:
    """A file's entries written anew, each tied to the one before; by another's key, who has not got ours."""
    entries = [audit.log.read(line.rstrip("\n")) for line in lines[:-1]]
    first = entries[0].number
    moved = [replace(entry, number=entry.number - first + 1) for entry in entries]
    forged = [replace(entry, number=entry.number + first - 1) for entry in again(moved, 1, act=Act.PAUSED)]
    return [*(key.signed(Purpose.ENTRY, entry.line) + "\n" for entry in forged), lines[-1]]


FILES: dict[str, Deed] = {
    "a byte flipped": lambda k: edit(path_of(k, 1), lambda rows: [rows[0].replace("opened", "paused"), *rows[1:]]),
    "an entry dropped": lambda k: edit(path_of(k, 1), lambda rows: [rows[0], *rows[2:]]),
    "the last one dropped": lambda k: edit(path_of(k, 1), lambda rows: [*rows[:2], rows[3]]),
    "all dropped": lambda k: edit(path_of(k, 1), lambda rows: rows[3:]),
    "turned round": lambda k: edit(path_of(k, 1), lambda rows: [rows[1], rows[0], *rows[2:]]),
    "rechained": lambda k: edit(path_of(k, 1), lambda rows: rechained(rows, AuditKey(b"x" * 32))),
    "a line put in": lambda k: edit(path_of(k, 1), lambda rows: [*rows[:2], "\n", *rows[2:]]),
    "the seal dropped": lambda k: edit(path_of(k, 1), lambda rows: rows[:3]),
    "the seal altered": lambda k: edit(
        path_of(k, 1), lambda rows: [*rows[:3], rows[3].replace('"last":6', '"last":5')]
    ),
    "emptied": lambda k: path_of(k, 1).write_text(""),
    "removed": lambda k: path_of(k, 1).unlink(),
    "the newest removed": lambda k: path_of(k, 2).unlink(),
    "the oldest removed": lambda k: path_of(k, 0).unlink(),
    "all removed": lambda k: [path.unlink() for path in k.shelf.paths()],
    "swapped": lambda k: swap(path_of(k, 0), path_of(k, 1)),
    "renamed": lambda k: path_of(k, 2).rename(k.folder / f"{day_of(int(time.time()))}.audit"),
    "copied over": lambda k: path_of(k, 2).write_bytes(path_of(k, 1).read_bytes()),
}


@pytest.mark.parametrize("deed", FILES.values(), ids=FILES)
def test_whatever_is_done_to_a_file_is_found_by_the_keeper_alone(kept: Kept, deed: Deed) -> None:
    kept.days_ago(3, 2, 1)
    assert whole(kept)
    deed(kept)
    verdict = kept.look()
    assert verdict is not None
    assert not verdict.holds
    assert audit.verdict(kept.redis) == replace(verdict, confirmed=(), out_of_reach=())
    assert not kept.verify().holds


def other_key(kept: Kept) -> None:
    """The whole log in the store written anew by somebody without the key, in the right form."""
    entries = again(list(audit.entries(kept.redis)), 2, act=Act.PAUSED)
    theirs = [AuditKey(b"x" * 32).signed(Purpose.ENTRY, entry.line) for entry in entries]
    kept.redis.delete(OPEN)
    kept.redis.rpush(OPEN, *theirs)
    kept.redis.expire(OPEN, 60)
    kept.redis.set(NEWEST, theirs[-1], ex=60)


def cut(kept: Kept) -> None:
    """The end cut off, and the newest entry set to the one that is the last now."""
    kept.redis.rpop(OPEN)
    kept.redis.set(NEWEST, kept.redis.lindex(OPEN, -1), ex=60)  # type: ignore[arg-type]


STORE: dict[str, tuple[Deed, Kind]] = {
    "cut off": (cut, Kind.ROLLED_BACK),
    "rechained": (other_key, Kind.FORGED),
    "emptied": (lambda k: k.redis.delete(OPEN, NEWEST), Kind.ROLLED_BACK),
    "flushed": (lambda k: k.redis.flushdb(), Kind.ROLLED_BACK),
    "newest lost": (lambda k: k.redis.delete(NEWEST), Kind.ROLLED_BACK),
    "newest altered": (lambda k: k.redis.set(NEWEST, "x", ex=60), Kind.HEAD_DIFFERS),
    "the last one altered": (lambda k: k.redis.lset(OPEN, -1, "x"), Kind.HEAD_DIFFERS),
    "the open ones lost": (lambda k: k.redis.delete(OPEN), Kind.CUT),
}


@pytest.mark.parametrize(("deed", "kind"), STORE.values(), ids=STORE)
def test_what_is_done_to_the_end_of_the_log_is_found_at_once_and_nothing_is_appended(
    kept: Kept, deed: Deed, kind: Kind
) -> None:
    kept.write(5)
    assert whole(kept)
    deed(kept)
    verdict = kept.look()
    assert verdict is not None
    assert [flaw.kind for flaw in verdict.flaws] == [kind]
    for act in (lambda: audit.append(kept.redis, audit.WORKER, Act.OPENED), lambda: audit.checkpoint(kept.redis)):
        with pytest.raises(audit.AuditBroken):
            act()


@pytest.mark.parametrize("number", [1, 2])
def test_an_entry_of_today_that_was_altered_is_found(kept: Kept, number: int) -> None:
    kept.write(5)
    assert whole(kept)
    line: bytes = kept.redis.lindex(OPEN, number - 1)  # type: ignore[assignment]
    kept.redis.lset(OPEN, number - 1, line.replace(b"opened", b"paused"))  # type: ignore[arg-type]
    for _ in range(2):
        kept.write(1)
        verdict = kept.look()
        assert verdict is not None
        assert verdict.flaws == (Flaw(number, Kind.CHANGED),)


@pytest.mark.parametrize("key", [KEY, AuditKey(b"x" * 32)])
def test_a_day_with_an_entry_that_was_altered_is_never_sealed(kept: Kept, key: AuditKey) -> None:
    made = kept.days_ago(1)
    kept.redis.lset(OPEN, 1, key.signed(Purpose.ENTRY, replace(made[1], act=Act.PAUSED).line))
    verdict = kept.look()
    assert verdict is not None
    assert {flaw.kind for flaw in verdict.flaws} <= {Kind.FORGED, Kind.UNTIED}
    assert kept.shelf.paths() == []
    kept.write(1)
    assert not kept.look().holds  # type: ignore[union-attr]
    assert kept.redis.llen(OPEN) == 7


def test_an_older_copy_of_the_store_is_found_and_the_right_one_is_taken_up_again(kept: Kept) -> None:
    kept.write(3)
    kept.look()
    with old_copy(kept.redis):
        kept.write(2)
        kept.look()
        kept.redis.config_set("maxmemory", 0)
        right = {key: kept.redis.dump(key) for key in kept.redis.keys("*")}
    verdict = kept.look()
    assert verdict is not None
    assert verdict.flaws == (Flaw(5, Kind.ROLLED_BACK),)
    kept.redis.flushdb()
    for key, blob in right.items():
        kept.redis.restore(key, 3_600_000, blob)
    assert whole(kept)
    assert kept.redis.exists(BROKEN) == 0


def test_another_entry_of_the_same_number_than_the_mark_s_is_found(kept: Kept) -> None:
    kept.write(2)
    kept.look()
    forged = chain([int(time.time())] * 2)
    kept.redis.delete(OPEN)
    lay(kept.redis, forged)
    verdict = kept.look()
    assert verdict is not None
    assert verdict.flaws == (Flaw(2, Kind.REWRITTEN),)


def test_open_entries_without_a_newest_are_found_before_there_is_a_mark(kept: Kept) -> None:
    kept.redis.rpush(OPEN, "x")
    kept.redis.expire(OPEN, 60)
    verdict = kept.look()
    assert verdict is not None
    assert verdict.flaws == (Flaw(0, Kind.HEAD_LOST),)


@pytest.mark.parametrize("text", ["", "x", '{"home":"0a","number":0}', "\xff"])
def test_a_mark_that_was_altered_is_found(kept: Kept, text: str) -> None:
    kept.write(1)
    kept.look()
    (kept.folder / "newest").write_text(text, "latin-1")
    verdict = kept.look()
    assert verdict is not None
    assert verdict.flaws == (Flaw(0, Kind.MARK_ALTERED),)


def test_a_file_of_a_day_that_is_not_of_this_log_is_never_replaced(kept: Kept) -> None:
    made = kept.days_ago(1)
    theirs = kept.folder / f"{day_of(made[0].at)}.audit"
    theirs.write_text("something else\n")
    verdict = kept.look()
    assert verdict is not None
    assert verdict.flaws == (Flaw(1, Kind.DOUBLED),)
    assert theirs.read_text() == "something else\n"
    assert kept.redis.llen(OPEN) == 6


def test_another_folder_does_not_go_on_with_the_log(kept: Kept, tmp_path: Path) -> None:
    kept.write(1)
    kept.look()
    with locked(tmp_path / "other"):
        other = Kept(kept.redis, tmp_path / "other")
        for _ in range(2):
            with pytest.raises(KeptElsewhere):
                other.look()
        write_mark(other.folder, KEY, replace(read_mark(kept.folder, KEY), home="0c" * 16))  # type: ignore[type-var]
        with pytest.raises(KeptElsewhere):
            other.look()
        kept.redis.delete(HOME)  # what an operator does whose machine with the folder is lost
        (other.folder / "newest").unlink()
        assert whole(other)


def test_one_process_keeps_the_log_at_a_time(kept: Kept) -> None:
    with locked(kept.folder) as is_ours:
        assert not is_ours


def test_another_keeper_s_turn_in_between_doubles_nothing(kept: Kept) -> None:
    kept.write(1)

    class Slow(Redis):
        """A client before whose every transaction another keeper has its turn."""

        done = False

        def pipeline(self, *args: object, **options: object) -> object:  # type: ignore[override]
            pipe = super().pipeline(*args, **options)  # type: ignore[arg-type]
            multi = pipe.multi

            def late() -> None:
                if not self.done:
                    self.done = True
                    kept.look()
                multi()

            pipe.multi = late  # type: ignore[method-assign]
            return pipe

    with Slow.from_url(url_of(kept.redis)) as slow:
        Keeper(slow, kept.folder, KEY, settled_seconds=0).look()
        assert slow.done
    assert kept.numbers() == [1]
    assert kept.verify().holds


def test_whoever_asks_has_the_log_verified_at_the_next_look(kept: Kept) -> None:
    keeper = kept.keeper
    assert keeper.look() is not None
    assert keeper.look() is None
    audit.append(kept.redis, audit.staff("0a" * 16), Act.VERIFYING)
    assert keeper.look() is not None


def test_before_anybody_kept_the_log_there_is_no_verdict(kept: Kept) -> None:
    assert audit.verdict(kept.redis) is None
    kept.look()
    assert audit.verdict(kept.redis) is not None
    assert kept.redis.ttl(VERDICT) > 0


def test_every_file_has_its_turn(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.days_ago(5, 4, 3, 2, 1, each=1)
    kept.look()
    monkeypatch.setattr("jobs.audit.keeper._FILES_AT_ONCE", 2)
    edit(path_of(kept, 4), lambda rows: [rows[0].replace("opened", "paused"), *rows[1:]])
    keeper = kept.keeper
    assert [keeper.verify().count for _ in range(4)] == [0, 1, 0, 0]


KILLS = [(event, after) for event in ("os.link", "os.rename", "os.remove") for after in (0, 1)]
KILLS += [("store", after) for after in (2, 5, 8, 10, 12, 14, 16, 18, 20, 24)]


@pytest.mark.parametrize(("point", "after"), KILLS)
def test_a_keeper_that_is_killed_anywhere_loses_and_doubles_nothing(kept: Kept, point: str, after: int) -> None:
    made = kept.days_ago(2, 1)
    kept.write(4)
    killed = subprocess.run(
        [sys.executable, KILLED, url_of(kept.redis), kept.folder, point, str(after)], timeout=60, check=False
    )
    assert killed.returncode == -9
    assert whole(kept)
    assert kept.numbers() == list(range(1, len(made) + 5))
    assert not list(kept.folder.glob(".2*"))


def test_an_old_log_is_carried_over_with_its_numbers_and_hashes(kept: Kept) -> None:
    now = int(time.time())
    old = chain([now - 70 * DAY] * 2 + [now - DAY] * 2 + [now] * 2)
    lay_old(kept.redis, old)
    kept.redis.hset(f"mig:{{{MIGRATION}}}", "state", "copying")
    kept.redis.expire(f"mig:{{{MIGRATION}}}", 600)
    kept.write(1)
    assert whole(kept)
    assert kept.redis.exists(HEAD) == 0
    assert [key for key in kept.redis.keys("audit:*") if re.fullmatch(rb"audit:\d{4}-\d\d", key)] == []
    assert list(audit.entries(kept.redis, shelf=kept.shelf))[:6] == old
    assert kept.numbers() == [1, 2, 3, 4, 5, 6, 7]
    assert list(audit.entries(kept.redis, MIGRATION))[:6] == old
    assert kept.verify(*(entry.checkpoint for entry in old)).holds


def test_an_old_log_whose_days_are_all_over_is_carried_over(kept: Kept) -> None:
    old = chain([int(time.time()) - 2 * DAY] * 2, first=7, previous="a" * 64, previous_at=1000)
    lay_old(kept.redis, old)
    assert whole(kept)
    kept.write(1)
    kept.look()
    assert kept.numbers() == [7, 8, 9]


OLD: dict[str, tuple[Callable[[Redis, str], object], int]] = {
    "altered": (lambda redis, month: redis.lset(month, 1, "x"), 2),
    "the first altered": (lambda redis, month: redis.lset(month, 0, "x"), 0),
    "dropped": (lambda redis, month: redis.lrem(month, 1, redis.lindex(month, 1)), 2),  # type: ignore[arg-type]
    "cut off": (lambda redis, month: redis.rpop(month), 2),
    "emptied": (lambda redis, month: redis.delete(month), 0),
}


@pytest.mark.parametrize(("deed", "number"), OLD.values(), ids=OLD)
def test_an_old_log_that_is_not_what_was_written_is_left_as_it_is(
    kept: Kept, deed: Callable[[Redis, str], object], number: int
) -> None:
    old = chain([int(time.time())] * 3)
    lay_old(kept.redis, old)
    month = time.strftime("audit:%Y-%m", time.gmtime(old[0].at))
    deed(kept.redis, month)
    verdict = kept.look()
    assert verdict is not None
    assert verdict.flaws == (Flaw(number, Kind.OLD_LOG),)
    assert kept.redis.exists(NEWEST) == 0


def test_an_old_log_beside_the_new_one_is_not_mixed_with_it(kept: Kept) -> None:
    kept.write(1)
    kept.look()
    lay_old(kept.redis, chain([int(time.time())]))
    verdict = kept.look()
    assert verdict is not None
    assert verdict.flaws == (Flaw(0, Kind.OLD_LOG),)


def test_the_mark_waits_for_the_store_s_disk_but_not_for_ever(kept: Kept) -> None:
    kept.write(1)
    kept.redis.config_set("appendonly", "no")
    try:
        keeper = Keeper(kept.redis, kept.folder, KEY, settled_seconds=3600)
        keeper.look()
        assert read_mark(kept.folder, KEY).number == 0  # type: ignore[union-attr]
        keeper.marker.settled_seconds = 0
        keeper.look()
        assert read_mark(kept.folder, KEY).number == 1  # type: ignore[union-attr]
    finally:
        kept.redis.config_set("appendonly", "yes")
    eventually(lambda: kept.redis.info("persistence")["aof_rewrite_in_progress"] == 0)
