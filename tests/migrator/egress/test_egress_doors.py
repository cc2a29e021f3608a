import pytest

from migrator.egress import Doors, Pinned, endpoint, store_places

PINNED = Pinned("imap.example.com", 993, ("8.8.8.8", "2606:4700::1111"))


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://gmail.googleapis.com", ("gmail.googleapis.com", 443)),
        ("https://oauth2.googleapis.com/token", ("oauth2.googleapis.com", 443)),
        ("http://127.0.0.1:8025", ("127.0.0.1", 8025)),
        ("https://GMAIL.googleapis.com:8443/x", ("gmail.googleapis.com", 8443)),
    ],
)
def test_an_endpoint_is_the_host_and_port_of_its_url(url: str, place: object) -> None:
    assert endpoint(url) == place


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("unix:///var/lib/state/redis.sock?db=0", "/var/lib/state/redis.sock"),
        ("unix:///var/a%20folder/redis.sock?db=1", "/var/a folder/redis.sock"),
        ("redis://:secret@redis.example:6380/0", frozenset({("redis.example", 6380)})),
        ("rediss://redis.example/0", frozenset({("redis.example", 6379)})),
        ("redis:///0", frozenset({("localhost", 6379)})),
    ],
)
def test_a_store_is_a_socket_or_a_host(url: str, place: object) -> None:
    assert store_places(url) == place


def test_the_store_by_host_may_be_looked_up_and_reached_and_is_not_told() -> None:
    doors = Doors("/tmp/own", frozenset({("gmail.googleapis.com", 443)}), None, frozenset({("redis.example", 6379)}))
    assert doors.names == {("gmail.googleapis.com", 443), ("redis.example", 6379)}
    assert doors.known() == {
        ("gmail.googleapis.com", 443): "gmail.googleapis.com:443",
        ("redis.example", 6379): "",
    }


def test_the_mailbox_may_be_reached_at_its_addresses_and_not_be_looked_up_again() -> None:
    doors = Doors("/tmp/own", frozenset(), PINNED, "/run/redis.sock")
    assert doors.names == frozenset()
    assert doors.known() == {
        ("8.8.8.8", 993): "imap.example.com:993",
        ("2606:4700::1111", 993): "imap.example.com:993",
    }
