"""The running servers as fixtures, one instance of each for a whole test run. Load by `pytest_plugins`."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import cache
from typing import Protocol

import pytest

from emulator.servers.certificates import Authority, Certificate, authority
from emulator.servers.courier import courier
from emulator.servers.cyrus import STYLES, cyrus
from emulator.servers.dovecot import LAYOUTS, dovecot
from emulator.servers.imap4d import STORES, imap4d
from emulator.servers.instance import Limits, Server, folder
from emulator.servers.pymap_server import pymap

_USUAL = Limits(acl=True)

EVERY_SERVER = [
    *(f"dovecot-{layout}" for layout in LAYOUTS),
    *(f"cyrus-{style}" for style in STYLES),
    "courier",
    *(f"imap4d-{store}" for store in STORES),
]
"""Each server in each of its ways to store mail and to name folders."""


class StartServer(Protocol):
    def __call__(self, kind: str, limits: Limits = ..., layout: str = ...) -> Server: ...


def server(name: str, certificate: Certificate, limits: Limits) -> AbstractContextManager[Server]:
    """Start one of `EVERY_SERVER`; a kind alone is the first of its layouts."""
    kind, _, layout = name.partition("-")
    match kind:
        case "cyrus":
            return cyrus(certificate, limits, STYLES[layout or "below"])
        case "courier":
            if os.geteuid() != 0:
                missing = pytest.fail if os.environ.get("CI") else pytest.skip
                missing("Courier needs root, for a mount namespace of its own")
            return courier(certificate)
        case "imap4d":
            return imap4d(certificate, "mbox" if layout == "mbox" else "maildir")
        case _:
            return dovecot(certificate, LAYOUTS[layout or "maildir"], limits)


@pytest.fixture(scope="session")
def test_authority() -> Iterator[Authority]:
    with folder() as home:
        yield authority(home)


@pytest.fixture(scope="session")
def server_certificate(test_authority: Authority) -> Certificate:
    return test_authority.certify("server")


@pytest.fixture(scope="session")
def start_server(server_certificate: Certificate) -> Iterator[StartServer]:
    """Start one of `EVERY_SERVER` with these limits, or give the one that runs with them already."""
    with ExitStack() as stack:

        @cache
        def start(kind: str, limits: Limits = _USUAL, layout: str = "") -> Server:
            return stack.enter_context(server(f"{kind}-{layout}" if layout else kind, server_certificate, limits))

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


@pytest.fixture(params=EVERY_SERVER)
def every_server(request: pytest.FixtureRequest, start_server: StartServer) -> Server:
    """Each server in each layout: what is to be true anywhere."""
    return start_server(request.param)
