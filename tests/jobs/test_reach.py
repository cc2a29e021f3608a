"""The addresses of stores, taken apart; the failover itself is a story of its own."""

import re
import socket
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from emulator.servers.instance import free_ports
from jobs.reach import open_store, sentinels_of

ROOT = Path(__file__).parents[2]
THREE = (("a.lan", 26379), ("b.lan", 26380), ("::1", 26379))


def test_a_sentinel_address_names_them_all_the_service_and_the_database() -> None:
    watched = sentinels_of("redis+sentinel://a.lan,b.lan:26380,[::1]:26379/state/3")
    assert watched is not None
    assert (watched.places, watched.service, watched.master, watched.own) == (THREE, "state", {"db": 3}, {})


def test_the_store_and_those_who_watch_it_have_users_of_their_own() -> None:
    watched = sentinels_of("redis+sentinel://worker:a%40b@a.lan/state?sentinel_username=w&sentinel_password=c%20d")
    assert watched is not None
    assert watched.master == {"username": "worker", "password": "a@b"}
    assert watched.own == {"username": "w", "password": "c d"}
    assert "a@b" not in repr(watched)
    assert "c d" not in repr(watched)


def test_tls_is_spoken_with_both() -> None:
    watched = sentinels_of("rediss+sentinel://a.lan/state/0?ssl_ca_certs=/ca.pem")
    assert watched is not None
    assert watched.own == {"ssl": True, "ssl_ca_certs": "/ca.pem"}
    assert watched.master == {"db": 0, **watched.own}


@pytest.mark.parametrize("url", ["redis://a.lan/0", "rediss://a.lan/0", "unix:///run/redis.sock?db=0"])
def test_other_addresses_are_one_server_s(url: str) -> None:
    assert sentinels_of(url) is None


@pytest.mark.parametrize("url", ["http://a.lan", "redis+sentinel://a.lan:26379", "redis+sentinel://a.lan:x/state"])
def test_what_is_no_address_of_a_store_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        sentinels_of(url)


def test_without_any_sentinel_there_is_no_store() -> None:
    (port,) = free_ports(1)
    url = f"redis+sentinel://localhost:{port}/state/0"
    with open_store(url, 5) as store, pytest.raises(RedisConnectionError):
        store.ping()


def test_a_sentinel_that_says_nothing_is_passed_over_in_a_second() -> None:
    with socket.create_server(("localhost", 0)) as silent:
        url = f"redis+sentinel://localhost:{silent.getsockname()[1]}/state/0"
        with open_store(url, 5) as store, pytest.raises(RedisConnectionError):
            store.ping()


def test_clients_of_the_stores_are_made_in_one_place() -> None:
    sources = [path for name in ("app", "jobs", "migrator", "oauth", "web") for path in (ROOT / name).rglob("*.py")]
    making = {str(path.relative_to(ROOT)) for path in sources if re.search(r"Redis(\.from_url)?\(", path.read_text())}
    assert making == {"jobs/reach.py", "app/embedded.py"}
