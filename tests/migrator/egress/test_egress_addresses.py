import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as some

from migrator.egress.addresses import is_public

FORBIDDEN = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255"),
    *("127.0.0.1", "127.255.255.254", "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255"),
    *("192.0.0.1", "192.0.0.170", "192.0.0.192", "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1"),
    *("192.168.1.1", "192.175.48.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1"),
    *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::a00:1", "100::1", "100:0:0:1::1", "1fff::1"),
    *("2001::1", "2001:0:4136:e378::1", "2001:2::1", "2001:4:112::1", "2001:10::1", "2001:20::1", "2001:1ff::1"),
    *("2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "2620:4f:8000::1", "3ffe::1", "3fff::1", "3fff:fff::1"),
    *("4000::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1"),
    "2a00:1450::1%eth0",
]
NO_ADDRESS = [
    *("", "localhost", "2130706433", "0x7f000001", "017700000001", "127.1", "0x7f.1", "127.0.0.1.", " 127.0.0.1"),
    *(
        "8.8.8.8/32",
        "08.8.8.8",
        "8.8.8.08",
        "\uff18.\uff18.\uff18.\uff18",
        "[2a00:1450::1]",
        "2a00:1450::1 ",
        "8.8.8.8\n",
    ),
]
ALLOWED = [
    *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1", "168.63.129.15"),
    *(
        "172.15.255.255",
        "172.32.0.1",
        "192.0.1.1",
        "192.167.255.255",
        "198.17.255.255",
        "198.20.0.1",
        "223.255.255.255",
    ),
    *("2001:200::1", "2001:4860:4860::8888", "2003::1", "2606:4700::1111", "2a00:1450:4001:829::200e", "3ffd::1"),
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_an_address_that_not_everybody_may_have_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", NO_ADDRESS)
def test_what_is_no_plain_address_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ALLOWED)
def test_what_lies_beside_the_forbidden_blocks_is_public(address: str) -> None:
    assert is_public(address)


def test_at_least_forty_forms_are_tried() -> None:
    assert len(set(FORBIDDEN)) >= 40


@given(some.ip_addresses(v=4) | some.ip_addresses(v=6))
def test_nothing_that_python_calls_private_or_multicast_is_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if not address.is_global or address.is_multicast:
        assert not is_public(str(address))


@given(some.ip_addresses(v=4))
def test_no_ipv4_address_is_public_in_the_dress_of_an_ipv6_address(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    prefixes = ("::", "::ffff:0:0", "::ffff:0:0:0", "64:ff9b::", "64:ff9b:1::")
    dressed = [int(ipaddress.IPv6Address(prefix)) | number for prefix in prefixes]
    six_to_four, teredo = 0x2002 << 112 | number << 80, 0x20010000 << 96 | (number ^ 0xFFFFFFFF)
    assert not any(is_public(str(ipaddress.IPv6Address(one))) for one in (*dressed, six_to_four, teredo))


@given(some.text())
def test_any_text_gets_an_answer(text: str) -> None:
    assert is_public(text) in {True, False}
