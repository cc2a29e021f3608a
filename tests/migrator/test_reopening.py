"""Messages that failed and are tried again by choice."""

from contextlib import suppress

import pytest
from desk import FAMILY, INBOX, WORK, Desk, batch, staged
from engine import Died, dying, heir, letter, state_of
from redis import Redis

from emulator.servers.instance import Server
from migrator.ledger import Ledger
from migrator.outcome import Mark
from migrator.reopening import RETRIED, is_asked, reopen
from migrator.retry import Patience
from migrator.suspects import DEATHS, Suspects
from migrator.verify import verify_slice

COPIED = Mark.COPIED


def letters(*numbers: int) -> list[bytes]:
    return [letter(number) for number in numbers]


def asked(desk: Desk, ledger: Ledger | None = None) -> None:
    """Have what failed opened again by a new slice."""
    desk.redis.set(desk.ledger.key("retry"), "1", ex=3600)
    desk.ledger = ledger or heir(desk.redis, desk.ledger)
    assert is_asked(desk.ledger)
    reopen(desk.ledger)


def failed(desk: Desk, number: int, mark: Mark, reason: str = "refused") -> None:
    desk.ledger.write(*desk.ledger.fail(number, mark, reason))


@pytest.mark.parametrize("mark", sorted(RETRIED))
def test_a_message_that_failed_is_tried_once_more(desk: Desk, mark: Mark) -> None:
    desk.file(batch([0, 1]))
    failed(desk, 2, mark)
    asked(desk)
    assert desk.marks(0, 1, 2) == [COPIED, COPIED, Mark.PENDING_LARGE]
    assert (desk.ledger.reasons(), is_asked(desk.ledger)) == ({}, False)
    desk.file(batch([2]))
    assert desk.lying() == letters(0, 1, 2)


def test_what_somebody_moved_or_removed_is_not_brought_again(desk: Desk) -> None:
    desk.file(batch([0]))
    failed(desk, 0, Mark.FAILED_MISSING, "moved-or-removed")
    asked(desk)
    assert desk.marks(0) == [Mark.FAILED_MISSING]
    assert desk.ledger.reasons() == {0: "moved-or-removed"}


def test_a_message_that_reached_some_of_its_folders_goes_to_the_others_alone(desk: Desk) -> None:
    desk.file(batch([7], FAMILY))
    desk.close_folder(FAMILY)
    work = [staged(0, WORK, FAMILY, INBOX), staged(1, WORK)]
    desk.file(work)
    desk.used_up(work)
    assert desk.marks(0, 1) == [Mark.FAILED_FOLDER, COPIED]
    desk.open_folder(FAMILY)
    asked(desk)
    desk.file(work)
    assert [sorted(desk.lying(folder)) for folder in (WORK, FAMILY, INBOX)] == [
        letters(0, 1),
        letters(0, 7),
        letters(0),
    ]
    assert desk.marks(0, 1) == [COPIED, COPIED]
    counts = desk.ledger.counts()
    assert [counts[f"folder:{number}"] for number in (WORK, FAMILY, INBOX)] == [2, 2, 1]
    assert counts["bytes"] == sum(map(len, letters(0, 1, 0, 0, 7)))


def test_a_message_that_fails_again_has_failed_again(desk: Desk) -> None:
    desk.file(batch([7], FAMILY))
    desk.close_folder(FAMILY)
    for number in (1, 2, 3):
        desk.file([staged(0, WORK, FAMILY)], [staged(number)])
        desk.used_up([staged(0, WORK, FAMILY)])
        assert desk.marks(0) == [Mark.FAILED_FOLDER]
        asked(desk)
    assert desk.lying(WORK) == letters(0)


@pytest.mark.parametrize("writes", range(5))
def test_a_slice_may_die_while_it_opens_them(writes: int, dovecot_server: Server, redis: Redis) -> None:
    desk = Desk(dovecot_server, redis)
    desk.file(batch([7], FAMILY))
    desk.close_folder(FAMILY)
    work = [staged(0, WORK, FAMILY, INBOX), staged(1, WORK)]
    desk.file(work)
    desk.used_up(work)
    failed(desk, 2, Mark.FAILED_REFUSED)
    desk.open_folder(FAMILY)
    with suppress(Died):
        asked(desk, heir(redis, desk.ledger, dying(writes)))
    desk.ledger = heir(redis, desk.ledger)
    reopen(desk.ledger)
    desk.file(work, batch([2]))
    assert [sorted(desk.lying(folder)) for folder in (WORK, FAMILY, INBOX)] == [
        letters(0, 1),
        letters(0, 7),
        letters(0, 2),
    ]
    assert desk.marks(0, 1, 2) == [COPIED] * 3


def test_a_message_that_kills_again_is_set_aside_again(desk: Desk) -> None:
    rows = [(2, "2", Mark.PENDING)]
    for start in (0.0, 1000.0):
        for death in range(DEATHS):
            now = start + 100 * death
            tried = Suspects(desk.ledger, 0.0, careful=True, clock=lambda: now).alone(rows)  # noqa: B023 - used at once
            assert next(tried)[0] == 2, "and the slice's process dies of it"
            desk.ledger = heir(desk.redis, desk.ledger)
            Suspects(desk.ledger, 0.0, careful=True, clock=lambda: now)  # noqa: B023
        assert (desk.marks(2), desk.ledger.reasons()) == ([Mark.FAILED_DAMAGED], {2: "kills-the-import"})
        asked(desk)
        assert (desk.marks(2), desk.ledger.reasons(), desk.ledger.deferred()) == ([Mark.PENDING_LARGE], {}, {})


def test_everything_is_verified_once_more(desk: Desk) -> None:
    desk.file(batch([0, 1], WORK))
    verify_slice(desk.enter, desk.ledger, desk.key, Patience(scale=0), by_digest=True)
    failed(desk, 2, Mark.FAILED_REFUSED)
    asked(desk)
    desk.file(batch([2]))
    verify_slice(desk.enter, desk.ledger, desk.key, Patience(scale=0), by_digest=True)
    found = desk.ledger.load("verified")
    assert (found["found"], found["identical"]) == (3, 3), "in a folder before the one that was verified last, too"


def test_where_nothing_failed_nothing_is_changed(desk: Desk) -> None:
    desk.file(batch([0, 1]))
    before = state_of(desk.redis, desk.ledger)
    asked(desk)
    assert state_of(desk.redis, desk.ledger) == before
