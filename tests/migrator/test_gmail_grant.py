from concurrent.futures import ThreadPoolExecutor

import pytest
from engine import calls, client_of, credentials_of, gmail_door, letter
from redis import Redis
from stand_in import Google

from migrator.errors import ClientRefused, GoogleUnavailable, ReconnectNeeded
from migrator.gmail import Gmail
from oauth.grant import Grant, SingleFlightCredentials

either_way = pytest.mark.parametrize("large", [False, True], ids=["whole", "streamed"])


@either_way
def test_a_token_google_no_longer_takes_is_refreshed_and_the_message_arrives(
    google: Google, gmail: Gmail, *, large: bool
) -> None:
    message = google.add(letter(1))
    gmail.account()
    google.fault("authError", method="messages.get")
    assert gmail.message(message["id"], large=large).raw == letter(1)
    assert calls(google)["oauth.token"] == 2


def test_a_token_that_runs_out_in_the_middle_is_refreshed(google: Google, redis: Redis) -> None:
    messages = [google.add(letter(n)) for n in range(3)]
    google.control("settings", {"token_seconds": 0.2})
    with gmail_door(google, redis) as gmail:
        google.control("settings", {"latency_ms": 150.0})
        assert [gmail.message(message["id"]).raw for message in messages] == [letter(n) for n in range(3)]
    assert calls(google)["oauth.token"] > 1


@either_way
def test_a_dead_grant_asks_for_a_new_connection(google: Google, gmail: Gmail, *, large: bool) -> None:
    message = google.add(letter(1))
    gmail.account()
    google.fault("invalidGrant", method="messages.get")
    with pytest.raises(ReconnectNeeded, match="invalid_grant"):
        gmail.message(message["id"], large=large)


@either_way
def test_a_grant_that_was_dead_before_the_first_call_asks_for_a_new_connection(
    google: Google, redis: Redis, *, large: bool
) -> None:
    message = google.add(letter(1))
    with gmail_door(google, redis) as gmail:
        google.control("grants", {}, verb="DELETE")
        with pytest.raises(ReconnectNeeded, match="invalid_grant"):
            gmail.message(message["id"], large=large)


@either_way
def test_a_wrong_client_secret_is_the_hosts_fault_and_not_the_customers(
    google: Google, redis: Redis, *, large: bool
) -> None:
    message = google.add(letter(1))
    stranger = credentials_of(google, secret="wrong")
    with (
        gmail_door(google, redis, credentials=stranger) as gmail,
        pytest.raises(GoogleUnavailable, match="invalid_client") as refused,
    ):
        gmail.message(message["id"], large=large)
    assert isinstance(refused.value.lasting, ClientRefused)


def test_a_token_endpoint_that_fails_is_tried_again_later_and_kills_no_grant(google: Google, redis: Redis) -> None:
    with gmail_door(google, redis) as gmail:
        google.fault("domainPolicy", method="oauth.token", body="html")
        with pytest.raises(GoogleUnavailable, match="token"):
            gmail.account()
        assert gmail.account().messages == 0


def test_threads_that_find_the_token_missing_share_one_refresh(google: Google, redis: Redis) -> None:
    messages = [google.add(letter(n)) for n in range(8)]
    google.control("settings", {"latency_ms": 50.0})
    with gmail_door(google, redis) as gmail, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda message: gmail.message(message["id"]).raw, messages))
    assert found == [letter(n) for n in range(8)]
    assert calls(google)["oauth.token"] == 1


def test_nothing_shows_a_token_or_an_address(google: Google, gmail: Gmail) -> None:
    made = google.grant()
    grant, client = Grant(made["refresh_token"]), client_of(google)
    credentials = SingleFlightCredentials(grant, client)
    shown = f"{grant!r} {client!r} {credentials!r} {gmail!r} {gmail.account()!r}"
    for secret in (made["refresh_token"], made["access_token"], "demo-secret", "customer@gmail.example"):
        assert secret not in shown
