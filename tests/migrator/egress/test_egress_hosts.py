import re
import socket
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from migrator.egress import check_port, checked_host
from migrator.errors import HostNotAllowed

IP_IN_ALL_SPELLINGS = [
    *("127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0x7f.0x0.0x0.0x1", "0177.0.0.1"),
    *("017700000001", "0x7F.0.0.0x1", "127.0.0.1.", "127.0.0.0x1", "8.8.8.8", "8.8", "00000000010.8.8.8"),
    *(
        "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
        "\uff11\uff12\uff17。\uff10。\uff10。\uff11",
        "①②⑦.0.0.1",
        "127。0。0。1",
        "٣.٣.٣.٣",
        "²130706433",
        "127.0.0.\U0001d7cf",
    ),
    *(
        "::1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "fe80::1%eth0",
        "[fe80::1%25eth0]",
        "2a00:1450::1",
        "::",
        "0:0:0:0:0:0:0:1",
    ),
]
NO_NAMES = [
    *(
        "",
        ".",
        "..",
        "a",
        "localhost",
        "LOCALHOST",
        "\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54",
        "mailhost",
        "localhost.localdomain",
    ),
    *("imap.example.com.", "imap.example.com..", ".imap.example.com", "imap..example.com", "imap.example.com。"),
    *("imap.example.com:993", "user@imap.example.com", "user:pass@imap.example.com", "imaps://imap.example.com"),
    *("imap.example.com/", "imap.example.com#x", "imap.example.com?x", "//imap.example.com", "\\\\imap.example.com"),
    *(" imap.example.com", "imap.example.com ", "imap example.com", "imap.example.com\n", "imap.example.com\r\nX"),
    *("imap.example.com\0", "imap.example.com\0.evil.com", "imap\t.example.com", "im\x7fap.example.com"),
    *("imap\u00ad.example.com", "imap\u200b.example.com", "imap\u200d.example.com", "\u202eimap.example.com"),
    *("-imap.example.com", "imap-.example.com", "imap_1.example.com", "*.example.com", "imap.example.c0m"),
    *("imap.example.1", "imap.example.0x1", "imap.example.-a", "imap.example.a", "imap.example." + "a" * 64),
    *(
        "xn--.com",
        "xn--a.com",
        "xn--80ak6aa92e-.com",
        "XN--ls8h.la",
        "xn--imap-9.example.com",
        "im\ud800ap.example.com",
    ),
    *("MÜLLER.example.com", "mu\u0308ller.example.com", "\u0301imap.example.com", "imap.example.com%00"),
    *("a" * 64 + ".example.com", "a." * 127 + "com", "é" * 100_000 + ".com"),
]
SPECIAL = [
    *("imap.localhost", "imap.LOCAL", "metadata.google.internal", "imap.test", "imap.invalid", "imap.example"),
    *("1.0.0.127.in-addr.arpa", "router.home.arpa", "mail.onion", "mail.alt", "mail.corp", "mail.lan", "mail.home"),
    *("imap.intranet", "imap.private", "imap.mail", "ip6.localdomain"),
]


def refused(text: str) -> HostNotAllowed:
    with pytest.raises(HostNotAllowed) as raised:
        checked_host(text)
    return raised.value


@pytest.mark.parametrize("text", [*IP_IN_ALL_SPELLINGS, *NO_NAMES, *SPECIAL], ids=lambda text: ascii(text)[:40])
def test_what_is_no_full_public_name_is_refused_in_one_word(text: str) -> None:
    assert str(refused(text)) == "host-not-allowed"
    assert refused(text).args == ("host-not-allowed", "")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("imap.example.com", "imap.example.com"),
        ("IMAP.Example.COM", "imap.example.com"),
        ("4mail.example.com", "4mail.example.com"),
        ("a.bc", "a.bc"),
        ("imap.müller.de", "imap.xn--mller-kva.de"),
        ("imap.faß.de", "imap.xn--fa-hia.de"),
        ("imap.xn--mller-kva.de", "imap.xn--mller-kva.de"),
        ("почта.рф", "xn--80a1acny.xn--p1ai"),
        ("127.0.0.1.nip.io", "127.0.0.1.nip.io"),
        ("a" * 63 + ".com", "a" * 63 + ".com"),
        (".".join(["a" * 49] * 5) + ".fr", ".".join(["a" * 49] * 5) + ".fr"),
    ],
)
def test_a_full_name_is_taken_in_ascii_and_small_letters(text: str, name: str) -> None:
    assert checked_host(text) == name
    assert checked_host(name) == name


def test_a_name_may_have_253_characters_and_no_more() -> None:
    longest = ".".join(["a" * 62] * 4)[:-4] + ".com"
    assert len(longest) + 2 == 253
    assert checked_host(f"b.{longest}")
    refused(f"bb.{longest}")
    longer = ".".join(["ü" * 45] * 5)
    assert len(longer) < 253 - len(".com")
    assert checked_host(longer[46:] + ".com")
    refused(longer + ".com")


def is_taken_for_an_address(name: str) -> bool:
    """Ask the system itself whether it takes a text for an address."""
    try:
        socket.getaddrinfo(name, 993, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return False
    return True


def allowed(text: str) -> str:
    try:
        return checked_host(text)
    except HostNotAllowed:
        return ""


NUMBERS = some.integers(0, 2**32).flatmap(lambda n: some.sampled_from([str(n), hex(n), f"0{n:o}", f"{n:#X}"]))


@given(some.lists(NUMBERS, min_size=1, max_size=4).map(".".join))
@example("127.0.0.1")
def test_no_number_in_any_notation_is_a_name(text: str) -> None:
    refused(text)


@given(
    some.text() | some.text(string.ascii_letters + string.digits + ".-xX\uff10\uff11\uff12\uff1a。[]%@ \n").filter(bool)
)
def test_what_is_taken_is_a_name_and_nothing_else(text: str) -> None:
    if name := allowed(text):
        assert re.fullmatch(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]", name)
        assert len(name) <= 253
        assert not is_taken_for_an_address(name)
        assert checked_host(name) == name


@pytest.mark.parametrize(("port", "tls"), [(993, "implicit"), (143, "starttls")])
def test_the_two_ports_of_imap_are_taken(port: int, tls: str) -> None:
    check_port(port, tls)


@pytest.mark.parametrize(
    ("port", "tls"),
    [
        *((993, "starttls"), (993, "none"), (143, "implicit"), (143, "none"), (25, "starttls"), (443, "implicit")),
        *((6379, "none"), (0, "implicit"), (-1, "implicit"), (65536 + 993, "implicit")),
    ],
)
def test_any_other_port_is_refused(port: int, tls: str) -> None:
    with pytest.raises(HostNotAllowed):
        check_port(port, tls)
