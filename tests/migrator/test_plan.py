from collections import Counter
from contextlib import suppress

import pytest
from engine import Died, calls, dying, gmail_door, heir, invent, letter, new_ledger
from planning import AT_ONCE, HURRIED, caught_up, plan_of, planned
from redis import Redis
from stand_in import Google

from migrator.errors import GoogleDown, LeaseLost, QuotaExhausted
from migrator.gmail import Gmail
from migrator.labels import Choices, Label
from migrator.ledger import Ledger
from migrator.mailbox import Mailbox
from migrator.outcome import Mark
from migrator.plan import labels_of, plan_slice

KEEPER = Choices(spam=True, trash=True)


def every_id(google: Google) -> list[str]:
    return [row["id"] for row in google.control("messages")["messages"]]


def test_the_newest_message_is_first(google: Google, gmail: Gmail, new_mailbox: Mailbox, ledger: Ledger) -> None:
    invent(google, 1203)
    plan = planned(gmail, new_mailbox, ledger)
    assert list(plan) == sorted(every_id(google), reverse=True)
    assert set(plan.values()) == {Mark.PENDING}


def test_or_the_oldest_where_that_is_asked_for(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, ledger: Ledger
) -> None:
    invent(google, 40)
    assert list(planned(gmail, new_mailbox, ledger, order="oldest-first")) == sorted(every_id(google))


def test_an_empty_account_has_an_empty_plan(gmail: Gmail, new_mailbox: Mailbox, ledger: Ledger) -> None:
    assert planned(gmail, new_mailbox, ledger) == {}
    assert ledger.total() == 0


@pytest.mark.parametrize(
    ("choices", "spam", "trash"),
    [(Choices(), Mark.SKIPPED_SPAM, Mark.SKIPPED_TRASH), (KEEPER, Mark.PENDING, Mark.PENDING)],
)
def test_what_is_not_wanted_is_marked_before_it_is_read(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, ledger: Ledger, choices: Choices, spam: Mark, trash: Mark
) -> None:
    ids = {
        name: google.add(letter(n), labelIds=labels)["id"]
        for n, (name, labels) in enumerate(
            [
                ("inbox", ["INBOX"]),
                ("archived", []),
                ("spam", ["SPAM", "INBOX"]),
                ("trash", ["TRASH", "SENT"]),
                ("both", ["SPAM", "TRASH"]),
                ("chat", ["CHAT"]),
                ("chat in trash", ["CHAT", "TRASH"]),
            ]
        )
    }
    marks = planned(gmail, new_mailbox, ledger, choices)
    assert marks[ids["inbox"]] == marks[ids["archived"]] == Mark.PENDING
    assert marks[ids["spam"]] == spam
    assert marks[ids["trash"]] == trash
    assert marks[ids["both"]] == trash
    assert marks[ids["chat"]] == marks[ids["chat in trash"]] == Mark.SKIPPED_CHAT
    assert "messages.get" not in calls(google)


def test_large_messages_are_known_beforehand(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, ledger: Ledger
) -> None:
    large = google.add(letter(1, b"x" * 2_500_000))["id"]
    small = google.add(letter(2))["id"]
    assert planned(gmail, new_mailbox, ledger) == {small: Mark.PENDING, large: Mark.PENDING_LARGE}


def test_a_plan_made_in_many_small_steps_is_the_plan_made_in_one(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, redis: Redis
) -> None:
    invent(google, 1703)
    for n in range(3):
        google.add(letter(n), labelIds=["SPAM"])
    whole, stepwise = new_ledger(redis), new_ledger(redis)
    expected = planned(gmail, new_mailbox, whole)
    google.control("reset", {})
    slices = 1
    while not plan_slice(gmail, new_mailbox, stepwise, Choices(), "newest-first", HURRIED):
        slices += 1
    assert slices == 8, "a page a slice: four of the account, one of each other listing"
    assert plan_of(stepwise) == expected
    assert calls(google)["messages.list"] == 8, "no page was asked for twice"
    assert Counter(expected.values()) == {Mark.PENDING: 1703, Mark.SKIPPED_SPAM: 3}


def test_a_plan_that_is_made_again_is_the_same(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, ledger: Ledger
) -> None:
    """A slice may die after its last write and before anybody hears that it was done."""
    invent(google, 30)
    plan = planned(gmail, new_mailbox, ledger)
    assert planned(gmail, new_mailbox, ledger) == plan
    assert len(plan) == 30


def test_a_slice_may_die_after_any_write_of_the_plan_and_the_plan_is_the_same(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, redis: Redis
) -> None:
    invent(google, 1203)
    expected = planned(gmail, new_mailbox, new_ledger(redis))
    for writes in range(8):
        ledger = new_ledger(redis, dying(writes))
        with suppress(Died):
            planned(gmail, new_mailbox, ledger)
        assert planned(gmail, new_mailbox, heir(redis, ledger)) == expected, writes


def test_outcomes_survive_a_plan_that_is_made_again(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, ledger: Ledger
) -> None:
    invent(google, 3)
    planned(gmail, new_mailbox, ledger)
    ledger.write(ledger.mark(1, Mark.COPIED))
    assert list(planned(gmail, new_mailbox, ledger).values()) == [Mark.PENDING, Mark.COPIED, Mark.PENDING]


def test_mail_that_comes_and_goes_between_pages_disturbs_nothing(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, ledger: Ledger
) -> None:
    invent(google, 1703)
    before, came, went = sorted(every_id(google)), set(), set()
    while not plan_slice(gmail, new_mailbox, ledger, Choices(), "newest-first", HURRIED):
        came.add(google.add(letter(len(came)))["id"])
        for gone in (before[len(went)], before[-1 - len(went)]):  # listed last, and listed already
            google.control(f"messages/{gone}", verb="DELETE")
            went.add(gone)
    caught_up(gmail, ledger)
    plan = set(plan_of(ledger))
    assert len(came) >= 5
    assert came <= plan
    assert set(before) - went <= plan <= set(before) | came
    assert len(ledger.ids()) == len(plan)


def test_a_message_in_two_listings_counts_once(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, ledger: Ledger
) -> None:
    google.add(letter(1, b"x" * 2_500_000), labelIds=["SPAM", "TRASH", "CHAT"])
    assert list(planned(gmail, new_mailbox, ledger).values()) == [Mark.SKIPPED_CHAT]


def test_labels_are_those_the_plan_saw(google: Google, gmail: Gmail, new_mailbox: Mailbox, ledger: Ledger) -> None:
    google.control("labels", {"id": "Label_7", "name": "Café ☕", "labelListVisibility": "labelHide"})
    planned(gmail, new_mailbox, ledger)
    google.control("labels", {"id": "Label_8", "name": "Later"})
    assert Label("Label_7", "Café ☕", "user", hidden=True) in labels_of(ledger)
    assert "Label_8" not in {label.id for label in labels_of(ledger)}


def test_a_failure_that_passes_does_not_disturb_the_listing(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, ledger: Ledger
) -> None:
    invent(google, 1203)
    for nth, kind in enumerate(("backendError", "truncated", "failedPrecondition", "emptyPage"), 1):
        google.fault(kind, method="messages.list", nth=nth)
    google.fault("backendError", method="labels.list")
    google.fault("truncated", method="getProfile")
    assert len(planned(gmail, new_mailbox, ledger)) == 1203


def test_quota_in_the_middle_of_the_listing_is_waited_for_and_the_listing_goes_on(
    google: Google, redis: Redis, new_mailbox: Mailbox, ledger: Ledger
) -> None:
    invent(google, 1703)
    with gmail_door(google, redis) as gmail:
        assert not plan_slice(gmail, new_mailbox, ledger, Choices(), "newest-first", HURRIED)
        google.fault("quotaMetric", method="messages.list")
        with pytest.raises(QuotaExhausted):
            plan_slice(gmail, new_mailbox, ledger, Choices(), "newest-first", AT_ONCE)
        assert len(planned(gmail, new_mailbox, ledger)) == 1703


def test_a_page_token_google_no_longer_takes_begins_its_listing_again(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, ledger: Ledger
) -> None:
    invent(google, 1203)
    assert not plan_slice(gmail, new_mailbox, ledger, Choices(), "newest-first", HURRIED)
    google.fault("invalidArgument", method="messages.list")
    assert len(planned(gmail, new_mailbox, ledger)) == 1203


def test_an_outage_leaves_the_plan_to_the_next_slice(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, ledger: Ledger
) -> None:
    invent(google, 10)
    gmail.account()
    google.fault("backendError", method="messages.list", times=0)
    with pytest.raises(GoogleDown):
        plan_slice(gmail, new_mailbox, ledger, Choices(), "newest-first", AT_ONCE)
    assert ledger.total() == 0
    google.control("faults", {}, verb="DELETE")
    assert len(planned(gmail, new_mailbox, ledger)) == 10


def test_a_slice_without_the_lease_plans_nothing(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, redis: Redis
) -> None:
    invent(google, 10)
    ledger = new_ledger(redis)
    redis.hset(ledger.key("")[:-1], "token", "another")
    with pytest.raises(LeaseLost):
        plan_slice(gmail, new_mailbox, ledger, Choices(), "newest-first", AT_ONCE)
    assert redis.keys(ledger.key("*")) == []
