from contextlib import suppress

import pytest
from engine import ADDRESS, Died, dying, heir, invent, letter, new_ledger, put_back, state_of
from planning import AT_ONCE, HURRIED, caught_up, plan_of, planned, unneeded
from redis import Redis
from stand_in import Google

from migrator.changes import catch_up
from migrator.gmail import Gmail
from migrator.labels import Choices
from migrator.ledger import Ledger
from migrator.mailbox import Mailbox
from migrator.outcome import Mark
from migrator.retry import Patience


def test_what_arrived_since_is_added_at_the_end_newest_first(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, ledger: Ledger
) -> None:
    invent(google, 5)
    planned(gmail, new_mailbox, ledger)
    came = [google.add(letter(n))["id"] for n in range(130)]
    assert caught_up(gmail, ledger) == came[::-1]
    assert caught_up(gmail, ledger) == []


def test_what_arrives_in_spam_or_trash_is_not_wanted_either(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, ledger: Ledger
) -> None:
    planned(gmail, new_mailbox, ledger)
    spam = google.add(letter(1), labelIds=["SPAM"])["id"]
    chat = google.add(letter(2), labelIds=["CHAT"])["id"]
    inbox = google.add(letter(3))["id"]
    caught_up(gmail, ledger)
    assert plan_of(ledger) == {spam: Mark.SKIPPED_SPAM, chat: Mark.SKIPPED_CHAT, inbox: Mark.PENDING}


def test_a_large_message_that_arrives_later_is_streamed_too(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, ledger: Ledger
) -> None:
    planned(gmail, new_mailbox, ledger)
    large = google.add(letter(1, b"x" * 2_500_000))["id"]
    caught_up(gmail, ledger)
    assert plan_of(ledger) == {large: Mark.PENDING_LARGE}


@pytest.mark.parametrize("patience", [AT_ONCE, HURRIED], ids=["at leisure", "hurried"])
def test_history_that_google_has_forgotten_is_made_up_for_by_listing_again(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, ledger: Ledger, patience: Patience
) -> None:
    invent(google, 1203)
    planned(gmail, new_mailbox, ledger)
    ledger.write(ledger.mark(0, Mark.COPIED))
    came = [google.add(letter(n))["id"] for n in range(3)]
    spam = google.add(letter(9), labelIds=["SPAM"])["id"]
    google.control("history/expire", {})
    turns = iter(range(20))
    while catch_up(gmail, unneeded, ledger, Choices(), patience):
        next(turns)
    assert list(plan_of(ledger))[1203:] == [spam, *came[::-1]]
    assert plan_of(ledger)[spam] == Mark.SKIPPED_SPAM
    assert Mark(ledger.marks()[0]) is Mark.COPIED
    late = google.add(letter(10))["id"]
    assert caught_up(gmail, ledger) == [late], "from here on history serves again"


def test_mail_that_comes_while_everything_is_listed_again_is_not_missed(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, ledger: Ledger
) -> None:
    invent(google, 1203)
    planned(gmail, new_mailbox, ledger)
    google.control("history/expire", {})
    came = [google.add(letter(n))["id"] for n in range(5) if catch_up(gmail, unneeded, ledger, Choices(), HURRIED)]
    assert len(came) == 5
    caught_up(gmail, ledger)
    assert set(came) <= set(plan_of(ledger))
    assert len(plan_of(ledger)) == 1203 + len(came)
    assert len(ledger.ids()) == len(set(ledger.ids()))


def test_a_slice_may_die_after_any_write_of_the_new_listing_and_nothing_is_missed(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, redis: Redis
) -> None:
    invent(google, 30)
    first = new_ledger(redis)
    planned(gmail, new_mailbox, first)
    start = state_of(redis, first)
    came = google.add(letter(1))["id"]
    google.control("history/expire", {})
    for writes in range(8):
        put_back(redis, first, start)
        with suppress(Died):
            caught_up(gmail, heir(redis, first, dying(writes)))
        ledger = heir(redis, first)
        caught_up(gmail, ledger)
        assert list(plan_of(ledger)).count(came) == 1, writes
        assert len(plan_of(ledger)) == len(ledger.ids()) == 31
    assert writes > 5, "the last of these outlived the whole listing"


def test_the_address_of_the_account_stands_in_no_key(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, ledger: Ledger, redis: Redis
) -> None:
    invent(google, 3)
    planned(gmail, new_mailbox, ledger)
    for key in redis.scan_iter():
        assert ADDRESS.encode() not in key + bytes(redis.dump(key) or b"")
