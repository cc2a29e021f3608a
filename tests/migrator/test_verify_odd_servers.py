"""The check on servers that say other sizes, store other bytes, or cannot hand out what they hold."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import ClassVar

import pytest
from desk import FAMILY, INBOX, WORK, Desk, batch, staged
from engine import KEY, heir, letter
from redis import Redis
from servers.oddly import HangUp, OddServer
from verifying import found_so_far, thoroughly, verified

from emulator.servers.instance import Server
from migrator.errors import MailboxUnreachable
from migrator.outcome import Mark
from migrator.retry import Patience
from migrator.verify import verify_slice

COPIED, ALTERED, MISSING = Mark.COPIED, Mark.COPIED_ALTERED, Mark.FAILED_MISSING


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def desk_at(odd: OddServer, redis: Redis, stack: ExitStack) -> Desk:
    return Desk(stack.enter_context(odd.running()), redis)


# --- other sizes, other bytes ---------------------------------------------------------------------------------------


class Estimates(OddServer):
    def size(self, raw: bytes) -> int:
        return 3 * len(raw) + 1000


class BodyAlone(OddServer):
    def size(self, raw: bytes) -> int:
        return len(raw.partition(b"\r\n\r\n")[2])


class AddsAHeader(OddServer):
    def stored(self, raw: bytes) -> bytes:
        return b"X-Store: 7\r\n" + raw


class SortsTheHeader(OddServer):
    def stored(self, raw: bytes) -> bytes:
        head, _, body = raw.partition(b"\r\n\r\n")
        return b"\r\n".join(sorted(head.split(b"\r\n"))) + b"\r\n\r\n" + body


@pytest.mark.parametrize("kind", [Estimates, BodyAlone])
@thoroughly
def test_a_size_that_is_an_estimate_is_no_alteration(
    redis: Redis, stack: ExitStack, kind: type[OddServer], *, by_digest: bool
) -> None:
    desk = desk_at(kind(), redis, stack)
    desk.file(batch(range(6)))
    assert verified(desk, by_digest=by_digest) == {"found": 6, "identical": 6}
    assert desk.marks(*range(6)) == [COPIED] * 6


@thoroughly
def test_a_copy_with_more_header_than_was_sent_is_altered_and_not_missing(
    redis: Redis, stack: ExitStack, *, by_digest: bool
) -> None:
    desk = desk_at(AddsAHeader(), redis, stack)
    desk.file(batch(range(6)))
    assert verified(desk, by_digest=by_digest) == {"found": 6, "altered": 6}
    assert desk.marks(*range(6)) == [ALTERED] * 6


def test_a_copy_whose_header_is_in_another_order_is_altered(redis: Redis, stack: ExitStack) -> None:
    desk = desk_at(SortsTheHeader(), redis, stack)
    desk.file(batch(range(6)))
    assert verified(desk, by_digest=True) == {"found": 6, "altered": 6}


def test_a_server_that_alters_all_mail_is_noticed_though_sizes_are_right(redis: Redis, stack: ExitStack) -> None:
    desk = desk_at(SortsTheHeader(), redis, stack)
    desk.file(batch(range(3)), batch(range(3, 6), WORK))
    assert verified(desk)["altered"] == 2, "the first of each folder is compared"


def misrecorded(desk: Desk) -> None:
    """File two messages, and record that the second lies where something else does."""
    desk.file(batch(range(2)))
    placed = [*desk.ledger.placed(INBOX)]
    desk.put(INBOX, letter(99, b"x" * 77))
    wrong = staged(1).expected.placed(3)
    desk.ledger.write(*desk.ledger.forgotten(INBOX, placed), *desk.ledger.place(INBOX, [placed[0], wrong]))


@thoroughly
def test_what_lies_at_a_uid_the_server_named_is_the_copy(
    dovecot_server: Server, redis: Redis, *, by_digest: bool
) -> None:
    desk = Desk(dovecot_server, redis)
    misrecorded(desk)
    assert verified(desk, by_digest=by_digest)["altered"] == 1
    assert desk.marks(0, 1) == [COPIED, ALTERED]


@thoroughly
def test_another_mail_at_a_uid_that_was_found_by_looking_is_not_the_copy(
    redis: Redis, stack: ExitStack, *, by_digest: bool
) -> None:
    class Unnamed(OddServer):
        capabilities = "IMAP4rev1 NAMESPACE LITERAL+"

    odd = Unnamed()
    desk = desk_at(odd, redis, stack)
    misrecorded(desk)
    del odd.mail()[2]
    assert verified(desk, by_digest=by_digest)["missing"] == 1
    assert desk.marks(0, 1) == [COPIED, MISSING]
    assert desk.ledger.reasons() == {1: "content-differs"}


@thoroughly
@pytest.mark.parametrize("capabilities", [OddServer.capabilities, "IMAP4rev1 NAMESPACE LITERAL+"])
def test_uids_given_anew_under_the_same_uidvalidity_are_noticed_and_every_copy_found(
    redis: Redis, stack: ExitStack, capabilities: str, *, by_digest: bool
) -> None:
    class Odd(OddServer):
        pass

    odd = Odd()
    odd.capabilities = capabilities  # type: ignore[misc]
    desk = desk_at(odd, redis, stack)
    bodies = [b"x" * (n * n % 7) + b"\r\n" for n in range(8)]
    desk.file([staged(n, raw=letter(n, bodies[n])) for n in range(8)])
    left = [row for row in odd.mail().values() if row[0] != letter(2, bodies[2])]
    odd.folders["INBOX"].mail = dict(enumerate(left, 1))
    assert verified(desk, by_digest=by_digest) == {"found": 7, "identical": 7, "missing": 1}
    assert desk.marks(*range(8)) == [COPIED] * 2 + [MISSING] + [COPIED] * 5
    assert [uid for number, uid in desk.placed() if number != 2] == list(range(1, 8)), "an undo takes these"


# --- what cannot be read ----------------------------------------------------------------------------------------------


class CannotReadOne(OddServer):
    """Drops the connection over mail with these words, as Dovecot does over a file that is too short."""

    words: ClassVar[bytes] = b"letter 3\r\n"

    def body(self, raw: bytes) -> bytes | None:
        if self.words in raw:
            raise HangUp
        return raw


class SaysNoToOne(CannotReadOne):
    def refusal(self, command: str, arguments: str) -> str | None:
        if command == "UID FETCH" and "BODY" in arguments and arguments.partition(" ")[0] in {"4", "1:8"}:
            return "NO cannot"
        return None


class GivesNothing(CannotReadOne):
    def body(self, raw: bytes) -> bytes | None:
        return None if self.words in raw else raw


class GivesAnEmptyOne(CannotReadOne):
    def body(self, raw: bytes) -> bytes | None:
        return b"" if self.words in raw else raw


@pytest.mark.parametrize("kind", [CannotReadOne, SaysNoToOne, GivesNothing, GivesAnEmptyOne])
def test_a_message_that_cannot_be_read_is_there_by_its_size_and_the_others_are_compared(
    redis: Redis, stack: ExitStack, kind: type[OddServer]
) -> None:
    odd = kind()
    desk = desk_at(odd, redis, stack)
    desk.file(batch(range(8)))
    assert verified(desk, by_digest=True) == {"found": 8, "identical": 7, "unreadable": 1}
    assert desk.marks(*range(8)) == [COPIED] * 8
    assert odd.count("LOGIN") < 15


def test_a_folder_none_of_whose_mail_can_be_read_is_not_read_for_ever(redis: Redis, stack: ExitStack) -> None:
    class Unreadable(CannotReadOne):
        words = b"letter"

    odd = Unreadable()
    desk = desk_at(odd, redis, stack)
    desk.ledger.write(*desk.ledger.add_to_plan(range(100, 400), [Mark.PENDING] * 300))
    desk.file(batch(range(300)))
    assert verified(desk, by_digest=True) == {"found": 300, "unreadable": 300}
    assert odd.count("LOGIN") < 80


def test_a_size_that_cannot_be_asked_for_holds_nothing_up(redis: Redis, stack: ExitStack) -> None:
    class NoSize(OddServer):
        def size(self, raw: bytes) -> int:
            if b"letter 3\r\n" in raw:
                raise HangUp
            return len(raw)

    desk = desk_at(NoSize(), redis, stack)
    desk.file(batch(range(8)))
    assert verified(desk) == {"found": 7, "identical": 1, "by_size": 6, "unchecked": 1}
    assert desk.marks(*range(8)) == [COPIED] * 8


# --- folders that cannot be opened ------------------------------------------------------------------------------------


def test_what_lies_in_a_folder_that_may_not_be_opened_is_not_checked_and_not_missing(
    dovecot_server: Server, redis: Redis
) -> None:
    desk = Desk(dovecot_server, redis)
    desk.file(batch(range(3), WORK), batch(range(3, 6)))
    with desk.server.observer(desk.user) as observer:
        observer.setacl(desk.name(WORK), "owner", "la")  # to list, not to read (RFC 4314 §2.1)
    assert verified(desk) == {"found": 3, "identical": 1, "by_size": 2, "unchecked": 3}
    assert desk.marks(*range(6)) == [COPIED] * 6


class Faulty(OddServer):
    """Has a fault in one folder, so many times."""

    def __init__(self, times: int, words: str = "NO [SERVERBUG] internal error") -> None:
        super().__init__()
        self.times = times
        self.words = words

    def refusal(self, command: str, arguments: str) -> str | None:
        if command == "SELECT" and "Work" in arguments and self.times:
            self.times -= 1
            return self.words
        return None


def checked(desk: Desk) -> int:
    """Verify to the end; return how often it waited."""
    waits = 0
    while True:
        desk.ledger = heir(desk.redis, desk.ledger)
        try:
            if verify_slice(desk.enter, desk.ledger, KEY, Patience(scale=0), by_digest=False):
                return waits
        except MailboxUnreachable:
            waits += 1
            assert waits < 10


@pytest.mark.parametrize("words", ["NO [SERVERBUG] internal error", "NO [NONEXISTENT] Mailbox doesn't exist"])
def test_a_folder_with_a_passing_fault_is_waited_for(redis: Redis, stack: ExitStack, words: str) -> None:
    odd = Faulty(0, words)
    desk = desk_at(odd, redis, stack)
    desk.file(batch(range(3), WORK), batch(range(3, 6)))
    odd.times = 2
    assert checked(desk) == 2
    assert found_so_far(desk) == {"found": 6, "identical": 2, "by_size": 4}


def test_a_folder_with_a_lasting_fault_does_not_hold_up_the_end(redis: Redis, stack: ExitStack) -> None:
    odd = Faulty(0)
    desk = desk_at(odd, redis, stack)
    desk.file(batch(range(3), WORK), batch(range(3, 6)), batch(range(6, 8), FAMILY))
    odd.times = 1000
    assert checked(desk) == 7
    assert found_so_far(desk) == {"found": 5, "identical": 2, "by_size": 3, "unchecked": 3}
    assert desk.marks(*range(8)) == [COPIED] * 8
