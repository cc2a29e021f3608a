import re
from collections.abc import Callable

import pytest
from browser import Browser
from hypothesis import given
from hypothesis import strategies as st
from stand_in import Google

from app.config import Config
from app.stores import Stores
from jobs.requests import history
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
    customer = browser()
    before = dict(customer.cookies)
    assert customer.post("/consent", sent).status == status
    assert customer.cookies == before
    assert len(list(stores.keys.scan_iter("consent:*"))) == (status == 303)


@pytest.mark.parametrize("what", ["confirm", "start-over", "choices", "reconnect", "pause", "resume", "cancel"])
def test_a_foreign_page_cannot_ask_anything_of_an_import(what: str, browser: New, stores: Stores) -> None:
    customer = browser()
    place = customer.connect()
    before = history(stores.state, place.removeprefix("/imports/"))
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    assert customer.post(f"{place}/{what}", foreign, do="start").status == 403
    assert history(stores.state, place.removeprefix("/imports/")) == before


def test_another_host_than_ours_is_turned_away(browser: New) -> None:
    for answer in (browser().get("/imports/x", {"Host": "evil.example"}), browser().post("/consent", {"Host": ""})):
        assert answer.status == 421
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("written", ["HOST:PORT", "HOST.:PORT", "[::ffff:127.0.0.1]:PORT"])
def test_our_host_is_ours_however_a_client_writes_it(written: str, stranger: New, site: Config) -> None:
    host, port = site.web.url.removeprefix("http://").split(":")
    answer = stranger().get("/", {"Host": written.replace("HOST", host).replace("PORT", port)})
    assert (answer.status == 421) == written.startswith("["), "another address of this machine is another host"


@pytest.mark.parametrize("host", ["Import.Example.org", "import.example.org.", "import.example.org:443"])
@pytest.mark.parametrize("origin", ["https://import.example.org", "https://import.example.org."])
def test_a_browser_of_before_fetch_metadata_is_let_through_by_its_origin(host: str, origin: str) -> None:
    assert refusal_of("GET", {"host": host}, HOST) is None
    assert refusal_of("POST", {"host": host, "origin": origin}, HOST) is None
    assert refusal_of("POST", {"host": host, "origin": f"{origin}:8443"}, HOST) == 403


def test_a_body_is_short_and_says_how_long_it_is(browser: New) -> None:
    assert browser().post("/consent", account="x" * 70_000).status == 413
    assert browser().post("/imports/x/choices", keep="x" * 70_000).status == 404, "all labels fit into that form"
    assert browser().post("/imports/x/choices", keep="x" * 1_100_000).status == 413
    chunked = {"Transfer-Encoding": "chunked", "Content-Length": None}
    assert browser().post("/consent", chunked).status == 411


@pytest.mark.parametrize("path", ["/", "/consent/return", "/imports/x", "/.well-known/migrator-receipt-keys.json"])
def test_every_answer_says_what_browsers_must_not_do(path: str, browser: New, google: Google) -> None:
    headers = browser().get(path).headers
    assert headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        f"form-action 'self' {google.url}; frame-ancestors 'none'; base-uri 'none'"
    )
    wanted = {
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "strict-transport-security": "max-age=63072000",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "origin-agent-cluster": "?1",
        "x-frame-options": "DENY",
    }
    assert {"camera=()", "geolocation=()", "microphone=()"} <= set(headers["permissions-policy"].split(", "))
    assert {name: headers[name] for name in wanted} == wanted
    assert "server" not in headers


def test_a_static_file_may_be_kept_for_ever_by_the_digest_of_its_content(stranger: New) -> None:
    page = stranger().get("/")
    (place,) = re.findall(r'href="(/static/style\.css\?v=[0-9a-f]{12})"', page.text)
    assert stranger().get(place).headers["cache-control"] == "public, max-age=31536000, immutable"
    for other in ("/static/style.css", "/static/none.css?v=1", "/?v=1"):
        assert stranger().get(other).headers["cache-control"] == "no-store"


def test_no_file_beside_the_static_ones_is_served(stranger: New) -> None:
    for path in ("/static/../session.py", "/static/%2e%2e/session.py", "/static/..%2fsession.py", "/static/"):
        assert stranger().get(path).status == 404


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
    customer = browser("customer-odd")
    stores.state.set("jobs:of:customer-odd", "no list", ex=60)
    answer = customer.get("/")
    assert (answer.status, "Something went wrong on our side" in answer.text) == (500, True)
    assert not any(word in answer.text for word in ("WRONGTYPE", "jobs:of", "Redis", "Traceback"))
    assert answer.headers["x-content-type-options"] == "nosniff"


@given(st.dictionaries(st.sampled_from(["sec-fetch-site", "origin", "referer", "content-length"]), st.text()))
def test_whatever_a_foreign_page_sends_it_is_not_ours(headers: dict[str, str]) -> None:
    given_headers = {**headers, "host": HOST}
    says_ours = headers.get("sec-fetch-site") == "same-origin" or HOST in headers.get("origin", "")
    assert says_ours or refusal_of("POST", given_headers, HOST) is not None
