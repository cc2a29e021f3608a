"""When two spellings are one address, and one host."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.addresses import account_key, domain_of, mailbox_key
from migrator.hostnames import host_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ann.smith@gmail.com", "annsmith@gmail.com"),
        ("a.n.n.s.m.i.t.h@gmail.com", "annsmith@gmail.com"),
        ("Ann.Smith@GMail.Com", "annsmith@gmail.com"),
        ("annsmith@googlemail.com", "ann.smith@gmail.com"),
        ("ann.smith+shop@gmail.com", "annsmith@gmail.com"),
        ("ann.smith+a.b+c@googlemail.com", "annsmith@gmail.com"),
        ("annsmith@gmail.com.", "annsmith@gmail.com"),
        (" annsmith@gmail.com ", "annsmith@gmail.com"),
        ("annsmith@gmail。com", "annsmith@gmail.com"),
        ("Ann@Company.Example", "ann@company.example"),
        ("ann+shop@company.example", "ann@company.example"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@BÜCHER.example.", "ann@xn--bcher-kva.example"),
    ],
)
def test_an_account_is_one_however_it_is_written(one: str, other: str) -> None:
    assert account_key(one) == account_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ann@company.example", "a.nn@company.example"),
        ("ann@company.example", "ann@gmail.com"),
        ("ann@gmail.com.example", "ann@gmail.com"),
        ("ann@mail.gmail.com", "ann@gmail.com"),
        ("ann-smith@gmail.com", "annsmith@gmail.com"),
        ("ann_smith@gmail.com", "annsmith@gmail.com"),
        ("ann@straße.example", "ann@strasse.example"),
        ("annsmith", "annsmith@gmail.com"),
    ],
)
def test_accounts_that_differ_are_told_apart(one: str, other: str) -> None:
    assert account_key(one) != account_key(other)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("Ann@Host.Example", "ann@host.example"),
        ("ann@host.example.", "ann@host.example"),
        ("ann@BÜCHER.example", "ann@xn--bcher-kva.example"),
        ("ann.b+tag@host.example", "ann.b+tag@host.example"),
        ("Ann", "ann"),
        ('"a@b"@host.example', '"a@b"@host.example'),
        ("", ""),
    ],
)
def test_in_a_mailboxs_address_the_domain_compares_as_hosts_do_and_the_rest_but_for_case(
    written: str, key: str
) -> None:
    assert mailbox_key(written) == key


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("Example.ORG", "example.org"),
        ("example.org.", "example.org"),
        ("  example.org\n", "example.org"),
        ("Bücher.Example", "xn--bcher-kva.example"),
        ("bu\u0308cher.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("bücher。example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("☕.example", "xn--53h.example"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("my_host.lan", "my_host.lan"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("not\u0000a\ud800host", "not\u0000a\ud800host"),
        ("", ""),
    ],
)
def test_a_host_is_one_however_it_is_written(written: str, key: str) -> None:
    assert host_key(written) == key


@given(st.text())
def test_nothing_is_too_odd_to_compare(text: str) -> None:
    for key_of in (host_key, mailbox_key, domain_of, account_key):
        assert key_of(text) == key_of(f" {text} ")
