"""The API of an installation, as its web server serves it, with a token that the command line made."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import tenacity
from browser import free_port
from consents import config_for
from stand_in import Google
from ways import FROM_PANEL, PANEL, Client

from app.api_tokens import add_token
from app.server import run_server
from app.stores import Stores
from jobs import audit, requests
from jobs.audit import Act
from web.api.tokens import Scope


@pytest.fixture
def place(google: Google, stores: Stores, tmp_path: Path) -> Iterator[tuple[Client, str]]:
    """A server with an API, and a token for it."""
    port = free_port()
    token = add_token(tmp_path / "tokens", "panel", frozenset(Scope))
    config = config_for(
        google,
        stores,
        tmp_path,
        web={"url": f"http://127.0.0.1:{port}", "port": port},
        panel={"origins": [PANEL]},
        api={"tokens_file": tmp_path / "tokens"},
        mailbox={"host": "imap.host.example"},
    )
    stop = threading.Event()
    server = threading.Thread(target=run_server, args=(config, stores, {"keys": []}, stop))
    server.start()
    client = Client(config.web.url)
    answers = tenacity.Retrying(
        stop=tenacity.stop_after_delay(60),
        wait=tenacity.wait_fixed(0.1),
        retry=tenacity.retry_if_exception_type(OSError),
    )
    answers(client.ask, "GET", "/")
    yield client, token
    stop.set()
    server.join()


def test_a_launch_made_by_the_panel_opens_the_pages_for_its_customer(place: tuple[Client, str]) -> None:
    client, token = place
    wish = {"customer": "customer-7", "mailbox": "ann@host.example", "password": "open sesame"}
    status, made = client.call("POST", "/launches", token, wish)
    assert (status, made["url"]) == (201, f"{client.url}/launch")
    assert "/signout" not in client.ask("GET", "/").text
    assert client.launch(made["code"], FROM_PANEL).status == 303
    assert "/signout" in client.ask("GET", "/").text


def test_what_the_panel_does_is_written_down_as_the_panels(place: tuple[Client, str], stores: Stores) -> None:
    client, token = place
    migration = requests.create(stores.state, "customer-7").id
    status, told = client.call("POST", f"/customers/customer-7/migrations/{migration}/cancel", token)
    assert (status, told["state"]) == (200, "finishing")
    (entry,) = audit.entries(stores.state, migration)
    assert (str(entry.actor), entry.act) == ("panel", Act.CANCELLED)


def test_the_api_describes_itself_without_a_script_and_under_the_same_headers_as_the_pages(
    place: tuple[Client, str],
) -> None:
    client, _ = place
    page, document = client.ask("GET", "/api/v1/docs"), client.ask("GET", "/api/v1/openapi.json")
    assert page.status == document.status == 200
    assert "<script" not in page.text
    assert json.loads(document.text)["openapi"].startswith("3.1")
    for answer in (page, document):
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
    assert client.call("GET", "/customers/customer-7/card")[0] == 401
