"""Flags, keywords and dates: what a server drops is noticed at a folder's first batch, set again, or counted."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from desk import DATE, WORK, Desk, lost, staged, with_keywords
from redis import Redis
from servers.oddly import HangUp, OddServer

from migrator.outcome import Mark

LOOK = ("UID FETCH", "INTERNALDATE")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def desk_at(odd: OddServer, redis: Redis, stack: ExitStack) -> Desk:
    return Desk(stack.enter_context(odd.running()), redis)


def flags_in(odd: OddServer, folder: str = "INBOX") -> list[set[str]]:
    return [set(flags) for _, flags, _ in odd.mail(folder).values()]


class DropsFlags(OddServer):
    def kept(self, flags: frozenset[str]) -> frozenset[str]:
        return flags - {r"\Seen", r"\Flagged", r"\Draft"}


class DropsKeywords(OddServer):
    """As UW IMAP does, for good."""

    def kept(self, flags: frozenset[str]) -> frozenset[str]:
        return frozenset(flag for flag in flags if flag.startswith("\\"))

    def set_later(self, flags: frozenset[str]) -> frozenset[str]:
        return self.kept(flags)


class OwnDates(OddServer):
    def kept_date(self, _: str) -> str:
        return "01-Jan-2020 00:00:00 +0000"


def test_a_server_that_keeps_everything_is_looked_at_once_a_folder(redis: Redis, stack: ExitStack) -> None:
    odd = OddServer()
    desk = desk_at(odd, redis, stack)
    desk.file([with_keywords(0, "Work"), staged(1)], [staged(2)], [with_keywords(3, "Home", folder=WORK)])
    desk.file([with_keywords(4, "Trip")], [staged(5, WORK)])
    assert odd.count(*LOOK) == 2
    assert odd.count("UID STORE") == 0
    assert lost(desk) == (0, 0)


def test_what_the_first_batch_did_not_bring_is_looked_at_when_it_comes(redis: Redis, stack: ExitStack) -> None:
    odd = DropsKeywords()
    desk = desk_at(odd, redis, stack)
    desk.file([staged(0), staged(1)], [with_keywords(2, "Work"), staged(3)])
    assert odd.count(*LOOK) == 3, "one for the dates and flags, two around STORE for the keywords"
    assert lost(desk) == (1, 0)


def test_dropped_flags_are_set_again_after_every_batch(redis: Redis, stack: ExitStack) -> None:
    odd = DropsFlags()
    desk = desk_at(odd, redis, stack)
    desk.file([with_keywords(0, "Work"), staged(1, flags=(r"\Seen", r"\Flagged")), staged(2, flags=())])
    desk.file([staged(3, flags=(r"\Draft",)), staged(4)])
    assert flags_in(odd) == [{r"\Seen", "Work"}, {r"\Seen", r"\Flagged"}, set(), {r"\Draft"}, {r"\Seen"}]
    assert lost(desk) == (0, 0)
    assert desk.marks(*range(5)) == [Mark.COPIED] * 5


def test_where_store_does_not_help_either_it_is_not_tried_again_and_messages_are_counted(
    redis: Redis, stack: ExitStack
) -> None:
    odd = DropsKeywords()
    desk = desk_at(odd, redis, stack)
    desk.file([with_keywords(0, "Work"), staged(1)])
    desk.file([with_keywords(2, "Work"), with_keywords(3, "Home"), staged(4)])
    assert odd.count("UID STORE") == 1
    assert lost(desk) == (3, 0)
    assert desk.marks(*range(5)) == [Mark.COPIED] * 5


def test_flags_are_set_though_keywords_that_come_with_them_are_refused(redis: Redis, stack: ExitStack) -> None:
    """GNU imap4d refuses the whole STORE."""

    class NoKeywords(OddServer):
        def kept(self, _: frozenset[str]) -> frozenset[str]:
            return frozenset()

        def refusal(self, command: str, arguments: str) -> str | None:
            return "NO cannot" if command == "UID STORE" and "Work" in arguments else None

    odd = NoKeywords()
    desk = desk_at(odd, redis, stack)
    desk.file([with_keywords(0, "Work"), staged(1, flags=())])
    desk.file([with_keywords(2, "Work"), with_keywords(3)])
    assert flags_in(odd) == [{r"\Seen"}, set(), {r"\Seen"}, {r"\Seen"}]
    assert odd.count("UID STORE", "Work") == 1
    assert lost(desk) == (2, 0)


def test_keywords_that_a_folder_does_not_allow_are_counted(redis: Redis, stack: ExitStack) -> None:
    class NoNewKeywords(DropsKeywords):
        permanent = r"(\Answered \Flagged \Deleted \Seen \Draft)"

    odd = NoNewKeywords()
    desk = desk_at(odd, redis, stack)
    desk.file([with_keywords(0, "Work"), staged(1)])
    assert lost(desk) == (1, 0)
    assert odd.count("UID STORE", "Work") == 0, "a copy would be refused for it"


def test_another_date_is_counted(redis: Redis, stack: ExitStack) -> None:
    odd = OwnDates()
    desk = desk_at(odd, redis, stack)
    desk.file([staged(0), staged(1)])
    desk.file([staged(2)])
    assert lost(desk) == (0, 3)
    assert odd.count("UID STORE") == 0


def test_a_date_in_another_zone_is_the_same_date(redis: Redis, stack: ExitStack) -> None:
    class Elsewhere(OddServer):
        def kept_date(self, date: str) -> str:
            at = datetime.strptime(date, "%d-%b-%Y %H:%M:%S %z").replace(tzinfo=UTC)
            return at.replace(hour=(at.hour + 1) % 24).strftime("%d-%b-%Y %H:%M:%S +0100")

    odd = Elsewhere()
    desk = desk_at(odd, redis, stack)
    desk.file([staged(0)], [staged(1)])
    assert datetime.fromtimestamp(DATE / 1000, UTC).hour < 23
    assert lost(desk) == (0, 0)
    assert odd.count(*LOOK) == 1


@pytest.mark.parametrize("trouble", ["hangs up", "says no", "says nothing"])
def test_a_look_that_fails_costs_no_message_and_is_not_repeated_for_each_batch(
    redis: Redis, stack: ExitStack, trouble: str
) -> None:
    class NotToBeLookedAt(OddServer):
        def refusal(self, command: str, arguments: str) -> str | None:
            if command != "UID FETCH" or "INTERNALDATE" not in arguments:
                return None
            if trouble == "hangs up":
                raise HangUp
            return "NO cannot" if trouble == "says no" else "OK done"

    odd = NotToBeLookedAt()
    desk = desk_at(odd, redis, stack)
    desk.file(*([staged(number)] for number in range(5)))
    assert desk.marks(*range(5)) == [Mark.COPIED] * 5
    assert len(odd.mail()) == 5
    assert lost(desk) == (0, 0)
    assert odd.count("LOGIN") <= 4


def test_real_servers_keep_everything(desk: Desk) -> None:
    desk.file([with_keywords(0, "Work", flags=(r"\Seen", r"\Flagged")), staged(1)])
    desk.file([with_keywords(2, "Home", folder=WORK)])
    assert lost(desk) == (0, 0)
    assert {tuple(row) for kept, dropped, hopeless in desk.ledger.load("attributes").values() for row in [dropped]} == {
        ()
    }
