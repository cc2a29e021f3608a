"""Addresses as people write them and hosts as browsers say them."""

import pytest

from web.origins import comparable, is_at, is_origin_of, origin_of, url_of


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://import.example.org", "https://import.example.org"),
        ("https://Import.Example.ORG", "https://import.example.org"),
        ("HTTPS://import.example.org/", "https://import.example.org"),
        ("https://import.example.org.", "https://import.example.org"),
        ("https://import.example.org.:443/", "https://import.example.org"),
        ("https://import.example.org:", "https://import.example.org"),
        ("http://import.example.org:80", "http://import.example.org"),
        ("http://import.example.org:443", "http://import.example.org:443"),
        ("https://import.example.org:8443", "https://import.example.org:8443"),
        ("https://import.example.org:08443", "https://import.example.org:8443"),
        ("  https://import.example.org\n", "https://import.example.org"),
        ("https://Bücher.example", "https://xn--bcher-kva.example"),
        ("https://xn--BCHER-kva.example", "https://xn--bcher-kva.example"),
        ("https://my_host", "https://my_host"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://[2001:DB8:0:0::1]/", "https://[2001:db8::1]"),
    ],
)
def test_an_origin_is_one_however_it_is_written(written: str, origin: str) -> None:
    assert origin_of(written) == origin
    assert origin_of(origin) == origin


@pytest.mark.parametrize(
    ("written", "said"),
    [
        *[
            (f"https://example.org{rest}", "without a path")
            for rest in ("/import", "/import/", "?x=1", "/#top", "//", "//import", "/%20")
        ],
        ("https://ann@example.org", "no user"),
        ("https://ann:secret@example.org", "no user"),
        *[
            (text, "begin with https://")
            for text in ("import.example.org", "import.example.org:8080", "ftp://x", "//x")
        ],
        *[
            (f"https://{host}", "name a host")
            for host in (
                "",
                ":443",
                "a b",
                "a%41",
                "a..b",
                ".",
                "[::1",
                "[bad]",
                "::1",
                "1.2.3",
                "256.1.1.1",
                "*.x",
                "-é\ud800",
            )
        ],
        *[(f"https://x:{port}", "port") for port in ("0", "65536", "99999")],
        ("https://x:port", "name a host"),
    ],
)
def test_what_is_no_origin_is_refused_and_not_repeated(written: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        origin_of(written)
    assert "example.org" not in str(caught.value)


def test_of_an_address_with_a_path_the_host_alone_gets_another_spelling() -> None:
    assert url_of(" https://Panel.Example.org:443/Hooks/X?Y=Z ") == "https://panel.example.org/Hooks/X?Y=Z"


@pytest.mark.parametrize(
    ("said", "at"),
    [
        *[(text, True) for text in ("import.example.org", "Import.Example.Org", "import.example.org.")],
        *[(f"import.example.org:{port}", True) for port in ("443", "80", "")],
        *[(f"import.example.org{rest}", False) for rest in (":8443", ":x", "/", "?", "#", "@", ".evil.example")],
        *[(text, False) for text in ("", "evil.example", "x@import.example.org", "evil.example/import.example.org")],
        *[(f"import.example.org{blank}", False) for blank in (" ", ",evil.example", " evil.example")],
    ],
)
def test_a_host_header_is_for_us_however_a_client_writes_it(said: str, *, at: bool) -> None:
    assert is_at(said, "import.example.org") == at


def test_a_port_of_our_own_is_part_of_the_host() -> None:
    assert is_at("LOCALHOST:8080", "localhost:8080")
    assert is_at("[0::1]:8080", "[::1]:8080")
    assert not is_at("localhost", "localhost:8080")
    assert not is_at("localhost:80", "localhost:8080")


@pytest.mark.parametrize(
    ("origin", "ours"),
    [
        ("https://import.example.org", True),
        ("https://import.example.org.", True),
        ("https://import.example.org:443", True),
        ("https://import.example.org:8443", False),
        ("https://import.example.org.evil.example", False),
        ("https://import.example.org@evil.example", False),
        *[(text, False) for text in ("null", "", "import.example.org", "https://", "https://[")],
    ],
)
def test_an_origin_is_ours_by_its_host(origin: str, *, ours: bool) -> None:
    assert is_origin_of(origin, "import.example.org") == ours


def test_what_is_no_origin_compares_as_it_is() -> None:
    assert comparable("https://Panel.example.org/") == comparable("https://panel.example.org:443")
    for other in ("null", "panel", "https://panel.example.org/realms/a", "", None, 7, ["https://x"]):
        assert comparable(other) == other
