"""The addresses of stores, taken apart; the failover itself is a story of its own."""

import re
import socket
from contextlib import closing
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from emulator.servers.instance import free_ports
from jobs.reach import door_url, files_of, names_of, open_store, sentinels_of, store_doors

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
    with pytest.raises(RedisConnectionError):
        door_url(url)
    with open_store(url, 5) as store, pytest.raises(RedisConnectionError):
        store.ping()


def test_a_sentinel_that_says_nothing_is_passed_over_in_a_second() -> None:
    with socket.create_server(("localhost", 0)) as silent:
        url = f"redis+sentinel://localhost:{silent.getsockname()[1]}/state/0"
        with pytest.raises(RedisConnectionError):
            door_url(url)


def never() -> bool:
    return False


def test_one_server_is_known_to_everybody_by_its_address(redis: Redis) -> None:
    url = f"unix://{redis.connection_pool.connection_kwargs['path']}?db=0"
    assert door_url(url) == url
    ((name, door),) = store_doors(url, url).items()
    assert (name, door.told, names_of(url)) == (
        f"unix:{redis.connection_pool.connection_kwargs['path']}",
        "",
        frozenset(),
    )
    with closing(door.connect(5, never, "")) as sock:
        assert isinstance(sock, socket.socket)
        sock.sendall(b"PING\r\n")
        assert sock.recv(100).startswith((b"+PONG", b"-NOAUTH"))


def test_a_server_by_host_is_reached_with_keepalive() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"redis://:word@127.0.0.1:{server.getsockname()[1]}/0?ssl_ca_certs=/ca.pem&ssl_certfile=/c.pem"
        ((name, door),) = store_doors(url, url).items()
        assert name == f"127.0.0.1:{server.getsockname()[1]}"
        assert names_of(url) == {server.getsockname()}
        assert files_of(url) == ("/ca.pem", "/c.pem")
        with closing(door.connect(5, never, "")) as sock:
            assert isinstance(sock, socket.socket)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_a_store_that_is_not_there_is_told_as_any_connection_is(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    for url, error in (
        (f"unix://{tmp_path}/none", FileNotFoundError),
        ("redis://nowhere.invalid/0", socket.gaierror),
        (f"redis+sentinel://localhost:{port}/state/0", ConnectionRefusedError),
    ):
        ((_, door),) = store_doors(url, "redis://master:6379/0").items()
        with pytest.raises(error):
            door.connect(2, never, "")


def test_clients_of_the_stores_are_made_in_one_place() -> None:
    sources = [path for name in ("app", "jobs", "migrator", "oauth", "web") for path in (ROOT / name).rglob("*.py")]
    making = {str(path.relative_to(ROOT)) for path in sources if re.search(r"Redis(\.from_url)?\(", path.read_text())}
    assert making == {"jobs/reach.py", "app/embedded.py"}
