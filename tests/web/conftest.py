import threading
from collections.abc import Callable, Iterator

import pytest
from browser import Browser, free_port
from consents import config_for, stores_in
from engine import renewed
from stand_in import Google

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


@pytest.fixture(scope="session")
def site(
    google_process: tuple[Google, dict[str, object]], running: Stores, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Config]:
    """The web server, running; the value is its configuration."""
    port = free_port()
    web: dict[str, object] = {"url": f"http://127.0.0.1:{port}", "port": port}
    config = config_for(google_process[0], running, tmp_path_factory.mktemp("site"), web=web)
    stop = threading.Event()
    server = threading.Thread(target=run_server, args=(config, running, KEYS, stop))
    server.start()
    yield config
    stop.set()
    server.join()


@pytest.fixture
def stores(running: Stores) -> Stores:
    running.state.flushall()
    running.keys.flushall()
    return running


@pytest.fixture
def browser(site: Config, google: Google, stores: Stores) -> Callable[[], Browser]:
    """Make browsers, each with cookies of its own."""
    _ = stores
    return lambda: Browser(site.web.url, google)
