import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from browser import Browser, free_port, wait_for
from consents import config_for, emptied, stores_in
from engine import renewed
from stand_in import Google
from ways import FROM_PANEL, HOST_KEY, ISSUER, PANEL, claims, jwks, signed

from app.config import Config
from app.server import run_server
from app.stores import Stores

KEYS = {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": "AA"}]}


@pytest.fixture(scope="session")
def google_process() -> Iterator[tuple[Google, dict[str, object]]]:
    with Google() as google:
        yield google, google.control("settings")


@pytest.fixture
def google(google_process: tuple[Google, dict[str, object]]) -> Google:
    """The stand-in as if just started."""
    return renewed(*google_process)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    with stores_in(tmp_path_factory.mktemp("web")) as stores:
        yield stores


@contextmanager
def served(google: Google, stores: Stores, folder: Path, **places: str) -> Iterator[Config]:
    """Serve the pages; give the configuration. `places` are addresses of Google's other than the stand-in's own."""
    port = free_port()
    (folder / "panel.json").write_text(json.dumps(jwks(host=HOST_KEY)))
    (folder / "master").write_text("master secret")
    web: dict[str, object] = {"url": f"http://127.0.0.1:{port}", "port": port, "name": "Example Mail"}
    panel: dict[str, object] = {
        "origins": [PANEL],
        "issuer": ISSUER,
        "keys_file": folder / "panel.json",
        "master_user": "master",
        "master_password_file": folder / "master",
    }
    usual = config_for(google, stores, folder, web=web, panel=panel)
    config = usual.model_copy(update={"google": usual.google.model_copy(update=places)})
    stop = threading.Event()
    server = threading.Thread(target=run_server, args=(config, stores, KEYS, stop))
    server.start()
    wait_for(config.web.url)
    yield config
    stop.set()
    server.join()


@pytest.fixture(scope="session")
def site(
    google_process: tuple[Google, dict[str, object]], running: Stores, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Config]:
    """The web server, running; the value is its configuration."""
    with served(google_process[0], running, tmp_path_factory.mktemp("site")) as config:
        yield config


@pytest.fixture
def stores(running: Stores) -> Stores:
    return emptied(running)


@pytest.fixture
def stranger(site: Config, google: Google, stores: Stores) -> Callable[[], Browser]:
    """Make browsers that nobody let in, each with cookies of its own."""
    _ = stores
    return lambda: Browser(site.web.url, google)


@pytest.fixture
def browser(site: Config, stranger: Callable[[], Browser]) -> Callable[[], Browser]:
    """Make browsers of customers whom the panel has launched, each another one unless named."""
    numbers = count(1)

    def launched(customer: str = "") -> Browser:
        made = stranger()
        token = signed(claims(site.web.url, sub=customer or f"customer-{next(numbers)}"))
        assert made.post("/launch", dict(FROM_PANEL), launch=token).status == 303
        return made

    return launched
