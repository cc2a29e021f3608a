"""An installation for the doctor: sound, until a test breaks something in it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit_keeping import keep
from click.testing import CliRunner, Result
from redis import Redis
from stand_in import Google
from vaults import make_keys

from app import embedded
from app.config import Config
from app.doctor import doctor_command
from emulator.servers.instance import Server
from jobs import audit
from jobs.audit import Act
from jobs.heartbeats import beat, this_worker
from migrator.signingkeys import SigningKey

Rows = dict[str, dict[str, Any]]
PLANTED = "planted-secret-canary"


@dataclass(frozen=True)
class Servers:
    """What all set-ups share: two stores that run, Google's stand-in, a mail server."""

    state: embedded.EmbeddedStore
    keys: embedded.EmbeddedStore
    google: Google
    mail: Server


@dataclass(frozen=True)
class Place:
    """One installation, sound until something is broken in it."""

    servers: Servers
    folder: Path
    rows: Rows
    state: Redis
    keys: Redis

    def doctor(self, *words: str) -> Result:
        config = Config.model_validate(self.rows)
        return CliRunner().invoke(doctor_command, list(words), obj=config, env={"COLUMNS": "80"})

    def set(self, section: str, **values: object) -> None:
        self.rows[section].update(values)


def findings_in(said: Result) -> dict[str, dict[str, str]]:
    """Return what the doctor told programs, by the name of the check; bad comes before what else is said of one."""
    found = [one for findings in json.loads(said.stdout).values() for one in findings]
    return {one["name"]: one for one in sorted(found, key=lambda one: one["verdict"] == "bad")}


@contextmanager
def sound(servers: Servers, folder: Path) -> Iterator[Place]:
    """Give a sound installation: its files written, a worker that lives, an audit log with an entry."""
    make_keys(folder)
    SigningKey.make(folder / "receipt.key")
    secret = folder / "client-secret"
    secret.touch(0o600)
    secret.write_text(PLANTED)
    with Redis.from_url(servers.state.url) as state, Redis.from_url(servers.keys.url) as keys:
        state.flushall()
        keys.flushall()
        beat(state, this_worker(4))
        audit.append(state, audit.TERMINAL, Act.MASTER_KEY_ROTATED)
        keep(state, folder / "audit")
        yield Place(servers, folder, _rows(servers, folder), state, keys)


def _rows(servers: Servers, folder: Path) -> Rows:
    google = servers.google.url
    return {
        "google": {
            "client_id": "demo-client",
            "client_secret_file": folder / "client-secret",
            "api": google,
            "auth_uri": f"{google}/o/oauth2/v2/auth",
            "token_uri": f"{google}/token",
            "revoke_uri": f"{google}/revoke",
        },
        "store": {
            "url": servers.state.url,
            "broker_url": servers.state.broker_url,
            "keys_url": servers.keys.url,
            "master_key_file": folder / "master.key",
        },
        "receipts": {"signing_key_file": folder / "receipt.key"},
        "mailbox": {"host": servers.mail.host, "port": servers.mail.tls_port, "ca_file": servers.mail.ca_file},
        "web": {"url": "https://localhost", "client_header": "X-Real-IP"},
    }
