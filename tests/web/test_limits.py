"""Tries counted in a sliding window, on a real Redis."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.requests import Request

from app.stores import Stores
from web.limits import Limit, client_by, network_of, seconds_to_wait

THREE = Limit("test", 3, 60)
NOW = 1_800_000_000.0


def test_so_many_tries_are_let_through_and_the_next_one_is_told_when(stores: Stores) -> None:
    waits = [seconds_to_wait(stores.state, THREE, "a", now=NOW + at) for at in (0, 10, 20, 30)]
    assert waits == [0, 0, 0, 30]


def test_the_window_slides(stores: Stores) -> None:
    for at in (0, 10, 20):
        seconds_to_wait(stores.state, THREE, "a", now=NOW + at)
    assert seconds_to_wait(stores.state, THREE, "a", now=NOW + 59.5) == 1
    assert seconds_to_wait(stores.state, THREE, "a", now=NOW + 60) == 0
    assert seconds_to_wait(stores.state, THREE, "a", now=NOW + 61) == 9


def test_a_clock_that_is_set_back_locks_nobody_out(stores: Stores) -> None:
    for at in (0, 10, 20):
        seconds_to_wait(stores.state, THREE, "a", now=NOW + at)
    assert seconds_to_wait(stores.state, THREE, "a", now=NOW - 3600) == 0


def test_refused_tries_do_not_count(stores: Stores) -> None:
    for at in range(50):
        seconds_to_wait(stores.state, THREE, "a", now=NOW + at)
    assert seconds_to_wait(stores.state, THREE, "a", now=NOW + 60) == 0


def test_to_look_whether_a_try_is_let_through_counts_none(stores: Stores) -> None:
    for _ in range(50):
        assert seconds_to_wait(stores.state, THREE, "a", now=NOW, count=False) == 0
    assert [seconds_to_wait(stores.state, THREE, "a", now=NOW + at) for at in (0, 10, 20)] == [0, 0, 0]
    assert seconds_to_wait(stores.state, THREE, "a", now=NOW + 30, count=False) == 30


def test_one_does_not_count_for_another(stores: Stores) -> None:
    for _ in range(4):
        seconds_to_wait(stores.state, THREE, "a")
    assert seconds_to_wait(stores.state, THREE, "b") == 0
    assert seconds_to_wait(stores.state, Limit("other", 3, 60), "a") == 0


def test_what_is_counted_ends_with_its_window(stores: Stores) -> None:
    seconds_to_wait(stores.state, THREE, "a")
    assert [stores.state.ttl(name) for name in stores.state.scan_iter()] == [60]


def test_tries_at_the_same_moment_are_counted_each(stores: Stores) -> None:
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: seconds_to_wait(stores.state, THREE, "a"), range(40)))
    assert waits.count(0) == 3


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unknown", "unknown"),
        ("192.0.2.7:50312", "192.0.2.7"),
        ("[2001:db8:1:2::1]:50312", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::1]", "2001:db8:1:2::/64"),
        ('"[2001:db8:1:2::1]:50312"', "2001:db8:1:2::/64"),
        (" 192.0.2.7 ", "192.0.2.7"),
    ],
)
def test_a_client_is_an_ipv4_address_or_an_ipv6_network(client: str, network: str) -> None:
    assert network_of(client) == network


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        (["192.0.2.7"], "192.0.2.7"),
        (["10.9.9.9, 2001:db8::7"], "2001:db8::/64"),
        (["10.9.9.9", "192.0.2.7"], "192.0.2.7"),
        ([], ""),
    ],
)
def test_of_a_list_that_proxies_lengthen_the_nearest_ones_entry_counts(lines: list[str], client: str) -> None:
    headers = [(b"x-forwarded-for", line.encode()) for line in lines]
    request = Request({"type": "http", "headers": headers, "client": ("198.51.100.1", 1)})
    assert client_by("x-forwarded-for", request) == client
    assert client_by("", request) == "198.51.100.1"
