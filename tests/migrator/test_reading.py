import threading
import time
from collections.abc import Iterator

import pytest
from engine import gmail_door, invent, letter
from redis import Redis
from stand_in import Google

from migrator.errors import (
    BandwidthExhausted,
    ClientRefused,
    GoogleDown,
    GoogleRefused,
    MigrationError,
    NoGmail,
    QuotaExhausted,
    ReconnectNeeded,
)
from migrator.gmail import Gmail, Listing
from migrator.message import GmailMessage
from migrator.outcome import Mark
from migrator.reading import Read, read_ahead
from migrator.retry import Patience

pytestmark = pytest.mark.alone

Wanted = list[tuple[int, str, Mark]]


def wanted_of(gmail: Gmail, mark: Mark = Mark.PENDING) -> Wanted:
    gmail.account()
    return [(number, message_id, mark) for number, message_id in enumerate(gmail.ids(Listing()))]


def read(gmail: Gmail, wanted: Wanted, fetchers: int = 4, patience: Patience | None = None) -> list[Read]:
    return list(read_ahead(gmail, iter(wanted), fetchers, patience or Patience(scale=0)))


def until_refused(reads: Iterator[Read], error: type[MigrationError]) -> tuple[list[Read], MigrationError]:
    """Return what was read before this error was raised."""
    got: list[Read] = []
    with pytest.raises(error) as caught:
        got.extend(reads)
    return got, caught.value


def test_messages_come_in_the_order_asked_for_with_their_bytes(google: Google, gmail: Gmail) -> None:
    invent(google, 100)
    google.control("settings", {"jitter_ms": 20.0})
    wanted = wanted_of(gmail)
    reads = read(gmail, wanted, fetchers=8)
    assert [number for number, _ in reads] == list(range(100))
    for (_, message), (_, message_id, _) in zip(reads, wanted, strict=True):
        assert isinstance(message, GmailMessage)
        assert message.id == message_id
        assert message.raw == google.served(message_id)
    assert google.ledger()["fetched_again"] == []


def test_nothing_wanted_is_nothing_read(gmail: Gmail) -> None:
    assert read(gmail, []) == []


def test_too_many_at_once_closes_lanes_and_every_message_still_arrives(google: Google, redis: Redis) -> None:
    invent(google, 60)
    with gmail_door(google, redis, patience=Patience()) as gmail:
        wanted = wanted_of(gmail)
        google.control("settings", {"quota": "legacy", "concurrency": 2, "latency_ms": 15.0})
        google.control("reset", {})
        reads = read(gmail, wanted, fetchers=8, patience=Patience())
    assert [type(message) for _, message in reads] == [GmailMessage] * 60
    refused = google.ledger()["reasons"]["rateLimitExceeded"]
    assert 1 <= refused <= 12, "lanes close instead of knocking again and again"


def test_a_google_that_never_allows_a_single_request_makes_the_slice_wait(google: Google, gmail: Gmail) -> None:
    invent(google, 4)
    wanted = wanted_of(gmail)
    google.fault("tooManyConcurrent", method="messages.get", times=0)
    got, error = until_refused(read_ahead(gmail, iter(wanted), 4, Patience(scale=0)), QuotaExhausted)
    assert got == []
    assert isinstance(error, QuotaExhausted)


@pytest.mark.parametrize(
    ("kind", "mark"),
    [
        ("backendError", Mark.FAILED_GOOGLE),
        ("failedPrecondition", Mark.FAILED_GOOGLE),
        ("invalidArgument", Mark.FAILED_GOOGLE),
        ("delegationDenied", Mark.FAILED_GOOGLE),
        ("domainPolicy", Mark.FAILED_GOOGLE),
        ("authError", Mark.FAILED_GOOGLE),
        ("truncated", Mark.FAILED_DAMAGED),
        ("wrongId", Mark.FAILED_DAMAGED),
        ("badBase64", Mark.FAILED_DAMAGED),
        ("notFound", Mark.SKIPPED_GONE),
    ],
)
def test_one_poison_message_is_set_aside_and_the_others_go_on(
    google: Google, gmail: Gmail, kind: str, mark: Mark
) -> None:
    invent(google, 20)
    wanted = wanted_of(gmail)
    google.fault(kind, method="messages.get", message=wanted[7][1], times=0)
    reads = dict(read(gmail, wanted))
    assert reads.pop(7) == mark
    assert len(reads) == 19
    assert all(isinstance(message, GmailMessage) for message in reads.values())


KINDS = ("backendError", "failedPrecondition", "truncated", "badBase64", "authError", "domainPolicy")


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_that_passes_costs_nothing(google: Google, gmail: Gmail, kind: str) -> None:
    invent(google, 12)
    wanted = wanted_of(gmail)
    google.fault(kind, method="messages.get", nth=3, times=2)
    assert all(isinstance(message, GmailMessage) for _, message in read(gmail, wanted))


@pytest.mark.parametrize("body", ["html", "empty"])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451, 499, 500, 502])
def test_whatever_google_answers_for_one_message_concerns_that_one_alone(
    google: Google, gmail: Gmail, status: int, body: str
) -> None:
    invent(google, 8)
    wanted = wanted_of(gmail)
    where = {"method": "messages.get", "message": wanted[3][1], "status": status, "body": body}
    google.fault("backendError", **where, times=0)
    reads = dict(read(gmail, wanted))
    assert reads.pop(3) == Mark.FAILED_GOOGLE
    assert all(isinstance(message, GmailMessage) for message in reads.values())


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("authError", ReconnectNeeded),
        ("delegationDenied", GoogleRefused),
        ("failedPrecondition", NoGmail),
        ("mailNotEnabled", NoGmail),
        ("domainPolicy", GoogleRefused),
        ("insufficientPermissions", ReconnectNeeded),
        ("accessNotConfigured", ClientRefused),
        ("invalidArgument", GoogleDown),
        ("backendError", GoogleDown),
    ],
)
def test_what_google_refuses_everything_with_is_said_of_the_account_and_of_no_message(
    google: Google, gmail: Gmail, kind: str, error: type[MigrationError]
) -> None:
    invent(google, 8)
    wanted = wanted_of(gmail)
    for method in ("messages.get", "getProfile"):
        google.fault(kind, method=method, times=0)
    got, _ = until_refused(read_ahead(gmail, iter(wanted), 2, Patience(scale=0)), error)
    assert got == []


def test_what_google_refuses_the_account_with_in_turns_is_no_reason(google: Google, gmail: Gmail) -> None:
    """Tries of one question may meet two faults, and the last of them is not truer than the others."""
    invent(google, 8)
    wanted = wanted_of(gmail)
    google.fault("backendError", method="messages.get", times=0)
    google.fault("delegationDenied", method="getProfile", times=2)
    google.fault("failedPrecondition", method="getProfile", times=0)
    got, _ = until_refused(read_ahead(gmail, iter(wanted), 2, Patience(scale=0)), GoogleDown)
    assert got == []


def test_a_google_that_gives_no_message_at_all_is_blamed_on_none_of_them(google: Google, gmail: Gmail) -> None:
    invent(google, 8)
    wanted = wanted_of(gmail)
    google.fault("backendError", method="messages.get", times=0)

    def others(message_id: str) -> list[str]:
        return [row[1] for row in wanted[:3] if row[1] != message_id]

    got, _ = until_refused(read_ahead(gmail, iter(wanted), 2, Patience(scale=0), others=others), GoogleDown)
    assert got == []


def test_a_message_that_google_does_not_find_once_is_not_taken_for_deleted(google: Google, gmail: Gmail) -> None:
    invent(google, 4)
    wanted = wanted_of(gmail)
    google.fault("notFound", method="messages.get", message=wanted[1][1])
    assert all(isinstance(message, GmailMessage) for _, message in read(gmail, wanted))


def test_an_outage_waits_and_marks_no_message(google: Google, gmail: Gmail) -> None:
    invent(google, 20)
    wanted = wanted_of(gmail)
    for method in ("messages.get", "getProfile"):
        google.fault("backendError", method=method, nth=1 if method == "getProfile" else 6, times=0)
    got, error = until_refused(read_ahead(gmail, iter(wanted), 2, Patience(scale=0)), GoogleDown)
    assert isinstance(error, GoogleDown)
    assert error.until == pytest.approx(time.time() + 60, abs=5)
    assert len(got) >= 3
    assert all(isinstance(message, GmailMessage) for _, message in got)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("quotaMetric", QuotaExhausted),
        ("retryAfter", BandwidthExhausted),
        ("invalidGrant", ReconnectNeeded),
        ("domainPolicy", GoogleRefused),
        ("accessNotConfigured", ClientRefused),
        ("delegationDenied", GoogleDown),
    ],
)
def test_what_google_says_in_the_middle_is_raised_after_all_that_was_read(
    google: Google, gmail: Gmail, kind: str, error: type[MigrationError]
) -> None:
    invent(google, 40)
    wanted = wanted_of(gmail)
    google.fault(kind, method="messages.get", nth=11, times=0)
    got, _ = until_refused(read_ahead(gmail, iter(wanted), 4, Patience(scale=0)), error)
    numbers = [number for number, _ in got]
    assert numbers == sorted(numbers)
    assert len(got) == 10, "what was read is handed on, whatever came in between"
    asked = google.ledger()["calls"]["messages.get"]
    assert asked <= 11 + 4 * (6 + 3), "nothing new is asked for once Google said stop"


def test_a_stop_ends_the_reading_without_an_error(google: Google, gmail: Gmail) -> None:
    invent(google, 200)
    wanted, patience = wanted_of(gmail), Patience()
    reads = read_ahead(gmail, iter(wanted), 2, patience)
    assert [next(reads)[0] for _ in range(3)] == [0, 1, 2]
    patience.stop()
    rest = list(reads)
    assert len(rest) <= 2 * 6
    assert [number for number, _ in rest] == list(range(3, 3 + len(rest)))


def test_after_a_stop_only_what_is_under_way_is_waited_for(google: Google, gmail: Gmail) -> None:
    invent(google, 200)
    wanted, patience, fetchers = wanted_of(gmail), Patience(), 2
    google.control("settings", {"latency_ms": 150})
    reads = read_ahead(gmail, iter(wanted), fetchers, patience)
    next(reads)
    asked = google.ledger()["calls"]["messages.get"]
    patience.stop()
    list(reads)
    assert google.ledger()["calls"]["messages.get"] <= asked + 2 * fetchers, "nothing that had not begun was begun"


def test_a_stop_during_a_backoff_ends_the_reading_at_once(google: Google, gmail: Gmail) -> None:
    invent(google, 4)
    wanted, asked = wanted_of(gmail), threading.Event()
    google.fault("backendError", method="messages.get", times=0)
    timer = threading.Timer(0.4, asked.set)
    timer.start()
    began = time.monotonic()
    assert read(gmail, wanted, patience=Patience(asked=asked.is_set)) == []
    assert time.monotonic() - began < 1.2
    timer.join()


def test_when_time_is_over_nothing_new_is_begun(google: Google, gmail: Gmail) -> None:
    invent(google, 4)
    wanted = wanted_of(gmail)
    google.control("reset", {})
    assert read(gmail, wanted, patience=Patience(seconds=0)) == []
    assert "messages.get" not in google.ledger()["calls"]


def test_large_messages_are_read_three_at_a_time_at_most(google: Google, gmail: Gmail) -> None:
    invent(google, 12)
    wanted = wanted_of(gmail, Mark.PENDING_LARGE)
    google.control("settings", {"latency_ms": 60.0})
    google.control("reset", {})
    assert len(read(gmail, wanted, fetchers=8)) == 12
    assert google.ledger()["max_concurrency"] == 3


def test_no_more_requests_run_at_once_than_there_are_fetchers(google: Google, gmail: Gmail) -> None:
    invent(google, 40)
    wanted = wanted_of(gmail)
    google.control("settings", {"latency_ms": 10.0})
    google.control("reset", {})
    read(gmail, wanted, fetchers=3)
    assert google.ledger()["max_concurrency"] == 3


def test_a_reader_that_is_let_go_leaves_no_thread_behind(google: Google, gmail: Gmail) -> None:
    google.add(letter(1))
    invent(google, 30)
    reads = read_ahead(gmail, iter(wanted_of(gmail)), 4, Patience(scale=0))
    next(reads)
    reads.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fetch")]


def test_a_message_of_2004_is_asked_for_by_the_id_it_was_listed_under(google: Google, gmail: Gmail) -> None:
    old = google.add(letter(1), id="ff00000000abcde")["id"]
    assert len(old) == 15
    (read_back,) = read(gmail, wanted_of(gmail))
    assert isinstance(read_back[1], GmailMessage)
    assert read_back[1].id == old
