"""A slice in hostile hands says what it likes of its import's end: the receipt says what Google says."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import liars
import pytest
from redis import Redis
from stand_in import Google
from vaults import WORKERS
from waiting import eventually

from app.child import surroundings
from app.closing import readable_of
from app.config import Config
from app.embedded import EmbeddedStore
from app.receipts import receipt_maker, signing_key
from app.revoking import give_back
from jobs import accounts, audit
from jobs.custody import Custody
from jobs.discarding import REVOCATION_TRIES, Revocation, note
from jobs.launch import Import, launch
from jobs.migration import ENDS, Migration, State, new_id, part_key, record_key
from jobs.requests import read
from jobs.settings import WorkerSettings
from jobs.slice import Work
from jobs.worker import run_worker
from migrator.mailbox import Password
from migrator.receipt import Receipt
from migrator.signing import verify
from migrator.signingkeys import public_keys
from oauth.grant import Grant
from oauth.keyring import KeyRing
from oauth.revocation import is_dead
from oauth.vault import Sealer, Vault, WorkersVault


@dataclass
class Place:
    """An installation whose slices are in hostile hands."""

    redis: Redis
    store: EmbeddedStore
    google: Google
    config: Config
    vault: Vault
    grant: Grant

    def launched(self) -> str:
        migration = new_id()
        accounts.claim(self.redis, self.vault, migration, "ann@gmail.example")
        Sealer(self.redis, migration, self.vault.make(migration)).seal(grant=self.grant.to_bytes())
        return launch(self.redis, self.vault, migration, Import("ann", Password("ann", "x"))).id

    def worked(self, migration: str, work: Work, until: Callable[[Migration], bool]) -> Migration:
        """Have a worker do the import with these slices until it is so."""
        settings = WorkerSettings(
            threads=1, slice_seconds=5, lease_seconds=5, memory_mib=512, preload=("liars", give_back.__module__),
            readable=(*readable_of(self.config), str(Path(__file__).parent)),
            surroundings=partial(surroundings, self.config),
        )  # fmt: skip
        custody = Custody(self.vault, receipt_maker(self.config), give_back)
        stop = threading.Event()
        told = (self.store.url, self.store.broker_url, work, settings, stop, custody)
        worker = threading.Thread(target=run_worker, args=told)
        worker.start()
        try:
            eventually(lambda: until(read(self.redis, migration)))
        finally:
            stop.set()
            worker.join()
        return read(self.redis, migration)

    def receipt(self, migration: str) -> Receipt:
        text = self.redis.get(part_key(migration, "receipt"))
        assert isinstance(text, bytes)
        return verify(text.decode(), public_keys(signing_key(self.config), None))


@pytest.fixture
def place(redis: Redis, store: EmbeddedStore, tmp_path: Path) -> Iterator[Place]:
    with Google(synthetic=1) as google:
        config = Config.model_validate({
            "google": {
                "client_id": "demo-client", "profile": "off", "api": google.url, "token_uri": f"{google.url}/token",
                "auth_uri": f"{google.url}/o/oauth2/v2/auth", "revoke_uri": f"{google.url}/revoke",
                "client_secret_file": str(tmp_path / "secret"),
            },
            "mailbox": {"host": "localhost", "port": 1, "tls": "none"},
            "store": {"url": store.url, "broker_url": store.broker_url, "keys_url": store.url, "directory": tmp_path},
        })  # fmt: skip
        (tmp_path / "secret").write_text("demo-secret")
        grant = Grant(google.grant()["refresh_token"])
        yield Place(redis, store, google, config, WorkersVault(redis, KeyRing({"m": b"m" * 32}), WORKERS), grant)


@pytest.mark.parametrize("google_takes_it_back", [True, False])
def test_the_receipt_says_what_google_says_whatever_the_slices_say(place: Place, google_takes_it_back: bool) -> None:  # noqa: FBT001
    if not google_takes_it_back:
        place.google.fault("backendError", method="oauth.revoke", times=0)
    migration = place.launched()
    note(place.redis, migration, "", Revocation(tries=REVOCATION_TRIES - 1))
    ended = place.worked(migration, liars.hurries_to_the_end_and_says_it_is_done, lambda m: m.state in ENDS)
    assert ended.state is State.DONE
    word = "confirmed" if google_takes_it_back else "unconfirmed"
    assert place.receipt(migration).access.revocation == word
    assert is_dead(place.config.client, place.grant) is google_takes_it_back


LIES: list[tuple[Work, str]] = [
    (liars.says_it_is_done, "illegal-step"),
    (liars.writes_that_the_grant_is_dead, "egress-refused:store"),
    (liars.writes_another_customer, "egress-refused:store"),
    (liars.reads_another_import, "egress-refused:store"),
]


@pytest.mark.parametrize(("work", "reason"), LIES, ids=lambda value: getattr(value, "__name__", ""))
def test_who_asks_for_what_is_not_his_is_ended_and_written_down(place: Place, work: Work, reason: str) -> None:
    migration = place.launched()
    failed = place.worked(migration, work, lambda m: m.state is State.FAILED)
    assert (failed.reason, failed.customer) == (reason, "ann")
    assert Revocation.read(place.redis, migration) == Revocation()
    acts = [str(entry.act) for entry in audit.entries(place.redis, migration)]
    assert ("egress-refused" in acts) is reason.startswith("egress-refused")
    assert not place.redis.exists(part_key(migration, "receipt"))


def test_a_slice_is_not_told_where_the_store_is(place: Place) -> None:
    migration = place.launched()
    steps: set[object] = set()

    def has_run(_: Migration) -> bool:
        steps.add(place.redis.hget(record_key(migration), "token"))
        return len(steps) > 3

    assert place.worked(migration, liars.knows_the_store, has_run).state is State.PLANNING
