"""The summary message: a correct mail of counts alone, put into the new INBOX once, whatever dies."""

import contextlib
from dataclasses import replace
from email import message_from_bytes
from email.policy import default

import pytest
from desk import INBOX, Desk, at_points, batch, raising
from engine import letter
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from servers.fixtures import StartServer

from emulator.servers.instance import Limits
from migrator.errors import ConnectionLost
from migrator.summary import Summary, mail, message_id, place

TOLD = Summary(
    migration="5" * 32,
    at=1_790_000_000,
    sender="import@host.example",
    to="ann@host.example",
    receipt_url="https://host.example/receipt",
    outcomes={"copied": 1200, "already there": 3, "skipped (chat)": 40, "failed (refused)": 2},
    folders={"INBOX": 1000, "Büro/日本": 203},
)


class Killed(Exception):
    """The process is gone."""


def placed(desk: Desk, told: Summary = TOLD) -> int:
    with desk.enter() as mailbox:
        return place(mailbox, desk.ledger, told)


def test_it_says_the_counts_by_outcome_and_folder_and_where_the_receipt_is() -> None:
    read = message_from_bytes(mail(TOLD), policy=default)
    text = read.get_content().replace("\r\n", "\n")
    assert "In Gmail: 1,245\n" in text
    for line in ("1,200  copied", "3  already there", "40  skipped (chat)", "2  failed (refused)"):
        assert line in text
    assert "1,000  INBOX" in text
    assert "203  Büro/日本" in text
    assert TOLD.receipt_url in text
    assert (read["From"], read["To"]) == ("Mail import <import@host.example>", "ann@host.example")
    assert read["Date"].datetime.timestamp() == TOLD.at
    assert read["Auto-Submitted"] == "auto-generated"


def test_it_is_ascii_with_crlf_and_short_lines() -> None:
    wire = mail(replace(TOLD, folders={"Ü" * 225: 1}, receipt_url="https://host.example/" + "r" * 900))
    assert wire.isascii()
    assert wire.count(b"\n") == wire.count(b"\r\n") == wire.count(b"\r")
    assert max(map(len, wire.split(b"\r\n"))) <= 998  # RFC 5322 §2.1.1


def test_the_same_values_give_the_same_bytes() -> None:
    assert mail(TOLD) == mail(replace(TOLD))


def test_its_message_id_is_the_migrations_own_and_does_not_show_the_id() -> None:
    found = message_from_bytes(mail(TOLD), policy=default)["Message-ID"]
    assert found == message_id(TOLD.migration, "host.example") != message_id("6" * 32, "host.example")
    assert TOLD.migration not in mail(TOLD).decode()


@pytest.mark.parametrize("to", ["", "ann", "ann\r\nBcc: x@y.example", "ä@b.example"])
def test_without_an_address_it_goes_to_nobody_in_particular(to: str) -> None:
    read = message_from_bytes(mail(replace(TOLD, to=to)), policy=default)
    assert read["To"] is read["Bcc"] is None


@pytest.mark.parametrize("bad", ["", "import", "a@b@c", "a b@c.example", "a@b\r\nBcc: x@y.example", "a@b\n"])
def test_an_address_that_is_none_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        mail(replace(TOLD, sender=bad))


@given(st.text(max_size=60))
def test_a_folders_name_stays_on_its_line(name: str) -> None:
    text = message_from_bytes(mail(replace(TOLD, folders={name: 1})), policy=default).get_content()
    usual = message_from_bytes(mail(replace(TOLD, folders={"x": 1})), policy=default).get_content()
    assert len(text.splitlines()) == len(usual.splitlines())


@pytest.mark.parametrize("char", ["\r", "\n", "\x1b", "\u202e", "\u2028", "\ud800", "\x85"])
def test_what_would_turn_or_break_a_line_is_shown_as_odd(char: str) -> None:
    text = message_from_bytes(mail(replace(TOLD, folders={f"a{char}b": 1})), policy=default).get_content()
    assert "a\N{REPLACEMENT CHARACTER}b" in text


def test_it_lies_in_the_inbox_unread_and_counts_as_no_copy(desk: Desk) -> None:
    desk.file(batch(range(3)))
    before = desk.ledger.counts(), desk.ledger.outcomes(), desk.placed()
    uid = placed(desk)
    assert desk.lying()[-1] == mail(TOLD)
    assert (desk.ledger.counts(), desk.ledger.outcomes(), desk.placed()) == before
    with desk.enter() as mailbox:
        mailbox.select("INBOX")
        assert mailbox.flags([uid]) == {uid: frozenset()}


def test_twice_is_once_even_when_the_customer_has_removed_it(desk: Desk) -> None:
    uid = placed(desk)
    assert placed(desk) == uid
    desk.remove(INBOX)
    assert placed(desk) == uid
    assert desk.lying() == []


@pytest.mark.parametrize("without", [frozenset[str](), frozenset({"UIDPLUS"})], ids=["UIDPLUS", "none"])
@pytest.mark.parametrize("kind", ["dovecot", "cyrus"])
@pytest.mark.parametrize(("point", "times"), [("before", 1), ("after", 1), ("after", 2)])
def test_cut_off_it_is_there_once(
    start_server: StartServer, redis: Redis, kind: str, without: frozenset[str], point: str, times: int
) -> None:
    desk = Desk(start_server(kind, Limits(without=without)), redis)
    desk.put(INBOX, letter(1))
    for _ in range(times):
        with at_points(raising(Killed(), f"migrator.summary.{point}", 0)), contextlib.suppress(Killed):
            placed(desk)
    desk.put(INBOX, letter(2))
    later = replace(TOLD, at=TOLD.at + 60)
    assert placed(desk, later)
    assert len(desk.lying()) == 3
    assert sum(message_id(TOLD.migration, "host.example").encode() in wire for wire in desk.lying()) == 1


def test_a_connection_that_broke_leaves_it_to_be_looked_for(desk: Desk) -> None:
    with at_points(raising(ConnectionLost(), "migrator.summary.after")), pytest.raises(ConnectionLost):
        placed(desk)
    assert placed(desk)
    assert len(desk.lying()) == 1


def test_a_full_mailbox_holds_nothing_up(start_server: StartServer, redis: Redis) -> None:
    desk = Desk(start_server("dovecot"), redis, quota=1)
    assert placed(desk) == 0
    assert placed(desk) == 0
