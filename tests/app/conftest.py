from collections.abc import Iterator

import pytest
from engine import renewed
from redis import Redis
from stand_in import Google

from app.embedded import start


@pytest.fixture(scope="session")
def google_process() -> Iterator[tuple[Google, dict[str, object]]]:
    with Google() as google:
        yield google, google.control("settings")


@pytest.fixture
def google(google_process: tuple[Google, dict[str, object]], monkeypatch: pytest.MonkeyPatch) -> Google:
    """The stand-in as if just started; oauthlib is told that http on the loopback is meant."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    return renewed(*google_process)


@pytest.fixture
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A store of its own, empty."""
    with start(tmp_path_factory.mktemp("app"), persistent=False) as store, Redis.from_url(store.url) as client:
        yield client
