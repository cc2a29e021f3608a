"""Where there is no room for a kind of work, who asks for it is told to come again, and nothing was done."""

import json
import threading
from collections.abc import Iterator

import pytest
from browser import Answer, Browser, free_port, wait_for
from consents import config_for
from filling import filled
from stand_in import Google
from ways import FROM_PANEL, HOST_KEY, ISSUER, PANEL, claims, jwks, signed
from website import KEYS

from app.config import Config
from app.server import site_of
from app.serving import listening, serving
from app.stores import Stores
from web.pools import Pool, Pools

SMALL = Pools(
    sign_in=Pool("sign-in", 1),
    exchange=Pool("exchange", 1),
    preview=Pool("preview", 1),
)


@pytest.fixture(scope="module")
def small_site(
    google_process: tuple[Google, dict[str, object]], running: Stores, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Config]:
    """The pages with pools of one place each and no line."""
    port, folder = free_port(), tmp_path_factory.mktemp("small")
    folder.joinpath("panel.json").write_text(json.dumps(jwks(host=HOST_KEY)))
    folder.joinpath("master").write_text("master secret")
    web: dict[str, object] = {"url": f"http://127.0.0.1:{port}", "port": port}
    panel: dict[str, object] = {
        "origins": [PANEL],
        "issuer": ISSUER,
        "keys_file": folder / "panel.json",
        "master_user": "master",
        "master_password_file": folder / "master",
    }
    hosts: dict[str, object] = {"hosts": {"host.example": {"host": "localhost", "port": 1}}}
    config = config_for(google_process[0], running, folder, web=web, panel=panel, signin=hosts)
    stop = threading.Event()
    with (
        listening("127.0.0.1", port, "web") as listeners,
        serving(site_of(config, running, KEYS, stop, SMALL), listeners, stop, "web"),
    ):
        wait_for(config.web.url)
        yield config


@pytest.fixture
def customer(small_site: Config, google: Google, stores: Stores) -> Browser:
    _ = stores
    made = Browser(small_site.web.url, google)
    assert made.post("/launch", dict(FROM_PANEL), launch=signed(claims(small_site.web.url))).status == 303
    return made


def while_full(pool: Pool, browser: Browser, verb: str, path: str, **form: str) -> tuple[Answer, Answer]:
    """Return what is answered while a pool is full, and afterwards."""
    with filled(pool):
        refused = browser.get(path) if verb == "GET" else browser.post(path, **form)
    assert (refused.status, refused.headers["retry-after"]) == (503, "10"), refused.text
    assert "We are busy" in refused.text
    assert "set-cookie" not in refused.headers
    return refused, browser.get(path) if verb == "GET" else browser.post(path, **form)


def test_an_answer_of_google_s_is_not_used_up_and_comes_again_by_itself(customer: Browser) -> None:
    refused, later = while_full(SMALL.exchange, customer, "GET", customer.to_google())
    assert refused.headers["refresh"] == refused.headers["retry-after"]
    assert (later.status, later.place.startswith("/imports/")) == (303, True)


def test_a_password_is_not_tried(customer: Browser) -> None:
    _, later = while_full(SMALL.sign_in, customer, "POST", "/signin", address="ann@host.example", password="x")
    assert "does not answer" in later.text


def test_choices_are_shown_in_a_moment(customer: Browser) -> None:
    place = customer.connect()
    customer.post(f"{place}/confirm")
    _, later = while_full(SMALL.preview, customer, "GET", f"{place}/choices")
    assert later.status == 200
    _, later = while_full(SMALL.preview, customer, "POST", f"{place}/choices", uncounted="1", policy="one-copy")
    assert later.status == 200
