from collections.abc import Callable

import pytest
from browser import Browser
from hypothesis import given
from hypothesis import strategies as st
from stand_in import Google

from app.config import Config
from app.stores import Stores
from web.security import refusal_of

New = Callable[[], Browser]
HOST = "import.example.org"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"}, 303),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": ""}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "OURS"}, 403),
        ({"Sec-Fetch-Site": None, "Origin": "OURS"}, 303),
        ({"Sec-Fetch-Site": None, "Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": None, "Origin": "https://OURHOST.evil.example"}, 403),
        ({"Sec-Fetch-Site": None, "Origin": "https://evil.example/OURHOST"}, 403),
        ({"Sec-Fetch-Site": None, "Origin": "null"}, 403),
        ({"Sec-Fetch-Site": None, "Origin": ""}, 403),
        ({"Sec-Fetch-Site": None}, 403),
        ({"Sec-Fetch-Site": None, "Referer": "OURS/"}, 403),
    ],
)
def test_only_our_own_pages_may_begin_a_consent(
    headers: dict[str, str | None], status: int, browser: New, site: Config, stores: Stores
) -> None:
    host = site.web.url.removeprefix("http://")
    sent = {
        name: value and value.replace("OURHOST", host).replace("OURS", site.web.url) for name, value in headers.items()
    }
    assert browser().post("/consent", sent).status == status
    assert len(list(stores.state.scan_iter("web:session:*"))) == (status == 303)
    assert len(list(stores.keys.scan_iter("consent:*"))) == (status == 303)


def test_a_foreign_page_cannot_start_an_import(browser: New) -> None:
    customer = browser()
    place = customer.connect()
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    assert customer.post(f"{place}/start", foreign, user="ann", password="x").status == 403
    assert "until you start" in customer.get(place).text


def test_another_host_than_ours_is_turned_away(browser: New) -> None:
    for answer in (browser().get("/imports/x", {"Host": "evil.example"}), browser().post("/consent", {"Host": ""})):
        assert answer.status == 421
        assert "set-cookie" not in answer.headers


def test_a_body_is_short_and_says_how_long_it_is(browser: New) -> None:
    assert browser().post("/consent", account="x" * 70_000).status == 413
    chunked = {"Transfer-Encoding": "chunked", "Content-Length": None}
    assert browser().post("/consent", chunked).status == 411


@pytest.mark.parametrize("path", ["/", "/consent/return", "/imports/x", "/.well-known/migrator-receipt-keys.json"])
def test_every_answer_says_what_browsers_must_not_do(path: str, browser: New, google: Google) -> None:
    headers = browser().get(path).headers
    assert headers["content-security-policy"] == (
        f"default-src 'none'; form-action 'self' {google.url}; frame-ancestors 'none'; base-uri 'none'"
    )
    wanted = {
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "strict-transport-security": "max-age=63072000",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "x-frame-options": "DENY",
    }
    assert {name: headers[name] for name in wanted} == wanted
    assert "server" not in headers


def test_refusals_carry_the_same_headers(browser: New) -> None:
    customer = browser()
    for answer in (
        customer.post("/consent", {"Sec-Fetch-Site": "cross-site"}),
        customer.get("/x", {"Host": "evil.example"}),
        customer.post("/imports/x/start"),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


def test_when_a_room_behind_fails_the_browser_learns_nothing_of_it(browser: New, stores: Stores) -> None:
    customer = browser()
    customer.post("/consent")
    stores.state.config_set("maxmemory", 1)
    try:
        answer = customer.post("/consent")
    finally:
        stores.state.config_set("maxmemory", 0)
    assert (answer.status, answer.text) == (500, "Internal Server Error")
    assert answer.headers["x-content-type-options"] == "nosniff"


@given(st.dictionaries(st.sampled_from(["sec-fetch-site", "origin", "referer", "content-length"]), st.text()))
def test_whatever_a_foreign_page_sends_it_is_not_ours(headers: dict[str, str]) -> None:
    given_headers = {**headers, "host": HOST}
    says_ours = headers.get("sec-fetch-site") == "same-origin" or HOST in headers.get("origin", "")
    assert says_ours or refusal_of("POST", given_headers, HOST) is not None
