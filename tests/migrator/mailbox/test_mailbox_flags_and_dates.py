import time

import pytest
from servers.entry import enter, item, letter, take_rights

from emulator.servers.instance import Server, User
from migrator.mailbox import Appended, Mailbox, Selected


@pytest.mark.parametrize(
    "flag",
    [
        *(
            "\\Recent",
            "\\Important",
            "\\*",
            "",
            "two words",
            "a)b",
            "{3}",
            "{3+}\r\nzz1 CREATE pwn",
            "a\r\nb",
            "x" * 51,
        ),
        *("per%cent", "st*r", 'qu"ote', "back\\slash", "a]b", "café", "a\0b", "\\seen "),
    ],
)
def test_a_flag_that_is_not_one_is_a_value_error_and_nothing_is_sent(
    mailbox: Mailbox, inbox: Selected, flag: str
) -> None:
    with pytest.raises(ValueError, match="not a flag"):
        mailbox.append(inbox, [item(letter(1)), item(letter(2), flag)])
    assert mailbox.sizes(range(1, 100)) == {}


def test_where_no_new_keywords_may_be_made_none_are_sent(mailbox_server: Server, user: User) -> None:
    with enter(mailbox_server, user) as mailbox:
        name = mailbox.shape().prefix + "Plain"
        mailbox.create(name)
        mailbox.append(mailbox.select(name), [item(letter(1), "$Known")])
    take_rights(mailbox_server, user, name, "lrsia")
    with enter(mailbox_server, user) as mailbox:
        selected = mailbox.select(name)
        assert not selected.keywords_allowed
        (result,) = mailbox.append(selected, [item(letter(2), "$New", "\\Seen")])
        assert result == Appended(2, dropped_keywords=True)
        assert mailbox.flags([2]) == {2: {"\\Seen"}}


@pytest.mark.parametrize(
    "keyword", ["$Forwarded", "$Important", "$Label1", "NonJunk", "a/b", "a.b", "a&AOk-", "x" * 50]
)
def test_keywords_are_kept(mailbox: Mailbox, inbox: Selected, keyword: str) -> None:
    (result,) = mailbox.append(inbox, [item(letter(), keyword, "\\Flagged")])
    assert result == Appended(1)
    assert mailbox.flags([1]) == {1: {keyword, "\\Flagged"}}


@pytest.mark.parametrize("careful", [False, True])
def test_keywords_beyond_cyruss_hundred_are_dropped_and_the_message_kept(cyrus_server: Server, careful: bool) -> None:  # noqa: FBT001
    with enter(cyrus_server, cyrus_server.new_user()) as mailbox:
        selected = mailbox.select("INBOX")
        full = [item(letter(n), f"kind{n}") for n in range(100)]
        assert mailbox.append(selected, full) == [Appended(n + 1) for n in range(100)]
        more = [item(letter(200), "kind3"), item(letter(201), "new1", "kind5", "\\Seen"), item(letter(202), "\\Draft")]
        first, second, third = mailbox.append(selected, more, careful=careful)
        assert isinstance(first, Appended)
        assert isinstance(second, Appended)
        assert isinstance(third, Appended)
        assert [first.dropped_keywords, second.dropped_keywords, third.dropped_keywords] == [False, True, False]
        assert mailbox.flags([first.uid, second.uid, third.uid]) == {
            first.uid: {"kind3"},
            second.uid: {"kind5", "\\Seen"},
            third.uid: {"\\Draft"},
        }


def test_dovecot_takes_three_hundred_keywords(dovecot_server: Server) -> None:
    with enter(dovecot_server, dovecot_server.new_user()) as mailbox:
        selected = mailbox.select("INBOX")
        results = mailbox.append(selected, [item(letter(n), f"kind{n}") for n in range(300)])
        assert results == [Appended(n + 1) for n in range(300)]


def ms(*, years: float = 0, days: float = 0, now: bool = False) -> int:
    return int(((time.time() if now else 0) + (years * 365.25 + days) * 86_400) * 1000)


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (1_700_000_000_999, 1_700_000_000),
        (ms(years=-10), 86_400),
        (0, 86_400),
        (86_400_000, 86_400),
        (951_782_400_000, 951_782_400),  # 29 February 2000
    ],
)
def test_dates_are_kept_or_moved_into_what_servers_can_hold(
    mailbox: Mailbox, inbox: Selected, date: int, expected: int
) -> None:
    mailbox.append(inbox, [item(date=date)])
    assert mailbox.dates([1])[1].timestamp() == expected


@pytest.mark.parametrize(
    "date",
    [ms(days=0.5, now=True), ms(days=30, now=True), ms(years=500)],
    ids=["in half a day", "in a month", "in five centuries"],
)
def test_a_date_to_come_becomes_now(mailbox: Mailbox, inbox: Selected, date: int) -> None:
    mailbox.append(inbox, [item(date=date)])
    assert mailbox.dates([1])[1].timestamp() == pytest.approx(time.time(), abs=30)
