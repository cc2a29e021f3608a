"""A whole installation for a test: stores, a worker process, a stand-in for Google, a real mailbox server."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import tenacity
from audit_keeping import KEY_TEXT
from key_leaks import leaks
from redis import Redis
from redis.exceptions import RedisError
from stand_in import Google
from vaults import make_keys, vault_of

from app import embedded
from app.report import Report, report_on
from app.stores import connect
from app.storeurls import name_of
from emulator.servers.instance import Server, User
from jobs import accounts
from jobs.kept import Where
from jobs.launch import Import, launch
from jobs.migration import ENDS, Migration, State, new_id, part_key
from jobs.requests import read, resume
from migrator.failures import RETRY_AFTER
from migrator.labels import Choices
from migrator.mailbox import Password
from migrator.records import Deferred, as_json
from oauth.grant import Grant
from oauth.keystores import KeyStores
from oauth.vault import Sealer

ROOT = Path(__file__).resolve().parents[2]
RESTS = ENDS | {State.PAUSED, State.FAILED}


class House:
    """One installation; made by `house`."""

    def __init__(self, folder: Path, google: Google, server: Server, settings: dict[str, dict[str, object]]) -> None:
        self.folder = folder
        self.run_folder = Path(tempfile.mkdtemp(prefix="run-"))  # where sockets lie: pytest's own folders are too long
        self.google = google
        self.server = server
        self.redis_store = embedded.start(folder / "redis")
        self.keys_store = embedded.start(folder / "keys", persistent=False)
        self.state: Redis = connect(self.redis_store.url)
        self.keys: Redis = connect(self.keys_store.url)
        self.master = make_keys(folder)
        keys = KeyStores({name_of(self.keys_store.url): self.keys}, self.state)
        self.vault = vault_of(keys, self.master)
        self.config = folder / "config.toml"
        self.config.write_text(self._toml(settings))
        self.workers: list[subprocess.Popen[bytes]] = []
        self.secrets = {"customer@gmail.example", "demo-secret"}

    def _toml(self, settings: dict[str, dict[str, object]]) -> str:
        secret = self.folder / "client-secret"
        secret.write_text("demo-secret")
        audit_key = self.folder / "audit.key"
        audit_key.write_bytes(KEY_TEXT)
        sections: dict[str, dict[str, object]] = {
            "google": {
                "client_id": "demo-client",
                "client_secret_file": str(secret),
                "profile": "off",
                "api": self.google.url,
                "auth_uri": f"{self.google.url}/o/oauth2/v2/auth",
                "token_uri": f"{self.google.url}/token",
                "revoke_uri": f"{self.google.url}/revoke",
            },
            "store": {
                "run_directory": str(self.run_folder),
                "url": self.redis_store.url,
                "broker_url": self.redis_store.broker_url,
                "keys_url": self.keys_store.url,
                "master_key_file": str(self.master),
            },
            "mailbox": {
                "host": self.server.host,
                "port": self.server.tls_port or self.server.port,
                "tls": "implicit" if self.server.tls_port else "none",
                "ca_file": str(self.server.ca_file),
            },
            "worker": {"threads": 2, "slice_seconds": 5, "lease_seconds": 3},
            "audit": {"folder": str(self.folder / "audit"), "key_file": str(audit_key)},
        }
        for name, rows in settings.items():
            sections.setdefault(name, {}).update(rows)
        return "\n".join(
            f"[{name}]\n" + "\n".join(f"{key} = {_toml(value)}" for key, value in rows.items())
            for name, rows in sections.items()
        )

    def use(self, state: Redis, keys: Redis, master: Path) -> None:
        """Work with other stores than our own; the configuration names them already."""
        self.state, self.keys, self.master = state, keys, master
        self.vault = vault_of(keys, master)

    def start_worker(self, **env: str) -> subprocess.Popen[bytes]:
        """Start a worker process with this environment beside ours."""
        command = [sys.executable, "-m", "app", "--config", str(self.config), "worker"]
        log = (self.folder / f"worker-{len(self.workers)}.log").open("wb")
        with log:
            worker = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **env}, stdout=log, stderr=log, start_new_session=True
            )
        self.workers.append(worker)
        return worker

    def logs(self) -> str:
        """Return what the workers wrote."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("worker-*.log")))

    def launch(self, user: User, choices: Choices | None = None, *, by_digest: bool = True, account: str = "") -> str:
        """Begin an import with a grant that the stand-in makes."""
        made = self.google.grant(**({"account": account} if account else {}))
        self.secrets |= {made["refresh_token"], made["access_token"]}
        migration = new_id()
        accounts.claim(self.state, self.vault, migration, account or "customer@gmail.example")
        safe = Sealer(self.state, migration, self.vault.make(migration))
        safe.seal(grant=Grant(made["refresh_token"]).to_bytes())
        wanted = Import(
            customer="c1",
            mailbox=Password(user.name, user.password),
            choices=choices or Choices(),
            by_digest=by_digest,
        )
        return launch(self.state, self.vault, migration, wanted).id

    def wait(self, migration_id: str, *states: State, seconds: float = 300) -> Migration:
        """Wait until the import is in one of `states` (else: rests), and return it."""
        wanted = set(states) or RESTS
        found = tenacity.Retrying(
            stop=tenacity.stop_after_delay(seconds),
            wait=tenacity.wait_fixed(0.1),
            retry=tenacity.retry_if_exception_type(RedisError)
            | tenacity.retry_if_result(lambda m: m.state not in wanted),
            retry_error_callback=lambda _: self._too_late(migration_id, wanted),
        )(read, self.state, migration_id)
        assert isinstance(found, Migration)
        return found

    def _too_late(self, migration_id: str, wanted: AbstractSet[State]) -> None:
        now = read(self.state, migration_id)
        report = self.report(migration_id)
        raise AssertionError(f"never reached {wanted}: {now}\n{report}\n{self.logs()[-3000:]}")

    def hours_pass(self, migration_id: str) -> None:
        """Have every message that was put off fall due for the last time, as if eight hours had passed; go on."""
        key = part_key(migration_id, "deferred")
        for number, row in self.state.hgetall(key).items():  # type: ignore[union-attr]
            held = Deferred.from_json(row)
            late = replace(held, due=time.time() - 1, tries=len(RETRY_AFTER), since=held.since - sum(RETRY_AFTER))
            self.state.hset(key, number, as_json(late))
        resume(self.state, migration_id)

    def report(self, migration_id: str) -> Report:
        """Return the account of an import."""
        return report_on(self.state, migration_id)

    def keeps_nothing_it_should_not(self) -> None:
        """Every key has an end date and a row in the table; no token, no address is stored or logged in the clear."""
        broker = connect(self.redis_store.broker_url)
        found = tenacity.Retrying(  # the broker's keys get their end date at the reconciler's next tick
            stop=tenacity.stop_after_delay(30),
            wait=tenacity.wait_fixed(0.2),
            retry=tenacity.retry_if_result(bool),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )(lambda: leaks(self.state, Where.STATE) + leaks(broker, Where.BROKER) + leaks(self.keys, Where.KEYS))
        broker.close()
        assert not found
        written = [p for p in self.folder.rglob("*") if p.is_file() and ("redis" in p.parts or p.suffix == ".log")]
        assert any("appendonly" in str(path) for path in written)
        for path in written:
            with suppress(FileNotFoundError):  # the store has rewritten its file meanwhile
                content = path.read_bytes()
                assert not [secret for secret in self.secrets if secret.encode() in content], path

    def restart_redis(self) -> None:
        """Start the state store again on its folder, after it was killed."""
        self.redis_store.stop()
        self.redis_store = embedded.start(self.folder / "redis", patience=10)

    def restart_keys(self) -> None:
        """Start the key store again, after it was killed: what was in it is gone."""
        self.keys_store.stop()
        self.keys_store = embedded.start(self.folder / "keys", persistent=False, patience=10)

    def stop(self) -> None:
        """End workers and stores."""
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGTERM)
        for worker in self.workers:
            try:
                worker.wait(30)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
        self.state.close()
        self.keys.close()
        for store in (self.redis_store, self.keys_store):
            store.stop()
        shutil.rmtree(self.run_folder, ignore_errors=True)


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f'"{key}" = {_toml(row)}' for key, row in value.items()) + " }"
    return ("true" if value else "false") if isinstance(value, bool) else repr(value).replace("'", '"')


@contextmanager
def house(folder: Path, google: Google, server: Server, **settings: dict[str, object]) -> Iterator[House]:
    """Give an installation that ends with the block. Keywords are sections of the configuration."""
    with ExitStack() as stack:
        made = House(folder, google, server, settings)
        stack.callback(made.stop)
        yield made
        made.keeps_nothing_it_should_not()


def seconds_since(start: float) -> float:
    """Return the seconds since a `time.monotonic()`."""
    return time.monotonic() - start
