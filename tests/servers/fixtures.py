"""The running servers as fixtures, one instance of each for a whole test run. Load by `pytest_plugins`."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from typing import Protocol

import pytest

from emulator.servers.certificates import Authority, Certificate, authority
from emulator.servers.cyrus import cyrus
from emulator.servers.dovecot import LAYOUTS, dovecot
from emulator.servers.instance import Limits, Server, folder
from emulator.servers.pymap_server import pymap

_USUAL = Limits(acl=True)


class StartServer(Protocol):
    def __call__(self, kind: str, limits: Limits = ..., layout: str = ...) -> Server: ...


@pytest.fixture(scope="session")
def test_authority() -> Iterator[Authority]:
    with folder() as home:
        yield authority(home)


@pytest.fixture(scope="session")
def server_certificate(test_authority: Authority) -> Certificate:
    return test_authority.certify("server")


@pytest.fixture(scope="session")
def start_server(server_certificate: Certificate) -> Iterator[StartServer]:
    """Start a server ("dovecot" or "cyrus") with these limits, or give the one that runs with them already."""
    with ExitStack() as stack:

        @cache
        def start(kind: str, limits: Limits = _USUAL, layout: str = "maildir") -> Server:
            if kind == "cyrus":
                return stack.enter_context(cyrus(server_certificate, limits))
            return stack.enter_context(dovecot(server_certificate, LAYOUTS[layout], limits))

        yield start


@pytest.fixture
def dovecot_server(start_server: StartServer) -> Server:
    return start_server("dovecot")


@pytest.fixture
def cyrus_server(start_server: StartServer) -> Server:
    return start_server("cyrus")


@pytest.fixture(scope="session")
def pymap_server(server_certificate: Certificate) -> Iterator[Server]:
    with pymap(server_certificate) as server:
        yield server


@pytest.fixture(params=["dovecot", "cyrus"])
def mailbox_server(request: pytest.FixtureRequest, start_server: StartServer) -> Server:
    """Dovecot (Maildir++), then Cyrus: what every mailbox must do."""
    return start_server(request.param)


@pytest.fixture(params=sorted(LAYOUTS))
def dovecot_layout(request: pytest.FixtureRequest, start_server: StartServer) -> Server:
    """Each of Dovecot's storage layouts."""
    return start_server("dovecot", layout=request.param)
