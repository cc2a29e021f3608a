from collections.abc import Iterator

import idp
import pytest
from consents import emptied, stores_in
from front_desk import config_of, open_console

from app.config import Config
from app.stores import Stores


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    with stores_in(tmp_path_factory.mktemp("operator")) as stores:
        stores.state.config_set("appendfsync", "always")  # so that nobody waits for the disk
        yield stores


@pytest.fixture(scope="session")
def provider_process() -> Iterator[idp.Provider]:
    with idp.provider() as made:
        yield made


@pytest.fixture
def provider(provider_process: idp.Provider) -> idp.Provider:
    """The single sign-on as if just started."""
    return provider_process.renew()


@pytest.fixture(scope="session")
def console_config(running: Stores, provider_process: idp.Provider, tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The configuration of a console with a single sign-on."""
    folder = tmp_path_factory.mktemp("console")
    (folder / "sso-secret").write_text(idp.SECRET)
    sso = {
        "issuer": provider_process.url,
        "client_id": idp.CLIENT,
        "client_secret_file": folder / "sso-secret",
        "viewers": ["mail-viewers"],
        "operators": ["mail-operators"],
        "admins": ["mail-admins"],
    }
    return config_of(running, folder, sso=sso)


@pytest.fixture(scope="session")
def console_url(running: Stores, console_config: Config) -> Iterator[str]:
    """The console, running."""
    with open_console(console_config, running) as url:
        yield url


@pytest.fixture
def stores(running: Stores) -> Stores:
    return emptied(running)


@pytest.fixture
def url(console_url: str, stores: Stores) -> str:
    """The console with empty stores."""
    _ = stores
    return console_url
