"""Where servers listen, on this machine's own addresses: IPv4, IPv6, both, and why they cannot."""

import errno
import socket
from contextlib import closing

import click
import pytest

from app.serving import listening

FOUR, SIX = "127.0.0.1", "::1"


def reached(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), 5).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.parametrize(
    ("host", "four", "six"),
    [
        ("::", True, True),
        ("[::]", True, True),
        ("::1", False, True),
        ("[::1]", False, True),
        ("0.0.0.0", True, False),
        ("127.0.0.1", True, False),
        (" 127.0.0.1 ", True, False),
        ("", True, False),
    ],
)
def test_an_address_of_either_kind_is_listened_on(host: str, *, four: bool, six: bool) -> None:
    with listening(host, 0, "web") as (listener,):
        port = listener.getsockname()[1]
        assert (reached(FOUR, port), reached(SIX, port)) == (four, six)


def test_a_name_is_listened_on_at_every_address_it_has() -> None:
    with listening("localhost", 0, "web") as listeners:
        found = {row[4][0] for row in socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)}
        assert {one.getsockname()[0] for one in listeners} <= found
        for one in listeners:
            assert reached(*one.getsockname()[:2])


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0.0.0.0", "::", "localhost"])
def test_a_port_that_is_in_use_is_said_to_be(host: str) -> None:
    with listening("::", 0, "web") as (listener,):
        port = listener.getsockname()[1]
        with pytest.raises(click.ClickException, match="another program listens there; stop it") as caught:
            refuse(host, port)
    assert caught.value.message.startswith(f"console.host, console.port: cannot listen on {host} port {port}: ")


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("192.0.2.1", "no such address; name one of its own"),
        ("2001:db8::1", "no such address; name one of its own"),
        ("nowhere.invalid", "it is no address of this machine"),
        ("https://import.example.org", "it is no address of this machine"),
        ("a" * 70, "it is no address of this machine"),
        ("127.0.0.1:8080", "it is no address of this machine"),
    ],
)
def test_what_cannot_be_listened_on_is_a_sentence_with_a_way_out(host: str, why: str) -> None:
    with pytest.raises(click.ClickException, match=why):
        refuse(host, 8080)


@pytest.mark.parametrize(
    ("number", "why"), [(errno.EACCES, "CAP_NET_BIND_SERVICE"), (errno.EAFNOSUPPORT, "no IPv6; name an IPv4")]
)
def test_what_only_other_machines_refuse_is_worded_too(number: int, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> socket.socket:
        raise OSError(number, "refused")

    monkeypatch.setattr(socket, "create_server", refused)
    with pytest.raises(click.ClickException, match=why):
        refuse("::", 80)


def test_an_address_this_machine_lacks_is_passed_over_where_a_name_has_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = socket.getaddrinfo

    def both(_host: str, port: int, **how: int) -> list[tuple[object, ...]]:
        return [*real("2001:db8::1", port, **how), *real("127.0.0.1", port, **how)]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with listening("pages.lan", 0, "web") as (listener,):
        assert listener.getsockname()[0] == "127.0.0.1"


def test_what_was_opened_is_closed_when_another_address_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(socket.create_server((FOUR, 0))) as taken:
        port = taken.getsockname()[1]
        real = socket.getaddrinfo

        def both(_host: str, port: int, **how: int) -> list[tuple[object, ...]]:
            return [*real(SIX, port, **how), *real(FOUR, port, **how)]

        monkeypatch.setattr(socket, "getaddrinfo", both)
        with pytest.raises(click.ClickException, match="another program"):
            refuse("pages.lan", port)
        monkeypatch.undo()
        assert not reached(SIX, port)


def refuse(host: str, port: int) -> None:
    """Try to listen there."""
    with listening(host, port, "console"):
        pass
