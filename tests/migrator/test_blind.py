"""The key of the hashes is lost and another one is there: what lies in the mailbox lies there once, and is found."""

from contextlib import closing, suppress

import pytest
from desk import FAMILY, INBOX, POINTS, WORK, Desk, at_points, raising, staged
from engine import Died, dying, heir, letter
from redis import Redis

from emulator.servers.instance import Server
from migrator.filing import Filing, Staged
from migrator.naming import FolderNames
from migrator.outcome import Mark
from migrator.retry import Patience
from migrator.verified import CURSOR
from migrator.verify import verify_slice

COPIED, ALTERED, MISSING = Mark.COPIED, Mark.COPIED_ALTERED, Mark.FAILED_MISSING
NEW = b"n" * 32


def letters(*numbers: int) -> list[bytes]:
    return [letter(number) for number in numbers]


def work(key: bytes) -> list[Staged]:
    return [staged(0, WORK, FAMILY, INBOX, key=key), staged(1, WORK, FAMILY, key=key), staged(2, WORK, key=key)]


def lose_the_key(desk: Desk, key: bytes = NEW) -> None:
    desk.key = key


def verified(desk: Desk, *, by_digest: bool = True) -> dict[str, int]:
    """Verify to the end; return what was found, without the cursor."""
    desk.ledger = heir(desk.redis, desk.ledger)
    while not verify_slice(desk.enter, desk.ledger, desk.key, Patience(scale=0), by_digest=by_digest):
        pass
    found: dict[str, int] = desk.ledger.load("verified") or {}
    return {name: value for name, value in found.items() if value and name not in CURSOR}


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("point", POINTS)
def test_whatever_was_under_way_when_the_key_was_lost_is_there_once(
    point: str, nth: int, dovecot_server: Server, redis: Redis
) -> None:
    desk = Desk(dovecot_server, redis)
    with at_points(raising(Died(), point, nth)), pytest.raises(Died):
        desk.file(work(desk.key))
    lose_the_key(desk)
    desk.file(work(desk.key))
    assert [sorted(desk.lying(folder)) for folder in (WORK, FAMILY, INBOX)] == [
        letters(0, 1, 2),
        letters(0, 1),
        letters(0),
    ]
    assert desk.marks(0, 1, 2) == [COPIED] * 3
    assert desk.ledger.partials() == {}


@pytest.mark.parametrize("writes", range(6))
def test_a_slice_may_die_while_the_hashes_are_made_anew(writes: int, dovecot_server: Server, redis: Redis) -> None:
    desk = Desk(dovecot_server, redis)
    with at_points(raising(Died(), "migrator.append.after", 2)), pytest.raises(Died):
        desk.file(work(desk.key))
    lose_the_key(desk)
    desk.ledger = heir(redis, desk.ledger, dying(writes))
    filing = Filing(desk.enter, desk.ledger, FolderNames.load(desk.ledger), desk.key, Patience(scale=0))
    with closing(filing), suppress(Died):
        filing.recover()
    desk.file(work(desk.key))
    assert [sorted(desk.lying(folder)) for folder in (WORK, FAMILY)] == [letters(0, 1, 2), letters(0, 1)]
    assert desk.marks(0, 1, 2) == [COPIED] * 3


def test_mail_of_another_program_is_not_taken_for_what_was_under_way(desk: Desk) -> None:
    with at_points(raising(Died(), "migrator.append.before")), pytest.raises(Died):
        desk.file([staged(0)])
    desk.put(INBOX, letter(0)[:-3] + b"X\r\n")  # of the same size
    lose_the_key(desk)
    desk.file([staged(0, key=NEW)])
    assert sorted(desk.lying()) == sorted([letter(0)[:-3] + b"X\r\n", letter(0)])
    assert desk.marks(0) == [COPIED]


def test_what_was_placed_before_is_verified_by_its_size_and_what_came_after_by_its_bytes(desk: Desk) -> None:
    desk.file([staged(0), staged(1), staged(2)])
    desk.remove(INBOX, letter(1))
    lose_the_key(desk)
    desk.file([staged(3, key=NEW), staged(4, key=NEW)])
    assert verified(desk) == {"found": 4, "identical": 2, "by_size": 2, "missing": 1}
    assert desk.marks(*range(5)) == [COPIED, MISSING, COPIED, COPIED, COPIED]


def test_the_key_may_be_lost_before_the_check_or_within_it(desk: Desk) -> None:
    desk.file([staged(0), staged(1)], [staged(2, WORK)])
    verify_slice(desk.enter, heir(desk.redis, desk.ledger), desk.key, Patience(0.0), by_digest=True)
    lose_the_key(desk)
    assert verified(desk) == {"found": 3, "identical": 2, "by_size": 1}
    assert desk.marks(0, 1, 2) == [COPIED] * 3


def test_the_key_may_be_lost_again_and_again(desk: Desk) -> None:
    for number in range(3):
        lose_the_key(desk, bytes([number]) * 32)
        desk.file([staged(number, key=desk.key)])
    assert verified(desk) == {"found": 3, "identical": 1, "by_size": 2}


@pytest.mark.parametrize("by_digest", [False, True], ids=["by size", "by digest"])
def test_what_the_server_altered_counts_as_altered(dovecot_server: Server, redis: Redis, *, by_digest: bool) -> None:
    desk = Desk(dovecot_server, redis)
    desk.file([staged(0), staged(1, raw=letter(1, b"bare\r\r\ncr\r"))])
    lose_the_key(desk)
    assert verified(desk, by_digest=by_digest) == {"found": 2, "altered": 1, "by_size": 1}
    assert desk.marks(0, 1) == [COPIED, ALTERED]


def test_under_the_same_key_nothing_is_blind(desk: Desk) -> None:
    desk.file([staged(0)])
    desk.file([staged(1)])
    assert desk.ledger.blind() == b""
    assert verified(desk)["identical"] == 2
