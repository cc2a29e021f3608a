from collections.abc import Iterator
from functools import partial

import pytest
from chromium import OpenWindow, chromium, window
from playwright.sync_api import Browser
from premises import Premises, premises
from scenes import scenes
from servers.fixtures import StartServer
from showing import Shown, shown
from stand_in import Google

from emulator.servers.instance import Limits


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for one file of tests: while it runs, nothing else in this thread may run an event loop."""
    with chromium() as running:
        yield running


@pytest.fixture
def open_window(browser: Browser) -> OpenWindow:
    """Open a person's browser: the origins it may ask, then options of Playwright's `new_context`."""
    return partial(window, browser)


@pytest.fixture(scope="module")
def pages() -> Iterator[Shown]:
    """Every whole page in every state, served."""
    with shown({scene.name: scene for scene in scenes() if scene.template != "standing.html"}) as served:
        yield served


@pytest.fixture(scope="session")
def there(tmp_path_factory: pytest.TempPathFactory, start_server: StartServer) -> Iterator[Premises]:
    """One installation for all; everybody has an account and a mailbox of his own in it.

    Its Dovecot has no ACLs: with them, a master user has no rights in others' mailboxes unless the host says otherwise.
    """
    server = start_server("dovecot", Limits())
    with Google() as google, premises(tmp_path_factory.mktemp("there"), google, server) as made:
        yield made
