"""By what tries are counted, whatever a browser writes, and however many proxies stand between."""

from ipaddress import ip_network

import pytest
from starlette.requests import Request

from web.clients import Proxies, client_by, network_of, site_of

PEER = "10.0.0.7"
PUBLIC = "8.8.4.4"
OURS = (ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48"))


def request(header: str, *lines: str, peer: str | None = PEER) -> Request:
    headers = [(header.encode(), line.encode()) for line in lines]
    return Request({"type": "http", "headers": headers, "client": None if peer is None else (peer, 1)})


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:0:0:0:1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:c000:207", "192.0.2.7"),
        ("[::ffff:192.0.2.7]:443", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("[fe80::1%eth0]:443", "fe80::/64"),
        ("", ""),
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
    ("client", "site"),
    [("2001:db8:1:2::1", "2001:db8:1::/48"), ("2001:db8:1:ffff::1", "2001:db8:1::/48"), ("192.0.2.7", ""), ("", "")],
)
def test_around_an_ipv6_network_is_what_its_holder_may_have_in_all(client: str, site: str) -> None:
    assert site_of(network_of(client)) == site


NO_ADDRESSES = (
    *("", " ", "unknown", "_hidden", "_SEVKISEK", "localhost", "proxy.example", "-", ",", "192.0.2", "192.0.2.256"),
    *("3221225991", "0xc0000207", "192.0.2.07", "192.0.2.7/32", "[192.0.2.7", "2001:db8::1]", "192.0.2.7:", "[]:1"),
    *("192.0.2.7;x", "\uff11.2.3.4", "2001:db8::g", "1.2.3.4, 5.6.7.8", "for=192.0.2.7", "192.0.2.7 x", "[x]:1"),
)


@pytest.mark.parametrize("said", NO_ADDRESSES)
@pytest.mark.parametrize("header", ["x-real-ip", "x-forwarded-for"])
def test_what_is_no_address_counts_as_the_peer(header: str, said: str) -> None:
    said = said.replace("1.2.3.4, 5.6.7.8", "1.2.3.4, x") if header == "x-forwarded-for" else said
    asked = Request({"type": "http", "headers": [(header.encode(), said.encode("utf-8"))], "client": (PEER, 1)})
    assert client_by(Proxies(header), asked) == PEER


@pytest.mark.parametrize(
    ("count", "lines", "client"),
    [
        (1, ["192.0.2.7"], "192.0.2.7"),
        (1, ["203.0.113.9, 2001:db8::7"], "2001:db8::/64"),
        (1, ["203.0.113.9", "192.0.2.7"], "192.0.2.7"),
        (1, ["203.0.113.9,", "192.0.2.7:4711"], "192.0.2.7"),
        (1, ["192.0.2.7, "], PEER),
        (1, [], PEER),
        (2, ["192.0.2.7"], PEER),
        (2, ["192.0.2.7, 10.1.1.1"], "192.0.2.7"),
        (2, ["203.0.113.9, 192.0.2.7", "10.1.1.1"], "192.0.2.7"),
        (3, ["203.0.113.9, 192.0.2.7", "10.1.1.1", "10.1.1.2"], "192.0.2.7"),
        (2, ["203.0.113.9, unknown, 10.1.1.1"], PEER),
    ],
)
def test_of_a_list_the_entry_counts_that_the_outermost_of_our_proxies_wrote(
    count: int, lines: list[str], client: str
) -> None:
    assert client_by(Proxies("x-forwarded-for", count), request("x-forwarded-for", *lines)) == client


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        (["192.0.2.7"], "192.0.2.7"),
        (["203.0.113.9, 192.0.2.7, 10.1.1.1"], "192.0.2.7"),
        (["203.0.113.9, 192.0.2.7", "10.1.1.1, [2001:db8:ffff::1]:443"], "192.0.2.7"),
        (["203.0.113.9, unknown, 10.1.1.1"], PEER),
        (["10.1.1.1"], "10.1.1.1"),
        ([], PEER),
    ],
)
def test_where_our_proxies_networks_are_named_the_nearest_entry_beyond_them_counts(
    lines: list[str], client: str
) -> None:
    assert client_by(Proxies("x-forwarded-for", networks=OURS), request("x-forwarded-for", *lines)) == client


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        (['for="[2001:db8:cafe::17]:4711"'], "2001:db8:cafe::/64"),
        (["for=203.0.113.9, For=192.0.2.7;proto=https;by=10.1.1.1"], "192.0.2.7"),
        (['for="203.0.113.9', "for=192.0.2.7"], "192.0.2.7"),
        (["for=192.0.2.7;for=203.0.113.9"], PEER),
        (["for=_hidden"], PEER),
        (["for=unknown;proto=https"], PEER),
        (["proto=https"], PEER),
        (["192.0.2.7"], PEER),
    ],
)
def test_the_standards_own_list_is_read_the_same_way(lines: list[str], client: str) -> None:
    assert client_by(Proxies("forwarded"), request("forwarded", *lines)) == client


def test_a_header_for_one_address_that_comes_twice_is_not_our_proxys_alone() -> None:
    assert client_by(Proxies("x-real-ip"), request("x-real-ip", "203.0.113.9", "192.0.2.7")) == PEER


@pytest.mark.parametrize("header", ["x-real-ip", "x-forwarded-for", "forwarded"])
def test_who_comes_from_the_internet_is_no_proxy_whatever_he_says(header: str) -> None:
    said = "for=192.0.2.7" if header == "forwarded" else "192.0.2.7"
    assert client_by(Proxies(header), request(header, said, peer=PUBLIC)) == PUBLIC
    named = Proxies(header, networks=(ip_network(f"{PUBLIC}/32"),))
    assert client_by(named, request(header, said, peer=PUBLIC)) == "192.0.2.7"
    assert client_by(named, request(header, said)) == PEER


@pytest.mark.parametrize("peer", [None, ""])
def test_over_a_unix_socket_comes_our_proxy(peer: str | None) -> None:
    assert client_by(Proxies("x-real-ip"), request("x-real-ip", "192.0.2.7", peer=peer)) == "192.0.2.7"
    assert client_by(Proxies("x-real-ip"), request("x-real-ip", "unknown", peer=peer)) == ""


def test_without_a_header_no_header_counts() -> None:
    assert client_by(Proxies(), request("x-forwarded-for", "192.0.2.7")) == PEER
    assert client_by(Proxies(), request("x-real-ip", "192.0.2.7", peer="::ffff:8.8.4.4")) == PUBLIC
