"""Work that goes through the doors left open: a small migration in one slice; found by its name in its process."""

import importlib
import os
import sys
import tempfile
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from redis import Redis
from waiting import eventually

from jobs.slice import Link, SliceEnd, SliceTask, again, wait
from migrator.egress import Doors, Trust, close_the_doors, connecting, endpoint, pin, store_places
from migrator.gmail import Gmail
from migrator.labels import Choices
from migrator.ledger import Ledger
from migrator.mailbox import Password, Target, open_mailbox
from migrator.plan import plan_slice
from migrator.quota import PROFILES, Meter
from migrator.retry import Patience
from migrator.transfer import copy_slice
from migrator.verify import verify_slice
from oauth.grant import Client, Grant, SingleFlightCredentials

_LAZY = ("wave", "xml.dom.minidom", "_lsprof")
"""A module, a package and machine code that nothing here has imported before."""


@dataclass(frozen=True)
class Journey:
    """From where to where."""

    google: str
    refresh_token: str
    mailbox: Target
    login: Password
    store: str


def migrate(task: SliceTask, link: Link) -> SliceEnd:
    """Bring a whole account over behind closed doors."""
    journey = task.config
    assert isinstance(journey, Journey)
    to = journey.mailbox
    pinned = pin(to.host, to.port, to.tls, Trust.OPERATOR)
    doors = Doors(tempfile.gettempdir(), frozenset({endpoint(journey.google)}), pinned, store_places(journey.store))
    close_the_doors(doors, link.refused, link.contacted)
    _use_files()
    connect = partial(open_mailbox, to, journey.login, connect=connecting(pinned))
    places = (f"{journey.google}/{name}" for name in ("o/oauth2/v2/auth", "token", "revoke"))
    credentials = SingleFlightCredentials(Grant(journey.refresh_token), Client("demo-client", "demo-secret", *places))
    patience = Patience(15)
    with Redis.from_url(journey.store) as redis, connect() as mailbox:
        ledger = Ledger(redis, task.id, task.token, link.progressed)
        with Gmail(credentials, journey.google, Meter(redis, "egress", PROFILES["off"]), patience) as gmail:
            choices = Choices()
            planned = plan_slice(gmail, mailbox, ledger, choices, "newest-first", patience)
            copied = copy_slice(gmail, connect, ledger, choices, bytes(32), 2, patience, careful=False)
        verified = verify_slice(connect, ledger, bytes(32), patience, by_digest=True)
    return wait(0, "all-through") if planned and copied and verified else again()


def _use_files() -> None:
    """Do with files, and import, what libraries do."""
    assert not set(_LAZY) & set(sys.modules)
    for name in _LAZY:
        importlib.import_module(name)
    with tempfile.NamedTemporaryFile() as file, tempfile.TemporaryFile() as nameless:
        file.write(b"mail")
        nameless.truncate(10)
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "first", Path(folder) / "second"
        first.write_text("mail")
        first.chmod(0o600)
        os.truncate(first, 1)
        os.utime(first)
        first.rename(second)
        (Path(folder) / "sub").mkdir()
        (Path(folder) / "sub").rmdir()
        second.unlink()


def tell_nonsense(_: SliceTask, link: Link) -> SliceEnd:
    """Name as a host what is none."""
    link.contacted("a letter, begun\r\n")
    return again()


def tell_much(_: SliceTask, link: Link) -> SliceEnd:
    """Name more hosts than there are."""
    for number in range(100):
        link.contacted(f"part-{number}-of-a-letter.example.com:443")
    return again()


def tell_and_die(_: SliceTask, link: Link) -> SliceEnd:
    """Name hosts, one of them twice, and be gone."""
    for host in ("one", "two", "one"):
        link.contacted(f"{host}.example.com:443")
    os._exit(1)


def tell_when_asked(task: SliceTask, link: Link) -> SliceEnd:
    """Wait for a file, name a host, say so by another file, and stay."""
    folder = task.config
    assert isinstance(folder, Path)
    eventually((folder / "ask").exists)
    link.contacted("late.example.com:443")
    (folder / "told").touch()
    threading.Event().wait(30)
    return again()
