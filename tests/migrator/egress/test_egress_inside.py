import pytest

from migrator.egress import door_of, endpoint
from migrator.egress.errands import LONGEST_NAME


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
    ("address", "door"),
    [
        (("imap.example.com", 993), "imap.example.com:993"),
        ((b"imap.example.com", 993), "imap.example.com:993"),
        (("::1", 993, 0, 0), "::1:993"),
        ("/run/redis.sock", "unix:/run/redis.sock"),
        (b"/run/redis.sock", "unix:/run/redis.sock"),
        (("x" * 300, 993), "x" * LONGEST_NAME),
    ],
)
def test_a_door_is_named_by_its_address(address: object, door: str) -> None:
    assert door_of(address) == door
