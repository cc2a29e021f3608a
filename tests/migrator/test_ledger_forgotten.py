"""A store that is killed, or followed by its replica, forgets its last answers: a slice must not build on them."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from engine import heir, state_of
from redis import Redis

from migrator.errors import LeaseLost
from migrator.ledger import Ledger
from migrator.outcome import Mark
from migrator.records import FolderState, Placed

FOLDER = FolderState("INBOX", 17, 1, 1)


@contextmanager
def forgotten(redis: Redis, ledger: Ledger) -> Iterator[None]:
    """Forget what is written within the block, as a replica does that never heard of it."""
    names = [*redis.keys(ledger.key("*")), ledger.key("")[:-1].encode()]
    before = {name: (redis.dump(name), redis.pttl(name)) for name in names}
    yield
    for name in redis.keys(f"{ledger.key('')[:-1]}*"):
        redis.delete(name)
    for name, (blob, ttl) in before.items():
        redis.restore(name, ttl, blob)  # type: ignore[arg-type]


def stored(ledger: Ledger, number: int) -> None:
    """Write the result of one APPEND: the message lies at this UID, and the next UID is the one behind it."""
    state = FolderState("INBOX", 17, 1, number + 2)
    record = Placed(number, number + 1, 10, b"d" * 16, b"l" * 8)
    ledger.write(ledger.folder(0, state), *ledger.place(0, [record]), ledger.mark(number, Mark.COPIED))


@pytest.fixture
def copying(ledger: Ledger) -> Ledger:
    ledger.write(*ledger.plan([1, 2, 3], [Mark.PENDING] * 3), ledger.folder(0, FOLDER))
    return ledger


def test_after_a_write_that_was_forgotten_a_slice_writes_nothing_more(redis: Redis, copying: Ledger) -> None:
    with forgotten(redis, copying):
        stored(copying, 0)
    before = state_of(redis, copying)
    with pytest.raises(LeaseLost):
        stored(copying, 1)
    with pytest.raises(LeaseLost):
        copying.note("since", "1")
    assert state_of(redis, copying) == before


def test_a_slice_that_wrote_nothing_meanwhile_goes_on(redis: Redis, copying: Ledger) -> None:
    with forgotten(redis, copying):
        pass
    stored(copying, 0)
    assert copying.outcomes() == {Mark.COPIED: 1, Mark.PENDING: 2}


def test_the_next_slice_goes_on_from_what_is_there(redis: Redis, copying: Ledger) -> None:
    with forgotten(redis, copying):
        stored(copying, 0)
    after = heir(redis, copying)
    stored(after, 0)
    stored(after, 1)
    assert after.outcomes() == {Mark.COPIED: 2, Mark.PENDING: 1}


def test_the_same_write_carried_out_twice_is_refused_the_second_time(redis: Redis, copying: Ledger) -> None:
    """As when the answer to the first was lost on its way and it is sent again."""
    again = Ledger(redis, copying.key("")[5:-2], "t1")
    again.step = copying.step
    stored(copying, 0)
    with pytest.raises(LeaseLost):
        stored(again, 0)
    assert copying.counts()["folder:0"] == 1
