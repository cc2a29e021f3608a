from collections.abc import Callable, Iterator
from itertools import count

import pytest
from browser import Browser
from consents import emptied, stores_in
from engine import renewed
from stand_in import Google
from ways import FROM_PANEL, claims, signed
from website import served

from app.config import Config
from app.stores import Stores


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
