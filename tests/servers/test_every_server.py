"""The test servers themselves: each keeps mail for users of its own, and ends when the process ends that started it."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import tenacity

from emulator.servers.instance import Server
from servers.entry import letter
from servers.fixtures import EVERY_SERVER

_ROOT = Path(__file__).parents[2]
_STARTS_ONE = """
import sys
from servers.fixtures import server
from emulator.servers.certificates import authority
from emulator.servers.instance import Limits, folder

with folder() as home, server(sys.argv[1], authority(home).certify("server"), Limits()) as one:
    print(one.port, flush=True)
    sys.stdin.read()
"""


def test_a_user_has_an_empty_mailbox_of_his_own_that_keeps_mail(every_server: Server) -> None:
    ann, bob = every_server.new_user(), every_server.new_user()
    with every_server.observer(ann) as observer:
        assert observer.select_folder("INBOX")[b"EXISTS"] == 0
        observer.append("INBOX", letter())
    with every_server.observer(ann) as observer:
        assert observer.select_folder("INBOX")[b"EXISTS"] == 1
    with every_server.observer(bob) as observer:
        assert observer.select_folder("INBOX")[b"EXISTS"] == 0


@pytest.mark.parametrize("name", ["courier", "dovecot-mbox", "imap4d-mbox"])
def test_a_server_ends_with_the_process_that_started_it(name: str) -> None:
    assert name in EVERY_SERVER
    command = [sys.executable, "-c", _STARTS_ONE, name]
    environment = os.environ | {"PYTHONPATH": f"{_ROOT}:{_ROOT / 'tests'}"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as starter:
        port = int(starter.stdout.readline() if starter.stdout else b"")
        socket.create_connection(("127.0.0.1", port), 10).close()
        starter.kill()
    _await_silence(port)


@tenacity.retry(stop=tenacity.stop_after_delay(30), wait=tenacity.wait_fixed(0.05), reraise=True)
def _await_silence(port: int) -> None:
    with contextlib.suppress(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 10).close()
        raise AssertionError("it still listens")
