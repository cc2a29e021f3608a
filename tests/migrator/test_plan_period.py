from contextlib import suppress

from engine import Died, calls, dying, heir, letter, new_ledger
from planning import HURRIED, caught_up, plan_of, planned
from redis import Redis
from stand_in import Google

from migrator.gmail import Gmail
from migrator.labels import Choices
from migrator.ledger import Ledger
from migrator.mailbox import Mailbox
from migrator.outcome import Mark
from migrator.period import midnight
from migrator.plan import plan_slice

SINCE = Choices(since="2023-11-22")
HOUR = 3600
FIRST = midnight("2023-11-22")


def add(google: Google, number: int, at: int, labels: tuple[str, ...] = ("INBOX",)) -> str:
    """Let a message arrive at `at`, in seconds since the epoch; return its id."""
    added: str = google.add(letter(number), internalDate=str(at * 1000), labelIds=list(labels))["id"]
    return added


def test_what_is_older_beyond_doubt_is_never_read(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, ledger: Ledger
) -> None:
    old = add(google, 1, FIRST - 48 * HOUR)
    near, first, new = (add(google, n, FIRST + hours * HOUR) for n, hours in ((2, -1), (3, 0), (4, 900)))
    assert planned(gmail, new_mailbox, ledger, SINCE) == {
        new: Mark.PENDING,
        first: Mark.PENDING,
        near: Mark.PENDING,  # it is asked when it arrived
        old: Mark.SKIPPED_PERIOD,
    }
    assert "messages.get" not in calls(google)


def test_without_a_period_nothing_is_asked_about_age(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, ledger: Ledger
) -> None:
    old = add(google, 1, 0)
    assert planned(gmail, new_mailbox, ledger) == {old: Mark.PENDING}
    assert calls(google)["messages.list"] == 5


def test_chat_trash_and_spam_keep_their_own_reason(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, redis: Redis
) -> None:
    places = ("CHAT", "TRASH", "SPAM", "INBOX")
    ids = [add(google, number, 10**9, (place,)) for number, place in enumerate(places)]
    marks = planned(gmail, new_mailbox, new_ledger(redis), SINCE)
    assert [marks[message_id] for message_id in ids] == [
        Mark.SKIPPED_CHAT,
        Mark.SKIPPED_TRASH,
        Mark.SKIPPED_SPAM,
        Mark.SKIPPED_PERIOD,
    ]
    every = Choices(since=SINCE.since, spam=True, trash=True)
    marks = planned(gmail, new_mailbox, new_ledger(redis), every)
    assert [marks[message_id] for message_id in ids] == [Mark.SKIPPED_CHAT, *[Mark.SKIPPED_PERIOD] * 3]


def test_old_mail_that_arrives_later_is_asked_when_it_arrived(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, ledger: Ledger
) -> None:
    planned(gmail, new_mailbox, ledger, SINCE)
    late = add(google, 1, 10**9)
    assert caught_up(gmail, ledger, SINCE) == [late]
    assert plan_of(ledger) == {late: Mark.PENDING}


def test_a_slice_may_die_after_any_write_of_a_plan_with_a_period(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, redis: Redis
) -> None:
    for number in range(6):
        add(google, number, FIRST + (number - 3) * 48 * HOUR)
    expected = planned(gmail, new_mailbox, new_ledger(redis), SINCE)
    assert list(expected.values()) == [Mark.PENDING] * 3 + [Mark.SKIPPED_PERIOD] * 3
    for writes in range(8):
        ledger = new_ledger(redis, dying(writes))
        with suppress(Died):
            planned(gmail, new_mailbox, ledger, SINCE)
        assert planned(gmail, new_mailbox, heir(redis, ledger), SINCE) == expected, writes


def test_nothing_of_the_listing_is_left_when_the_plan_is_made(
    google: Google, gmail: Gmail, new_mailbox: Mailbox, ledger: Ledger, redis: Redis
) -> None:
    add(google, 1, 10**9)
    while not plan_slice(gmail, new_mailbox, ledger, SINCE, "newest-first", HURRIED):
        pass
    assert redis.keys(ledger.key("found:*")) == []
