"""Refusals at filing, by a server that refuses what the test says: nobody is blamed without proof, nothing is lost."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from desk import FAMILY, INBOX, WORK, Desk, batch, staged
from engine import letter
from redis import Redis
from servers.scripted import Hangup, Scripted, scripted

from migrator.errors import MailboxFull
from migrator.failures import ALONE_SECONDS, is_own_fault
from migrator.outcome import Mark

COPIED, PENDING = Mark.COPIED, Mark.PENDING


@pytest.fixture
def odd() -> Iterator[Scripted]:
    with scripted() as server:
        yield server


@pytest.fixture
def scripted_desk(odd: Scripted, redis: Redis) -> Desk:
    """A migration into the scripted server's mailbox, with folders for all."""
    return Desk(odd.server, redis)


def letters(*numbers: int) -> list[bytes]:
    return [letter(number) for number in numbers]


def at(verb: str, answer: Callable[[str, bytes], str | None]) -> Callable[[str, str, bytes], str | None]:
    """Return what refuses one command, by folder and message."""
    return lambda said, folder, mail: answer(folder, mail.rpartition(b"|")[2]) if said == verb else None


def hang_up(*_: object) -> str:
    raise Hangup


def test_an_outage_in_unknown_words_fails_nothing_and_is_over_when_it_is_over(
    odd: Scripted, scripted_desk: Desk
) -> None:
    desk = scripted_desk
    desk.file(batch(range(5)))
    odd.refuse = at("APPEND", lambda *_: "NO Der Dienst ruht")
    work = [batch(range(5, 40))]
    for _ in range(8):
        before = odd.count("APPEND")
        desk.file(*work)
        assert odd.count("APPEND") - before <= 17, "not all of them are sent to learn that"
        desk.now += 3600
    assert desk.ledger.outcomes() == {COPIED: 5, PENDING: 35}
    odd.refuse = lambda *_: None
    desk.file(*work)
    assert desk.ledger.outcomes() == {COPIED: 40}
    assert desk.deferred() == {}


def test_one_message_refused_without_a_reason_waits_alone(odd: Scripted, scripted_desk: Desk) -> None:
    desk = scripted_desk
    odd.refuse = at("APPEND", lambda _, mail: "NO nein" if mail == letter(7) else None)
    desk.file(batch(range(40)))
    assert odd.lying() == letters(*range(7), *range(8, 40))
    assert desk.deferred() == {7: "refused"}
    desk.file(batch([7]))
    assert desk.ledger.deferred()[7].tries == 1, "it is not due yet"
    odd.refuse = lambda *_: None
    desk.when_due()
    desk.file(batch([7]))
    assert (desk.marks(7), desk.deferred()) == ([COPIED], {})


def test_a_message_refused_for_an_hour_while_all_others_are_accepted_is_at_fault(
    odd: Scripted, scripted_desk: Desk
) -> None:
    desk, begin = scripted_desk, scripted_desk.now
    odd.refuse = at("APPEND", lambda _, mail: "NO nein" if mail == letter(1) else None)
    for number in range(2, 40):
        desk.file([*batch([0, 1]), staged(number)])
        if desk.marks(1) != [PENDING]:
            break
        desk.when_due()
    assert (desk.marks(1), desk.ledger.reasons()) == ([Mark.FAILED_REFUSED], {1: "refused-alone"})
    assert desk.now - begin >= ALONE_SECONDS


def test_a_message_that_breaks_the_connection_is_judged_like_others(odd: Scripted, scripted_desk: Desk) -> None:
    desk = scripted_desk
    odd.refuse = at("APPEND", lambda _, mail: hang_up() if mail == letter(3) else None)
    desk.file(batch(range(10)))
    assert desk.marks(*range(10)) == [COPIED if number != 3 else PENDING for number in range(10)]
    assert desk.deferred() == {3: "connection-broke"}
    desk.used_up(batch([3]))
    assert desk.ledger.reasons() == {3: "connection-broke"}
    assert not is_own_fault("connection-broke")


def test_a_connection_that_ends_now_and_then_counts_against_no_message(odd: Scripted, scripted_desk: Desk) -> None:
    desk, sent = scripted_desk, count(1)
    odd.refuse = at("APPEND", lambda *_: hang_up() if next(sent) in {2, 5, 8} else None)
    odd.capabilities = "IMAP4rev1 UIDPLUS LITERAL+"
    desk.file(batch(range(6)))
    assert desk.marks(*range(6)) == [COPIED] * 6
    assert desk.deferred() == {}


def test_a_server_that_drops_every_append_is_waited_for(odd: Scripted, scripted_desk: Desk) -> None:
    desk = scripted_desk
    desk.file(batch(range(5)))
    odd.refuse = at("APPEND", hang_up)
    for _ in range(5):
        before = odd.count("APPEND")
        desk.file(batch(range(5, 40)))
        desk.now += 900
        assert odd.count("APPEND") - before <= 5
    assert desk.ledger.outcomes() == {COPIED: 5, PENDING: 35}
    odd.refuse = lambda *_: None
    desk.file(batch(range(5, 40)))
    assert len(odd.lying()) == 40
    assert desk.ledger.outcomes() == {COPIED: 40}


@pytest.mark.parametrize("verb", ["APPEND", "SELECT", "CREATE"])
@pytest.mark.parametrize("words", ["NO nein", "NO [SERVERBUG] Internal error", "NO Permission denied"])
def test_a_folder_that_is_refused_holds_up_its_own_messages_alone(
    odd: Scripted, scripted_desk: Desk, verb: str, words: str
) -> None:
    desk = scripted_desk
    odd.refuse = at(verb, lambda folder, _: words if "Work" in folder else None)
    work = [batch(range(20), WORK), batch(range(20, 30)), batch(range(30, 39), FAMILY)]
    desk.file(*work)
    assert desk.ledger.outcomes() == {COPIED: 19, PENDING: 21}
    assert {held.tries for held in desk.ledger.deferred().values()} == {1}
    before = odd.count(verb)
    desk.file(*work)
    assert odd.count(verb) == before, "it is left alone until its time"
    odd.refuse = lambda *_: None
    desk.when_due()
    desk.file(*work)
    assert desk.ledger.outcomes() == {COPIED: 39, PENDING: 1}
    assert desk.deferred() == {}


@pytest.mark.parametrize("words", ["NO [OVERQUOTA] folders", "NO [LIMIT] too many folders"])
def test_a_limit_at_one_create_concerns_that_folder_alone(odd: Scripted, scripted_desk: Desk, words: str) -> None:
    desk = scripted_desk
    odd.refuse = at("CREATE", lambda folder, _: words if "Work" in folder else None)
    with desk.slice() as filing:
        filing.file(WORK, batch(range(5), WORK))
        filing.file(INBOX, batch(range(5, 10)))
        assert filing.held_up is None
    assert desk.marks(0, 5) == [PENDING, COPIED]
    desk.used_up(batch(range(5), WORK))
    assert set(desk.ledger.reasons().values()) == {"too-many-folders"}


def test_a_refused_copy_holds_up_that_copy_alone(odd: Scripted, scripted_desk: Desk) -> None:
    desk = scripted_desk
    odd.refuse = at("COPY", lambda _, mail: "NO nein" if mail == letter(1) else None)
    work = [staged(0, WORK, FAMILY), staged(1, WORK, FAMILY), staged(2, WORK, FAMILY), staged(3, WORK)]
    desk.file(work)
    assert desk.marks(0, 1, 2, 3) == [COPIED, PENDING, COPIED, COPIED]
    assert desk.deferred() == {1: "refused"}
    odd.refuse = lambda *_: None
    desk.when_due()
    desk.file(work)
    assert (desk.marks(1), desk.deferred()) == ([COPIED], {})
    assert sorted(odd.lying("Family")) == letters(0, 1, 2)


def test_a_full_mailbox_in_words_of_its_own_fails_nothing(odd: Scripted, scripted_desk: Desk) -> None:
    desk = scripted_desk
    odd.refuse = at("APPEND", lambda _, mail: "NO Your quota has been exceeded." if mail > letter(3) else None)
    with desk.slice() as filing:
        filing.file(INBOX, batch(range(8)))
        assert isinstance(filing.held_up, MailboxFull)
    assert desk.marks(*range(8)) == [COPIED] * 4 + [PENDING] * 4


def test_keywords_that_were_refused_are_not_sent_again(odd: Scripted, scripted_desk: Desk) -> None:
    desk = scripted_desk
    odd.refuse = lambda verb, _, mail: (
        "BAD Parse Error" if verb == "APPEND" and b"$Odd" in mail.partition(b"|")[0] else None
    )
    worded = [staged(number, keywords=("$Odd",)) for number in range(20)]
    desk.file(worded[:10])
    desk.file(worded[10:])
    assert desk.marks(*range(20)) == [COPIED] * 20
    assert sum("$Odd" in line for line in odd.heard) <= 3


def test_what_is_kept_in_spite_of_its_refusal_between_others_is_recognised_and_not_sent_again(
    odd: Scripted, scripted_desk: Desk
) -> None:
    desk = scripted_desk
    odd.capabilities = "IMAP4rev1 UIDPLUS LITERAL+"

    def keep(verb: str, folder: str, mail: bytes) -> str | None:
        flags, _, raw = mail.partition(b"|")
        if verb != "APPEND" or raw not in letters(3, 5, 6):
            return None
        odd.folders[folder].mail[odd.folders[folder].next] = (raw, flags.decode())
        return "NO replica lags behind"

    odd.refuse = keep
    desk.file(batch(range(10)))
    assert desk.deferred().keys() == {3, 5, 6}
    desk.when_due()
    desk.file(batch([3, 5, 6]))
    assert odd.lying() == letters(*range(10))
    assert desk.marks(*range(10)) == [COPIED] * 10
