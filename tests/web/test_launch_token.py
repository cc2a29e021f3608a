"""What makes a launch good, claim by claim, without HTTP: confusion of algorithms, keys, types and times."""

import base64
import hmac
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OKPKey
from ways import HOST_KEY, SECRET_KEY, base64url, claims, hidden, jwks, signed, terms, without_secrets

from web.launch_token import LaunchRefused, host_keys, read_launch

AUDIENCE = "https://import.example.org"
TERMS = terms(AUDIENCE)
STRANGER = OKPKey.generate_key("Ed25519", private=True)
NOW = int(time.time())
_OF_NOW = {"iat": NOW, "exp": NOW + 60}


def code_of(token: str, now: float | None = None) -> str:
    with pytest.raises(LaunchRefused) as refused:
        read_launch(token, TERMS, time.time() if now is None else now)
    return refused.value.code


def made(header: dict[str, Any], said: dict[str, object], signature: bytes = b"") -> str:
    return ".".join(map(base64url, (json.dumps(header).encode(), json.dumps(said).encode(), signature)))


def by_hmac(header: dict[str, Any], secret: bytes) -> str:
    text = made(header, claims(AUDIENCE)).rpartition(".")[0]
    return f"{text}.{base64url(hmac.digest(secret, text.encode(), 'sha256'))}"


def test_a_good_launch_says_who_it_is_for() -> None:
    found = read_launch(signed(claims(AUDIENCE, secret=hidden("pä ss"))), TERMS, time.time())
    assert (found.customer, found.mailbox, found.password) == ("customer-7", "ann@host.example", "pä ss")
    assert not [word for word in ("ann@", "pä", found.jti) if word in repr(found)]


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": [AUDIENCE]},
        {"aud": [AUDIENCE, "https://other.example"]},
        {"aud": AUDIENCE + "/"},
        {"aud": "https://Import.Example.org.:443"},
        {"iss": TERMS.issuer.rstrip("/")},
        {"iat": NOW + 0.25, "exp": NOW + 59.75},
        {"iat": float(NOW), "exp": float(NOW + 60)},
        {"nbf": NOW},
        {"jti": "q1+/aa8sJd92ksl3jA=="},
        {"jti": "1b4e28ba-2fa1-11d2-883f-0016d3cca427"},
    ],
)
def test_a_launch_is_taken_as_libraries_write_it(changes: dict[str, object]) -> None:
    assert read_launch(signed(claims(AUDIENCE, **_OF_NOW | changes)), TERMS, NOW).customer == "customer-7"


@pytest.mark.parametrize("typ", ["launch+jwt", "Launch+JWT", "application/launch+jwt", "Application/launch+jwt"])
def test_types_compare_as_media_types_do(typ: str) -> None:
    assert read_launch(signed(claims(AUDIENCE), typ=typ), TERMS, time.time())


def test_a_customer_may_be_a_number() -> None:
    assert read_launch(signed(claims(AUDIENCE, sub=4711)), TERMS, time.time()).customer == "4711"


@pytest.mark.parametrize(
    "alg", ["none", "None", "", "HS256", "HS512", "ES256", "RS256", "Ed448", "EdDSA ", None, ["EdDSA"]]
)
def test_one_algorithm_whatever_the_header_says(alg: object) -> None:
    header = {"alg": alg, "typ": "launch+jwt", "kid": "host"}
    assert code_of(made(header, claims(AUDIENCE))) == "algorithm-wrong"


@pytest.mark.parametrize("alg", ["Ed25519", "EdDSA"])
def test_the_algorithm_may_be_called_by_its_older_name_too(alg: str) -> None:
    """RFC 9864, section 2.2; RFC 8037, section 3.1."""
    assert read_launch(signed(claims(AUDIENCE), alg=alg), TERMS, time.time()).customer == "customer-7"


def test_the_public_key_is_no_secret_of_an_hmac() -> None:
    x = base64.urlsafe_b64decode(str(HOST_KEY.as_dict(private=False)["x"]) + "=")
    for secret in (x, HOST_KEY.as_pem(private=False), json.dumps(HOST_KEY.as_dict(private=False)).encode()):
        assert code_of(by_hmac({"alg": "HS256", "typ": "launch+jwt", "kid": "host"}, secret)) == "algorithm-wrong"
        assert code_of(by_hmac({"alg": "EdDSA", "typ": "launch+jwt", "kid": "host"}, secret)) == "signature-wrong"


@pytest.mark.parametrize("kid", ["", "other", "HOST", "../host", 1, None])
def test_the_key_is_one_of_the_hosts(kid: object) -> None:
    assert code_of(signed(claims(AUDIENCE), kid=kid)) in {"key-unknown", "header-wrong"}


def test_anothers_key_under_the_hosts_name_is_not_the_hosts() -> None:
    assert code_of(signed(claims(AUDIENCE), STRANGER)) == "signature-wrong"


@pytest.mark.parametrize(
    "extra",
    [
        {"jwk": STRANGER.as_dict(private=False)},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/key"},
        {"crit": ["exp"]},
        {"b64": False},
        {"cty": "JWT"},
        {"zip": "DEF"},
    ],
)
def test_a_header_brings_nothing_along(extra: dict[str, object]) -> None:
    header = {"alg": "EdDSA", "typ": "launch+jwt", "kid": "host", **extra}
    assert code_of(made(header, claims(AUDIENCE))) in {"header-wrong", "token-unreadable"}


@pytest.mark.parametrize("typ", ["JWT", "migration-receipt+json", "", None])
def test_what_was_signed_as_something_else_is_no_launch(typ: object) -> None:
    assert code_of(signed(claims(AUDIENCE), typ=typ)) == "header-wrong"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": "https://other.example/"}, "issuer-wrong"),
        ({"iss": None}, "issuer-wrong"),
        ({"aud": "https://other.example"}, "audience-wrong"),
        ({"aud": AUDIENCE + "/x"}, "audience-wrong"),
        ({"aud": AUDIENCE + "//"}, "audience-wrong"),
        ({"aud": [[AUDIENCE]]}, "audience-wrong"),
        ({"aud": []}, "audience-wrong"),
        ({"aud": None}, "audience-wrong"),
        ({"exp": None}, "claim-malformed"),
        ({"iat": None}, "claim-malformed"),
        ({"exp": str(NOW + 30)}, "claim-malformed"),
        ({"exp": float("inf")}, "claim-malformed"),
        ({"iat": True}, "claim-malformed"),
        ({"exp": NOW + 3600}, "lifetime-wrong"),
        ({"iat": NOW, "exp": NOW}, "lifetime-wrong"),
        ({"iat": NOW - 300, "exp": NOW - 240}, "expired"),
        ({"iat": NOW + 0.5, "exp": float("nan")}, "claim-malformed"),
        ({"iat": NOW + 3000, "exp": NOW + 3060}, "expired"),
        ({"sub": None}, "claim-malformed"),
        ({"sub": ""}, "claim-malformed"),
        ({"sub": "ann@host.example"}, "claim-malformed"),
        ({"sub": "customer-7\n"}, "claim-malformed"),
        ({"sub": 7.5}, "claim-malformed"),
        ({"sub": True}, "claim-malformed"),
        ({"jti": None}, "claim-malformed"),
        ({"jti": "short"}, "claim-malformed"),
        ({"mailbox": None}, "claim-malformed"),
        ({"mailbox": "ann"}, "claim-malformed"),
        ({"mailbox": "ann@host.example\r\nx"}, "claim-malformed"),
        ({"mailbox": "a@b@host.example"}, "claim-malformed"),
        ({"secret": ""}, "secret-unreadable"),
        ({"secret": "x"}, "secret-unreadable"),
        ({"secret": 1}, "claim-malformed"),
    ],
)
def test_every_claim_is_checked(changes: dict[str, object], code: str) -> None:
    assert code_of(signed(claims(AUDIENCE, **_OF_NOW | changes)), NOW) == code


def test_clocks_may_differ_by_a_few_minutes() -> None:
    token = signed(claims(AUDIENCE, iat=NOW, exp=NOW + 60))
    for now in (NOW - 180, NOW, NOW + 239.9):
        assert read_launch(token, TERMS, now)
    assert code_of(token, NOW - 180.1) == code_of(token, NOW + 240) == "expired"


def test_a_secret_for_another_key_or_by_another_algorithm_is_not_read() -> None:
    other = OKPKey.generate_key("X25519", private=True)
    assert code_of(signed(claims(AUDIENCE, secret=hidden("x", other)))) == "secret-unreadable"
    for header in ({"alg": "ECDH-ES"}, {"enc": "A128CBC-HS256"}, {"zip": "DEF"}):
        assert code_of(signed(claims(AUDIENCE, secret=hidden("x", **header)))) == "secret-unreadable"


def test_where_no_secrets_are_taken_none_is_opened() -> None:
    token = signed(claims(AUDIENCE, secret=hidden("x")))
    with pytest.raises(LaunchRefused) as refused:
        read_launch(token, without_secrets(TERMS), time.time())
    assert refused.value.code == "secret-unexpected"


def test_a_set_of_keys_holds_named_keys_of_ed25519_alone() -> None:
    assert set(host_keys(jwks(a=HOST_KEY, b=STRANGER))) == {"a", "b"}
    public = HOST_KEY.as_dict(private=False)
    wrong: list[dict[str, object]] = [
        {"keys": [public]},
        {"keys": [{**public, "kid": "a"}, {**public, "kid": "a"}]},
        {"keys": [{**ECKey.generate_key("P-256").as_dict(private=False), "kid": "a"}]},
        {"keys": [{**SECRET_KEY.as_dict(private=False), "kid": "a"}]},
        {"keys": [{**public, "kid": "a", "x": "no"}]},
        {"keys": ["x"]},
    ]
    for found in wrong:
        with pytest.raises(ValueError, match="key of the set"):
            host_keys(found)


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_whatever_is_sent_is_refused_without_another_error(text: str) -> None:
    assert code_of(text)
    assert code_of(f"{text}.{text}.{text}")


@given(st.data())
def test_a_launch_that_was_changed_anywhere_is_refused(data: st.DataObject) -> None:
    token = signed(claims(AUDIENCE))
    place = data.draw(st.integers(0, len(token) - 2))  # stray bits at the very end are the same bytes
    letter = data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."))
    changed = token[:place] + letter + token[place + 1 :]
    if changed != token:
        assert code_of(changed)
