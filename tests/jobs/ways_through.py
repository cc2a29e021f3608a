"""Work that goes through the doors left open: a small migration in one slice; found by its name in its process."""

import importlib
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from redis import Redis

from jobs.outside import Outside
from jobs.slice import Link, SliceEnd, SliceTask, again, wait
from jobs.storeline import state_store
from jobs.storeproxy import Access
from migrator.egress import Inside, ToMailbox, close_the_doors, door_of, door_to, endpoint
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


def outside_of(journey: Journey, contacted: Callable[[str], None], store: Access) -> Outside:
    """Return the doors that such a slice needs."""
    places = endpoint(journey.google), (journey.mailbox.host, journey.mailbox.port)
    doors = {door_of(place): door_to(*place) for place in places}
    readable = (str(journey.mailbox.ca_file), str(Path(__file__).parent))
    return Outside(doors, readable, contacted, store)


def meter(redis: Redis) -> Meter:
    """Return the meter of its account."""
    return Meter(redis, "egress", PROFILES["off"])


def migrate(task: SliceTask, link: Link) -> SliceEnd:
    """Bring a whole account over behind closed doors."""
    journey = task.config
    assert isinstance(journey, Journey)
    to = journey.mailbox
    names = frozenset({endpoint(journey.google), (to.host, to.port)})
    close_the_doors(Inside(tempfile.gettempdir(), names), link.refused)
    _use_files()
    connect = partial(open_mailbox, to, journey.login, connect=ToMailbox((to.host, to.port)))
    places = (f"{journey.google}/{name}" for name in ("o/oauth2/v2/auth", "token", "revoke"))
    credentials = SingleFlightCredentials(Grant(journey.refresh_token), Client("demo-client", "demo-secret", *places))
    patience = Patience(15)
    with connect() as mailbox:
        ledger = Ledger(state_store(), task.id, task.token, link.progressed)
        with Gmail(credentials, journey.google, meter(state_store()), patience) as gmail:
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
        with first.open("r+b") as file:
            file.truncate(1)
        first.rename(second)
        (Path(folder) / "sub").mkdir()
        (Path(folder) / "sub").rmdir()
        second.unlink()
