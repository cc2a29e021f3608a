"""A refused launch in test mode: its developer reads why, and nothing that was sent; in production, nobody does."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from fastapi import FastAPI
from joserfc.jwk import OKPKey
from ways import FROM_PANEL, Client, claims, entrance, hidden, panel, serving, signed

import web.launch
import web.launch_token
import web.minted
from app.stores import Stores
from web.launch import launch_routes
from web.refused import WHY

STRANGER = OKPKey.generate_key("Ed25519", private=True)


@pytest.fixture(scope="module")
def url(running: Stores) -> Iterator[str]:
    def build(url: str) -> FastAPI:
        site = FastAPI()
        site.include_router(launch_routes(entrance(running), panel(url, test_mode=True)))
        return site

    with serving(build) as found:
        yield found


def refused(url: str, **changes: object) -> str:
    answer = Client(url).launch(signed(claims(url, **changes)))
    assert answer.status == 403
    return unescape(answer.text)


@pytest.mark.parametrize(
    ("changes", "code", "about"),
    [
        ({"iss": "https://other.example/"}, "issuer-wrong", "claim iss"),
        ({"aud": "https://other.example"}, "audience-wrong", "claim aud"),
        ({"iat": 1, "exp": 61}, "expired", "claims iat, exp"),
        ({"iat": 1, "exp": 9999}, "lifetime-wrong", "claims iat, exp"),
        ({"iat": "now"}, "claim-malformed", "claim iat"),
        ({"exp": None}, "claim-malformed", "claim exp"),
        ({"sub": "ann@host.example"}, "claim-malformed", "claim sub"),
        ({"mailbox": "ann"}, "claim-malformed", "claim mailbox"),
        ({"jti": "short"}, "claim-malformed", "claim jti"),
        ({"secret": 7}, "claim-malformed", "claim secret"),
        ({"secret": "no JWE"}, "secret-unreadable", "claim secret"),
    ],
)
def test_the_page_names_the_code_and_the_claim(changes: dict[str, object], code: str, about: str, url: str) -> None:
    assert f"{code} ({about}): " in refused(url, **changes)


def test_the_page_repeats_nothing_that_was_sent(url: str) -> None:
    token = signed(claims(url, sub="customer-canary", mailbox="canary@host.example", secret=hidden("canary")), STRANGER)
    page = Client(url).launch(token).text
    assert "signature-wrong" in page
    assert not [word for word in ("canary", token, *token.split(".")) if word in page]


def test_a_page_whose_policy_hides_its_origin_is_told_so(url: str) -> None:
    answer = Client(url).launch(signed(claims(url)), {**FROM_PANEL, "Origin": "null"})
    assert "origin-foreign (header Origin): " in answer.text
    assert "Referrer-Policy" in answer.text


def test_every_code_has_its_reason() -> None:
    sources = [Path(str(module.__file__)).read_text() for module in (web.launch, web.launch_token, web.minted)]
    codes = {code for source in sources for code in re.findall(r'LaunchRefused\("([a-z-]+)"', source)}
    assert codes == WHY.keys()
