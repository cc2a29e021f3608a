"""Mail recognised on servers that give sizes as estimates, rewrite mail, cannot read some of it, or say too little."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import pytest
from desk import FAMILY, INBOX, WORK, Desk, at_points, batch, raising, staged
from engine import Died, letter
from redis import Redis
from servers.fixtures import StartServer
from servers.oddly import Folder, HangUp, OddServer

from migrator.errors import ConnectionLost
from migrator.outcome import Mark

COPIED, THERE, ELSEWHERE, PENDING = Mark.COPIED, Mark.ALREADY_THERE, Mark.ALREADY_ELSEWHERE, Mark.PENDING


def prose(number: int) -> bytes:
    return letter(number, b"hello,\r\n\r\nFrom Monday on\r\nwe meet at caf\xe9 %d\r\n" % number * 20)


def letters(*numbers: int) -> list[bytes]:
    return [letter(number) for number in numbers]


@contextmanager
def desk_at(server: OddServer, redis: Redis) -> Iterator[Desk]:
    with server.running() as running:
        yield Desk(running, redis)


def sent(numbers: Sequence[int], folder: int = INBOX, *more: int) -> list:
    return [staged(number, folder, *more, raw=prose(number)) for number in numbers]


# --- sizes that are estimates, mail that is rewritten -----------------------------------------------------------------


class Larger(OddServer):
    def size(self, raw: bytes) -> int:
        return 3 * len(raw) + 1000


class Smaller(OddServer):
    def size(self, raw: bytes) -> int:
        return len(raw) // 3


class BodyAlone(OddServer):
    def size(self, raw: bytes) -> int:
        return len(raw.partition(b"\r\n\r\n")[2])


class AddsHeader(OddServer):
    def stored(self, raw: bytes) -> bytes:
        return b"X-Store: %d\r\n" % len(self.mail()) + raw


class SortsHeader(OddServer):
    def stored(self, raw: bytes) -> bytes:
        head, blank, body = raw.partition(b"\r\n\r\n")
        return b"\r\n".join(sorted(head.split(b"\r\n"))) + blank + body


class EscapesFrom(OddServer):
    def body(self, raw: bytes) -> bytes:
        return re.sub(rb"(?m)^From ", rb">From ", raw)

    def size(self, raw: bytes) -> int:
        return len(self.body(raw))


class AddsFooter(OddServer):
    def stored(self, raw: bytes) -> bytes:
        return raw + b"-- \r\nsent by way of Example, the mail people\r\n"


class Encodes(OddServer):
    """8-bit bodies become quoted-printable."""

    def stored(self, raw: bytes) -> bytes:
        return raw.replace(b"\xe9", b"=E9")


ODD = [Larger, Smaller, BodyAlone, AddsHeader, SortsHeader, EscapesFrom, AddsFooter, Encodes]


@pytest.mark.parametrize("kind", ODD)
def test_a_second_import_adds_nothing(kind: type[OddServer], redis: Redis) -> None:
    server = kind()
    with desk_at(server, redis) as desk:
        desk.file(sent(range(6)), sent([6, 7], WORK))
        desk.ledger = desk.new_migration()
        desk.file(sent(range(6)), sent([6, 7], WORK))
        assert desk.marks(*range(8)) == [THERE] * 8
        assert (len(server.mail()), len(server.mail("Work"))) == (6, 2)


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("point", ["migrator.append.before", "migrator.append.after"])
def test_a_broken_connection_doubles_nothing(kind: type[OddServer], point: str, redis: Redis) -> None:
    server = kind()
    with desk_at(server, redis) as desk:
        with at_points(raising(ConnectionLost("broken"), point)):
            desk.file(sent(range(6)))
        assert desk.marks(*range(6)) == [COPIED] * 6
        assert len(server.mail()) == 6


@pytest.mark.parametrize("kind", ODD)
def test_a_slice_that_died_doubles_nothing(kind: type[OddServer], redis: Redis) -> None:
    server = kind()
    with desk_at(server, redis) as desk:
        with at_points(raising(Died(), "migrator.append.after")), suppress(Died):
            desk.file(sent(range(6)))
        desk.file(sent(range(6)))
        assert desk.marks(*range(6)) == [COPIED] * 6
        assert len(server.mail()) == 6


@pytest.mark.parametrize("kind", [OddServer, Larger])
def test_a_copy_that_was_cut_short_is_not_taken_for_the_mail(kind: type[OddServer], redis: Redis) -> None:
    class CutsShort(kind):  # type: ignore[misc, valid-type]
        def size(self, raw: bytes) -> int:
            return max(super().size(raw), len(prose(1)))

    server = CutsShort()
    with desk_at(server, redis) as desk:
        server.mail()[1] = (prose(1)[:300], frozenset(), '"')
        server.folders["INBOX"].next = 2
        desk.file(sent([1, 2]))
        assert desk.marks(1, 2) == [COPIED, COPIED]


class CutsAtNul(OddServer):
    """GNU imap4d does."""

    def stored(self, raw: bytes) -> bytes:
        return raw.partition(b"\0")[0]


@pytest.mark.parametrize("head", [b"", b"Message-ID: <1@example.com>\r\n"])
def test_mail_that_the_server_cuts_at_a_nul_is_recognised(head: bytes, redis: Redis) -> None:
    server, mail = CutsAtNul(), [staged(1, raw=head + b"Subject: x\r\n\r\nT\0" + b"e" * 999)]
    with desk_at(server, redis) as desk:
        with at_points(raising(Died(), "migrator.append.after")), suppress(Died):
            desk.file(mail)
        desk.file(mail)
        desk.ledger = desk.new_migration()
        desk.file(mail)
        assert desk.marks(1) == [THERE]
        assert len(server.mail()) == 1


def test_mail_of_one_message_id_whose_contents_differ_is_two_mails(redis: Redis) -> None:
    """A mailing list's copy beside the one that came directly."""
    direct, by_list = letter(1, b"hello\r\n" * 50), letter(1, b"hello\r\n" * 50 + b"-- \r\nthe list's footer\r\n")
    work = [staged(1, raw=direct), staged(2, raw=by_list)]
    for order in (work, work[::-1]):
        server = OddServer()
        with desk_at(server, redis) as desk:
            desk.file(*[[one] for one in order])
            assert len(server.mail()) == 2
            desk.ledger = desk.new_migration()
            desk.file(*[[one] for one in work])
            assert desk.marks(1, 2) == [THERE, THERE]
            assert len(server.mail()) == 2


def test_mail_without_a_message_id_is_told_by_its_bytes(redis: Redis) -> None:
    head = b"From: cron@example.com\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\nSubject: done\r\n\r\n"
    one, other = head + b"backup of db1 done\r\n", head + b"backup of db2 done\r\n"
    server = Larger()
    with desk_at(server, redis) as desk:
        desk.file([staged(1, raw=one)])
        desk.ledger = desk.new_migration()
        desk.file([staged(1, raw=one), staged(2, raw=other)])
        assert desk.marks(1, 2) == [THERE, COPIED]


# --- what cannot be read ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [OddServer, Larger, Smaller])
def test_mail_without_any_header_is_told_by_its_bytes_whatever_size_the_server_says(
    kind: type[OddServer], redis: Redis
) -> None:
    with desk_at(kind(), redis) as desk:
        bare = [staged(n, raw=b"no header at all\r\n" if n < 3 else b"nor here, %d\r\n" % n) for n in range(6)]
        with at_points(raising(ConnectionLost(), "migrator.append.after")), desk.slice() as filing:
            filing.file(INBOX, bare)
        desk.file(desk.still_open(bare))
        assert len(desk.lying()) == 6
        desk.ledger = desk.new_migration()
        desk.file(bare)
        assert desk.marks(*range(6)) == [THERE] * 6
        assert len(desk.lying()) == 6


class Unreadable(OddServer):
    """One message, wherever it lies, cannot be read: `manner` says how that shows, `what` at which FETCH."""

    def __init__(self, manner: str, what: str) -> None:
        super().__init__()
        self._manner, self._what = manner, what

    def _is_asked_for(self, arguments: str) -> bool:
        uids, _, items = arguments.partition(" ")
        ranges = [part.partition(":") for part in uids.split(",")]
        bad = [uid for uid, (raw, *_) in self.mail().items() if b"letter 3" in raw]
        return self._what in items and any(int(a) <= uid <= int(b or a) for a, _, b in ranges for uid in bad)

    def refusal(self, command: str, arguments: str) -> str | None:
        if command == "UID FETCH" and self._is_asked_for(arguments):
            if self._manner == "hangs up":
                raise HangUp
            if self._manner == "refuses":
                return "NO [SERVERBUG] Internal error occurred."
            if self._manner == "does not understand":
                return "BAD what"
        return None

    def body(self, raw: bytes) -> bytes | None:
        if b"letter 3" not in raw or self._manner not in {"says nothing", "says something else"}:
            return raw
        return None if self._manner == "says nothing" else b"\0\xff"


@pytest.mark.parametrize("manner", ["hangs up", "refuses", "says nothing", "says something else"])
@pytest.mark.parametrize("what", ["BODY.PEEK[", "BODY.PEEK[]"], ids=["header and body", "body alone"])
def test_a_message_that_cannot_be_read_is_no_match_and_holds_nothing_up(manner: str, what: str, redis: Redis) -> None:
    server = Unreadable(manner, what)
    with desk_at(server, redis) as desk:
        desk.put(INBOX, *letters(*range(8)))
        desk.file(batch(range(8)))
        assert desk.marks(*range(8)) == [COPIED if number == 3 else THERE for number in range(8)]
        assert len(server.mail()) == 9
        assert desk.ledger.intent() is None


@pytest.mark.parametrize("manner", ["hangs up", "refuses"])
def test_a_message_that_cannot_be_read_holds_up_no_recovery(manner: str, redis: Redis) -> None:
    server = Unreadable(manner, "BODY.PEEK[")
    with desk_at(server, redis) as desk:
        with at_points(raising(Died(), "migrator.append.before")), pytest.raises(Died):
            desk.file(batch(range(6)))
        desk.put(INBOX, *letters(1, 3))
        desk.file(batch(range(6)))
        assert desk.marks(*range(6)) == [COPIED] * 6
        assert sorted(raw for raw, *_ in server.mail().values()) == sorted(letters(0, 1, 2, 3, 3, 4, 5))


def test_a_server_that_tells_of_no_header_is_asked_for_bodies_of_that_size(redis: Redis) -> None:
    server = Unreadable("does not understand", "HEADER")
    with desk_at(server, redis) as desk:
        desk.put(INBOX, *letters(*range(8)))
        desk.file(batch(range(8)))
        assert desk.marks(*range(8)) == [THERE] * 8


# --- what the answer to APPEND does not tell --------------------------------------------------------------------------


class PartlyStored(OddServer):
    capabilities = OddServer.capabilities + " MULTIAPPEND"
    room = 100

    def refused(self, raw: bytes) -> str | None:
        if b"letter 3" in raw:
            return "NO [CANNOT] not this one"
        return "NO [OVERQUOTA] no room" if len(self.mail()) >= self.room else None


def test_what_is_kept_of_a_refused_batch_is_not_sent_again(redis: Redis) -> None:
    server = PartlyStored()
    with desk_at(server, redis) as desk:
        desk.file(batch(range(8)))
        assert [raw for raw, *_ in server.mail().values()] == letters(0, 1, 2, 4, 5, 6, 7)
        assert desk.placed() == [(0, 1), (1, 2), (2, 3), (4, 4), (5, 5), (6, 6), (7, 7)]


def test_what_fitted_of_a_batch_is_not_sent_again(redis: Redis) -> None:
    server = PartlyStored()
    server.room = 2
    with desk_at(server, redis) as desk:
        desk.file(batch([0, 1, 2, 4]))
        assert [raw for raw, *_ in server.mail().values()] == letters(0, 1)
        assert desk.marks(0, 1, 2, 4) == [COPIED, COPIED, PENDING, PENDING]
        server.room = 100
        desk.file(batch([0, 1, 2, 4]))
        assert [raw for raw, *_ in server.mail().values()] == letters(0, 1, 2, 4)


def test_of_messages_that_are_the_same_as_many_are_sent_as_were_not_kept(redis: Redis) -> None:
    server = PartlyStored()
    server.room = 2
    with desk_at(server, redis) as desk:
        same = [staged(number, raw=letter(9)) for number in range(4)]
        desk.file(same)
        server.room = 100
        desk.file(same)
        assert [raw for raw, *_ in server.mail().values()] == letters(9, 9, 9, 9)


class SaysLittle(EscapesFrom):
    """No UIDPLUS; a session sees what it stored only after the next SELECT, as at GNU imap4d."""

    capabilities = "IMAP4rev1 NAMESPACE LITERAL+"

    def shown(self, _folder: Folder, selected_at: int) -> int:
        return selected_at


class NeverShows(SaysLittle):
    """What a session stored it never sees; the next connection does."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = True

    def shown(self, _folder: Folder, _selected_at: int) -> int:
        return 1 if self.hidden else 2**32


class Nonsense(OddServer):
    answer = "OK [APPENDUID 1 2 3] done"

    def appended(self, _folder: Folder, _uids: Sequence[int]) -> str:
        return self.answer


def test_without_uidplus_each_message_is_sent_once(redis: Redis) -> None:
    server = SaysLittle()
    with desk_at(server, redis) as desk:
        desk.file(sent(range(6)), sent([6, 7], WORK, FAMILY))
        assert server.count("APPEND") == 8
        assert desk.placed() == [(number, number + 1) for number in range(6)]
        assert [len(server.mail(name)) for name in ("INBOX", "Work", "Family")] == [6, 2, 2]
        assert desk.marks(*range(8)) == [COPIED] * 8


@pytest.mark.parametrize(
    "answer", ["[APPENDUID 1 2 3]", "[APPENDUID 999 1]", "[APPENDUID x y]", "[APPENDUID 1000 0]", ""]
)
def test_an_answer_that_makes_no_sense_means_stored(answer: str, redis: Redis) -> None:
    server = Nonsense()
    server.answer = f"OK {answer} done"
    with desk_at(server, redis) as desk:
        desk.file(batch(range(4)), batch([4, 5], WORK, FAMILY))
        assert server.count("APPEND") == 6
        assert (desk.placed(), desk.marks(*range(6))) == ([(n, n + 1) for n in range(4)], [COPIED] * 6)
        assert [len(server.mail(name)) for name in ("INBOX", "Work", "Family")] == [4, 2, 2]


def test_what_is_stored_under_an_unknown_uid_is_found_later_and_never_sent_again(redis: Redis) -> None:
    server = NeverShows()
    with desk_at(server, redis) as desk:
        desk.file(batch(range(4)))
        assert (desk.placed(), desk.marks(*range(4))) == ([(n, 0) for n in range(4)], [COPIED] * 4)
        assert desk.ledger.unlocated() == [INBOX]
        server.hidden = False
        desk.file(batch(range(5)))
        assert desk.placed() == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]
        assert (desk.ledger.unlocated(), server.count("APPEND")) == ([], 5)


def test_a_connection_that_breaks_after_ok_leaves_the_message_stored(redis: Redis) -> None:
    class HangsUpAfterwards(SaysLittle):
        def refusal(self, command: str, _: str) -> str | None:
            if command == "NOOP" and len(self.mail()) == 3:
                raise HangUp
            return None

    server = HangsUpAfterwards()
    with desk_at(server, redis) as desk:
        desk.file(batch(range(3)), batch([3, 4]))
        desk.file(batch(range(6)))
        assert (server.count("APPEND"), desk.marks(*range(6))) == (6, [COPIED] * 6)
        assert sorted(desk.placed()) == [(n, n + 1) for n in range(6)]


def test_the_further_folders_of_a_message_of_unknown_uid_get_their_copies(redis: Redis) -> None:
    server = NeverShows()
    with desk_at(server, redis) as desk:
        for _ in range(4):
            desk.file(batch([0, 1], WORK, FAMILY, INBOX))
        assert [len(server.mail(name)) for name in ("INBOX", "Work", "Family")] == [2, 2, 2]
        assert desk.marks(0, 1) == [COPIED, COPIED]


# --- real servers that say little -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["imap4d-maildir", "imap4d-mbox", "courier", "dovecot-mbox"])
def test_real_servers_that_say_little_get_each_message_once(name: str, start_server: StartServer, redis: Redis) -> None:
    kind, _, layout = name.partition("-")
    desk = Desk(start_server(kind, layout=layout), redis)
    with at_points(raising(ConnectionLost("broken"), "migrator.append.after", 2)):
        desk.file(batch(range(4)), batch(range(4, 8)))
    assert len(desk.lying()) == 8
    assert desk.marks(*range(8)) == [COPIED] * 8
    desk.ledger = desk.new_migration()
    desk.file(batch(range(9)))
    assert (len(desk.lying()), desk.marks(*range(9))) == (9, [*[THERE] * 8, COPIED])
