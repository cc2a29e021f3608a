"""The running servers as fixtures, one instance of each for a whole test run. Load by `pytest_plugins`."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from .certificates import Authority, Certificate, authority
from .cyrus import cyrus
from .dovecot import LAYOUTS, Limits, dovecot
from .instance import Server, folder
from .pymap_server import pymap


@pytest.fixture(scope="session")
def test_authority() -> Iterator[Authority]:
    with folder() as home:
        yield authority(home)


@pytest.fixture(scope="session")
def server_certificate(test_authority: Authority) -> Certificate:
    return test_authority.certify("server")


@pytest.fixture(scope="session")
def dovecot_server(server_certificate: Certificate) -> Iterator[Server]:
    with dovecot(server_certificate, limits=Limits(acl=True)) as server:
        yield server


@pytest.fixture(scope="session")
def cyrus_server(server_certificate: Certificate) -> Iterator[Server]:
    with cyrus(server_certificate) as server:
        yield server


@pytest.fixture(scope="session")
def pymap_server(server_certificate: Certificate) -> Iterator[Server]:
    with pymap(server_certificate) as server:
        yield server


@pytest.fixture(scope="session")
def started(server_certificate: Certificate) -> Iterator[dict[str, Server]]:
    """Servers of the parametrised fixtures, started when first asked for and kept to the end."""
    with ExitStack() as stack:
        yield _Started(server_certificate, stack)


class _Started(dict[str, Server]):
    def __init__(self, certificate: Certificate, stack: ExitStack) -> None:
        super().__init__()
        self._certificate = certificate
        self._stack = stack

    def __missing__(self, layout: str) -> Server:
        self[layout] = self._stack.enter_context(dovecot(self._certificate, LAYOUTS[layout]))
        return self[layout]


@pytest.fixture(params=["dovecot", "cyrus"])
def mailbox_server(request: pytest.FixtureRequest) -> Server:
    """Dovecot (Maildir++), then Cyrus: what every mailbox must do."""
    server: Server = request.getfixturevalue(f"{request.param}_server")
    return server


@pytest.fixture(params=sorted(LAYOUTS))
def dovecot_layout(request: pytest.FixtureRequest, started: dict[str, Server]) -> Server:
    """Each of Dovecot's storage layouts."""
    return started[request.param]
