"""kill -9 at every step of discarding, of each that takes part: it is completed, and no receipt comes too early."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import tenacity
from promise.canaries import Customer
from promise.town import SIGNING_KEY, Town, town

from app import embedded
from emulator.servers.certificates import Certificate
from jobs import audit
from jobs.audit import Act
from jobs.migration import State, record_key
from jobs.requests import cancel
from jobs.retention import parts_ended
from migrator.receipt import Receipt
from migrator.signing import verify
from migrator.signingkeys import SigningKey, public_keys

pytestmark = pytest.mark.xdist_group("discarding")  # its customers live through much, once

CRASH = Path(__file__).parent / "crash"
IN_SLICE = ("revoke", "prove")
IN_WORKER = ("settle", "destroy", "release", "unlink", "rewrite", "receipt")
BEFORE, AFTER = "migrator.discard.before", "migrator.discard.after"
GOING_ON_SECONDS = 40

KILLS = [
    *((f"{BEFORE}:{step}", who) for step in (*IN_SLICE, *IN_WORKER) for who in ("worker", "state", "keys")),
    *((f"{point}", "slice") for point in (f"{BEFORE}:revoke", f"{BEFORE}:prove", f"{AFTER}:prove")),
    *((f"{AFTER}:receipt", who) for who in ("worker", "state")),
]
ACTS = (Act.REVOKING, Act.REVOKED, Act.KEY_DESTROYED, Act.DATA_UNLINKED, Act.RECEIPT_SIGNED)


@dataclass(frozen=True)
class Stage:
    """A town in whose processes one kill can be planned."""

    place: Town
    plan: Path

    def start_worker(self) -> None:
        """Start a worker that keeps to the plan."""
        self.place.start_worker(PYTHONPATH=str(CRASH), CRASH_PLAN=str(self.plan))

    def kill_at(self, point: str, who: str) -> None:
        """Plan a kill."""
        home = self.place.home
        pids = {"worker": self.place.worker, "state": home.redis_store.pid, "keys": home.keys_store.pid, "slice": 0}
        self.plan.write_text(f"! {point} {pids[who]} ".ljust(256))

    def wait_until_killed(self) -> None:
        """Wait until the plan was carried out."""

        def done() -> None:
            assert self.plan.read_bytes().startswith(b" ")

        tenacity.Retrying(stop=tenacity.stop_after_delay(120), wait=tenacity.wait_fixed(0.02), reraise=True)(done)

    def bring_stores_back(self, who: str) -> None:
        """Start the store that was killed again, the key store empty; or see the worker gone."""
        home = self.place.home
        if who == "worker":
            home.workers[-1].wait(60)
        if who == "state":
            home.restart_redis()
        if who == "keys":
            home.keys_store.stop()
            home.keys_store = embedded.start(home.folder / "keys", persistent=False, patience=10)

    def receipt(self, migration: str) -> Receipt | None:
        """Return the receipt, its signature checked, if there is one."""
        text = self.place.home.state.get(f"{record_key(migration)}:receipt")
        assert text is None or isinstance(text, bytes)
        keys = public_keys(SigningKey.read(self.place.home.folder / SIGNING_KEY))
        return None if text is None else verify(text.decode(), keys)

    def left(self, migration: str) -> list[str]:
        """Name everything that must be gone before there is a receipt."""
        home, key = self.place.home, record_key(migration)
        parts = [part for part in parts_ended() if home.state.exists(f"{key}:{part}")]
        return parts + ["key"] * home.vault.holds(migration)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, server_certificate: Certificate) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("discarding")
    worker: dict[str, object] = {"threads": 1, "slice_seconds": 5, "lease_seconds": 2}
    with town(folder, server_certificate, worker=worker) as place:
        made = Stage(place, folder / "plan")
        made.plan.write_text(" ".ljust(256))
        made.start_worker()
        yield made
        assert audit.verify(place.home.state).holds


@pytest.mark.parametrize(("point", "who"), KILLS)
def test_discarding_is_completed_whatever_dies_and_no_receipt_comes_before_its_end(
    point: str, who: str, stage: Stage
) -> None:
    home, customer = stage.place.home, stage.place.customer(f"{point} {who}", 0)
    migration = stage.place.launch(customer)
    stage.kill_at(point, who)
    cancel(home.state, migration)
    stage.wait_until_killed()
    stage.bring_stores_back(who)
    if stage.receipt(migration):
        assert stage.left(migration) == [], "at once after the kill"
    if who == "worker":
        stage.start_worker()
    home.wait(migration, State.CANCELLED, seconds=GOING_ON_SECONDS)
    _is_complete(stage, migration, customer)


def _is_complete(stage: Stage, migration: str, customer: Customer) -> None:
    home = stage.place.home
    receipt = stage.receipt(migration)
    assert receipt is not None
    assert receipt.access.revocation == "confirmed"
    assert stage.left(migration) == []
    assert customer.address not in {grant["account"] for grant in home.google.control("grants")["grants"]}
    assert [home.state.exists(f"account:{name}") for name in home.vault.pseudonyms(customer.address)] == [0]
    acts = [entry.act for entry in audit.entries(home.state, migration=migration)]
    assert [act for act in dict.fromkeys(acts) if act in ACTS] == list(ACTS), "each was written down, and in this order"


def test_a_grant_whose_key_was_lost_is_not_called_revoked(stage: Stage) -> None:
    """Nobody can open the token any more to give it back: the receipt says so, and what the customer can do."""
    home, customer = stage.place.home, stage.place.customer("lost", 0)
    migration = stage.place.launch(customer)
    home.vault.destroy(migration)
    cancel(home.state, migration)
    home.wait(migration, State.CANCELLED)
    receipt = stage.receipt(migration)
    assert receipt is not None
    assert receipt.access.revocation == "unconfirmed"
    assert "myaccount.google.com" in receipt.access.advice
    assert customer.address in {grant["account"] for grant in home.google.control("grants")["grants"]}
    assert stage.left(migration) == []
