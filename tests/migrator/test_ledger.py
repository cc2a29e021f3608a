import threading
from collections import Counter

import pytest
from engine import heir, state_of
from hypothesis import strategies as st
from key_leaks import leaks
from redis import Redis

from migrator.errors import LeaseLost
from migrator.ledger import TTL, Command, Ledger
from migrator.outcome import Mark
from migrator.records import Expected, FolderState, Intent, Partial, Placed

numbers32 = st.integers(0, 2**32 - 1)
hashes = st.binary(min_size=16, max_size=16)
expecteds = st.builds(
    Expected,
    numbers32,
    numbers32,
    st.integers(0, 99),
    hashes.map(bytes.hex),
    st.binary(min_size=8, max_size=8).map(bytes.hex),
)
STATE = FolderState("Arçhive.Été \N{OPEN MAILBOX WITH RAISED FLAG}", 17, 5, 9, ((6, 7),))
EXPECTED = Expected(3, 100, 2, "ab" * 16, "cd" * 8)


def placed(number: int, uid: int = 1, size: int = 10) -> Placed:
    return Placed(number, uid, size, b"d" * 16, b"l" * 8)


def planned(ledger: Ledger, messages: int) -> None:
    ledger.write(*ledger.plan(range(1, messages + 1), [Mark.PENDING] * messages))


def every_kind(ledger: Ledger) -> list[Command]:
    return [
        *ledger.plan([1, 2], [Mark.PENDING, Mark.PENDING_LARGE]),
        *ledger.add_to_plan([3], [Mark.PENDING]),
        ledger.mark(0, Mark.COPIED),
        *ledger.fail(1, Mark.FAILED_REFUSED, "too-large"),
        ledger.folder(0, STATE),
        *ledger.place(0, [placed(0)]),
        ledger.partial(2, Partial(EXPECTED, {0: 4}, (1, 2), Mark.COPIED)),
        ledger.keep("since", "1000"),
    ]


# --- the fence --------------------------------------------------------------------------------------------------------


def test_a_write_under_an_old_token_changes_nothing(redis: Redis, ledger: Ledger) -> None:
    planned(ledger, 3)
    heir(redis, ledger)
    before = state_of(redis, ledger)
    for command in every_kind(ledger):
        with pytest.raises(LeaseLost):
            ledger.write(command)
    with pytest.raises(LeaseLost):
        ledger.write(*every_kind(ledger))
    with pytest.raises(LeaseLost):
        ledger.intend(Intent(0, 1, 1, (EXPECTED,)))
    assert state_of(redis, ledger) == before


def test_a_migration_that_is_gone_takes_no_writes_and_is_not_made_again(redis: Redis, ledger: Ledger) -> None:
    redis.flushall()
    with pytest.raises(LeaseLost):
        ledger.write(*every_kind(ledger))
    assert list(redis.scan_iter()) == []


def test_without_a_token_nothing_is_written(redis: Redis, ledger: Ledger) -> None:
    reader = Ledger(redis, ledger.key("")[len("mig:{") : -2])
    with pytest.raises(LeaseLost):
        reader.write(reader.keep("since", "1"))
    assert ledger.load("since") is None


def test_the_heirs_writes_count(redis: Redis, ledger: Ledger) -> None:
    planned(ledger, 3)
    successor = heir(redis, ledger)
    successor.write(successor.mark(2, Mark.COPIED))
    assert ledger.marks() == bytes([Mark.PENDING, Mark.PENDING, Mark.COPIED])


def test_a_write_is_all_or_nothing_for_everybody_who_looks(redis: Redis, ledger: Ledger) -> None:
    planned(ledger, 1)
    seen: set[tuple[int, int]] = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            with redis.pipeline(transaction=True) as pipe:
                pipe.hget(ledger.key("counts"), "bytes").llen(ledger.key("placed:0"))
                held, length = pipe.execute()
            seen.add((int(held or 0), length))

    watcher = threading.Thread(target=look)
    watcher.start()
    for number in range(100):
        ledger.write(*ledger.place(0, [placed(number, size=1)]))
    done.set()
    watcher.join()
    assert all(held == length for held, length in seen)


# --- end dates --------------------------------------------------------------------------------------------------------


def test_every_key_ends_by_itself_and_is_in_the_table(redis: Redis, ledger: Ledger) -> None:
    ledger.write(*every_kind(ledger))
    ledger.intend(Intent(0, 1, 1, (EXPECTED,)))
    keys = redis.keys(ledger.key("*"))
    assert len(keys) == 9
    assert all(0 < redis.ttl(key) <= TTL for key in keys)
    assert leaks(redis) == []


def test_a_write_puts_the_end_off(redis: Redis, ledger: Ledger) -> None:
    ledger.write(*every_kind(ledger))
    for key in redis.keys(ledger.key("*")):
        redis.expire(key, 5)
    ledger.write(ledger.mark(0, Mark.COPIED))
    assert redis.ttl(ledger.key("marks")) > TTL - 60
    assert redis.ttl(ledger.key("ids")) <= 5


# --- the plan ---------------------------------------------------------------------------------------------------------


def test_open_messages_are_all_those_without_an_outcome_in_order(ledger: Ledger) -> None:
    total = 12_345
    planned(ledger, total)
    settled = set(range(0, total, 3)) | set(range(5000, 9000))
    ledger.write(*(ledger.mark(number, Mark.COPIED) for number in sorted(settled)))
    ledger.write(ledger.mark(1, Mark.PENDING_LARGE))
    found = list(ledger.open_messages())
    assert [number for number, _, _ in found] == [n for n in range(total) if n not in settled]
    assert all(message_id == f"{number + 1:x}" for number, message_id, _ in found)
    assert [mark for _, _, mark in found][:2] == [Mark.PENDING_LARGE, Mark.PENDING]


def test_looking_for_open_messages_holds_a_window_of_ids_and_not_all(redis: Redis, ledger: Ledger) -> None:
    planned(ledger, 100_000)
    before = redis.info("stats")["total_net_output_bytes"]
    assert next(ledger.open_messages())[0] == 0
    sent = redis.info("stats")["total_net_output_bytes"] - before
    assert 100_000 < sent < 100_000 + 2_000 * 8 + 20_000, "one byte a message, and the ids of two thousand"


def test_every_kind_of_outcome_is_no_longer_open(ledger: Ledger) -> None:
    marks = list(Mark)
    ledger.write(*ledger.plan(range(len(marks)), marks))
    assert [mark for _, _, mark in ledger.open_messages()] == [Mark.PENDING, Mark.PENDING_LARGE]


def test_outcomes_sum_up_to_the_total(ledger: Ledger) -> None:
    marks = [mark for mark in Mark for _ in range(mark + 1)]
    ledger.write(*ledger.plan(range(len(marks)), marks))
    assert ledger.outcomes() == Counter(marks)
    assert sum(ledger.outcomes().values()) == ledger.total() == len(marks)


def test_ids_use_all_their_sixty_four_bits(ledger: Ledger) -> None:
    ids = [2**64 - 1, 0, 2**63, 0x18C2_AF00_0000_0001]
    ledger.write(*ledger.plan(ids, [Mark.PENDING] * 4))
    assert ledger.ids() == tuple(ids)
    assert [message_id for _, message_id, _ in ledger.open_messages()] == [f"{i:x}" for i in ids]


def test_an_empty_plan_is_a_plan(ledger: Ledger) -> None:
    assert not ledger.is_planned()
    ledger.write(*ledger.plan([], []))
    assert ledger.is_planned()
    assert (ledger.total(), ledger.ids(), list(ledger.open_messages())) == (0, (), [])


def test_what_is_added_gets_the_next_numbers(ledger: Ledger) -> None:
    planned(ledger, 2)
    ledger.write(*ledger.add_to_plan([70, 80], [Mark.PENDING, Mark.SKIPPED_SPAM]))
    assert ledger.ids() == (1, 2, 70, 80)
    assert [number for number, _, _ in ledger.open_messages()] == [0, 1, 2]


def test_a_failure_has_a_reason(ledger: Ledger) -> None:
    planned(ledger, 2)
    ledger.write(*ledger.fail(1, Mark.FAILED_REFUSED, "too-large"))
    assert ledger.reasons() == {1: "too-large"}
    assert ledger.outcomes() == {Mark.PENDING: 1, Mark.FAILED_REFUSED: 1}


def test_of_the_messages_that_get_an_outcome_those_with_bytes_of_their_own_are_counted_apart(ledger: Ledger) -> None:
    """The size of one message is hidden among others that have one; what failed or was left out has none."""
    ledger.write(*(ledger.mark(number, mark) for number, mark in enumerate(Mark)))
    counts = ledger.counts()
    assert counts["settled"] == sum(not mark.is_open for mark in Mark)
    assert counts["weighed"] == 3
