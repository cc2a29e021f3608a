"""The product as it is installed: embedded stores, a configuration file, a worker process of its own."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from app.config import Config, load
from app.stores import Stores, open_stores
from bench.google import ROOT, Google
from bench.parts import User
from bench.processes import cpu_seconds
from jobs.accounts import claim
from jobs.launch import Import, launch
from jobs.migration import ENDS, State, new_id
from jobs.requests import read
from migrator.ledger import Ledger
from migrator.mailbox import Password
from migrator.outcome import Mark
from oauth.grant import Grant
from oauth.vault import Sealer

_RESTS = ENDS | {State.PAUSED, State.FAILED}
_PAUSE = 0.1
_START_SECONDS = 30
_STOP_SECONDS = 10

Sections = Mapping[str, Mapping[str, str | int | float]]


@dataclass(frozen=True, slots=True)
class Installation:
    """A running installation: its stores, and its worker's process id."""

    stores: Stores
    worker: int


@dataclass(frozen=True, slots=True)
class Moment:
    """How a migration stands at `at` (seconds, monotonic): messages copied so far, all messages, its state."""

    at: float
    copied: int
    total: int
    state: State


@contextmanager
def installation(
    folder: Path, google: Google, host: str, port: int, sections: Sections | None = None
) -> Iterator[Installation]:
    """Install into `folder`: Gmail is `google`, the mailboxes are at host and port; stop everything afterwards.

    `sections` adds to the configuration file or replaces what is in it.
    """
    config = configured(folder, google, host, port, sections or {})
    with open_stores(config.store) as stores, worker(folder) as process:
        yield Installation(stores, process.pid)


def begin(installed: Installation, google: Google, user: User) -> str:
    """Launch the import of the account into this user's mailbox; return its id."""
    return launched(installed.stores, google.grant()["refresh_token"], "bench@gmail.example", user)


def warm_up(installed: Installation, user: User) -> float:
    """Let the worker do a slice that fails at once, so that its modules are loaded; return the CPU seconds so far."""
    migration = launched(installed.stores, "revoked", "nobody@gmail.example", user)
    *_, last = follow(installed, migration, 60)
    if last.state is not State.PAUSED:
        raise RuntimeError(f"a dead grant should pause the import, not lead to {last.state}")
    return cpu_seconds(installed.worker)


def follow(installed: Installation, migration: str, seconds: float, *, pause: float = _PAUSE) -> Iterator[Moment]:
    """Give moment after moment until the import rests.

    Raises:
        TimeoutError: it does not rest within `seconds`.
    """
    end = time.monotonic() + seconds
    for _ in iter(partial(threading.Event().wait, pause), True):  # noqa: FBT003 - never set: a clock's tick
        moment = look(installed, migration)
        yield moment
        if moment.state in _RESTS:
            return
        if moment.at > end:
            raise TimeoutError(f"the import is still {moment.state}: {moment.copied} of {moment.total}")


def finish(installed: Installation, migration: str, seconds: float) -> Moment:
    """Wait until the import is done, every message copied; return that moment.

    Raises:
        RuntimeError: it ended otherwise.
    """
    *_, last = follow(installed, migration, seconds)
    if last.state is not State.DONE or last.copied != last.total:
        raise RuntimeError(f"the import ended as {last.state}: {last.copied} of {last.total}")
    return last


def look(installed: Installation, migration: str) -> Moment:
    """Return how the import stands now."""
    marks = Ledger(installed.stores.state, migration).outcomes()
    now = time.monotonic()
    return Moment(now, marks.get(Mark.COPIED, 0), sum(marks.values()), read(installed.stores.state, migration).state)


def launched(stores: Stores, refresh_token: str, address: str, user: User, customer: str = "bench") -> str:
    """Launch the import of an account, by its grant, into a user's mailbox; return its id."""
    migration = new_id()
    claim(stores.state, stores.vault, migration, address)
    safe = Sealer(stores.state, migration, stores.vault.make(migration))
    safe.seal(grant=Grant(refresh_token).to_bytes())
    launch(stores.state, stores.vault, migration, Import(customer, Password(user.name, user.password)))
    return migration


def configured(folder: Path, google: Google, host: str, port: int, sections: Sections) -> Config:
    """Write the configuration of an installation in `folder`, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    secret = folder / "client-secret"
    secret.write_text("demo-secret")
    rows: dict[str, dict[str, str | int | float]] = {
        "google": {
            "client_id": "demo-client",
            "client_secret_file": str(secret),
            "profile": "off",
            "api": google.url,
            "token_uri": f"{google.url}/token",
            "revoke_uri": f"{google.url}/revoke",
        },
        "store": {"directory": str(folder / "state")},
        "mailbox": {"host": host, "port": port, "tls": "none"},
    }
    for name, changes in sections.items():
        rows.setdefault(name, {}).update(changes)
    path = _file(folder)
    path.write_text("\n".join(f"[{name}]\n" + _lines(row) for name, row in rows.items()))
    return load(path)


def _file(folder: Path) -> Path:
    return folder / "config.toml"


def _lines(row: Mapping[str, str | int | float]) -> str:
    return "".join(f"{key} = {value!r}\n".replace("'", '"') for key, value in row.items())


@contextmanager
def worker(
    folder: Path, log: str = "worker.log", start_seconds: float = _START_SECONDS
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a worker and go on when it works: what a start costs is paid once, not per message.

    `log`: the file in `folder` that its lines go to. `start_seconds`: 0 goes on at once.
    """
    command = [sys.executable, "-m", "app", "--config", str(_file(folder)), "worker"]
    path = folder / log
    with path.open("w") as lines, subprocess.Popen(command, cwd=ROOT, stdout=lines, stderr=lines) as process:
        try:
            waiting = Retrying(
                retry=retry_if_result(lambda text: "worker-started" not in text),
                stop=stop_after_delay(start_seconds),
                wait=wait_fixed(0.05),
            )
            if start_seconds:
                waiting(path.read_text)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
