"""Who holds all that the host keeps on disk cannot open one secret: not without the key store, and never after the end.

The intruder has the Redis folder (append-only file and its base), all files of keys, in one case an older backup and
the key store of today as well. He tries the product's own code, and every byte string he finds as a key.
"""

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest
from promise.intruder import Loot, Secret, loot, opened_as_the_product_does, opened_by_force
from promise.town import Town, town
from redis import Redis
from vaults import vault_of

from app import embedded
from app.stores import connect
from emulator.servers.certificates import Certificate
from emulator.servers.instance import User
from jobs.migration import ENDS, State
from jobs.requests import cancel, resume
from oauth.sealing import closed_to

pytestmark = pytest.mark.xdist_group("adversary")  # its customers live through much, once

STATES = ("planning", "copying", "waiting", "paused", "failed", "finishing")


@dataclass(frozen=True)
class Scene:
    """The installation after the end of all migrations, and copies of its folder from before and after."""

    place: Town
    ids: dict[str, str]
    before: Path
    after: Path
    open_before: set[Secret]
    loot_before: Loot
    public: frozenset[bytes]

    @property
    def secrets(self) -> set[Secret]:
        """All there is to open."""
        return {(migration, field) for migration in self.ids.values() for field in ("grant", "mailbox")}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, server_certificate: Certificate) -> Iterator[Scene]:
    """Bring a migration into every state, copy the folder, end them all, copy it again."""
    folder = tmp_path_factory.mktemp("adversary")
    with town(folder, server_certificate, worker={"slice_seconds": 60, "lease_seconds": 3}) as place:
        ids = _in_every_state(place)
        before = _copied(place, folder / "before")
        control = _copied(place, folder / "control")
        opened = opened_as_the_product_does(control, place.home.keys, place.home.master, ids.values())
        taken, public = loot(before), frozenset(place.home.vault.seal_to(one) for one in ids.values())
        _end_all(place, ids)
        place.rewrite_and_restart()
        yield Scene(place, ids, before, _copied(place, folder / "after"), opened, taken, public)


def _in_every_state(place: Town) -> dict[str, str]:
    """Return one migration for each state that has not ended, by the state's name."""
    place.start_worker()
    home, google = place.home, place.home.google
    people = {state: place.customer(state, 4) for state in STATES}
    google.fault("hang", account=people["planning"].address, method="messages.list", seconds=60)
    google.fault("hang", account=people["copying"].address, method="messages.get", seconds=60)
    google.fault("retryAfter", account=people["waiting"].address, method="messages.get", seconds=600)
    google.fault("domainPolicy", account=people["failed"].address, method="messages.get", times=0)
    google.fault("backendError", account=people["finishing"].address, method="oauth.revoke", times=0)
    people["paused"] = replace(people["paused"], user=User(people["paused"].user.name, "wrong"))
    ids = {state: place.launch(people[state]) for state in ("waiting", "failed", "paused", "finishing")}
    for state in ("waiting", "failed", "paused"):
        home.wait(ids[state], State(state))
    assert home.wait(ids["finishing"], State.WAITING).phase is State.FINISHING
    for state in ("planning", "copying"):
        ids[state] = place.launch(people[state])
        home.wait(ids[state], State(state))
    return ids


def _end_all(place: Town, ids: dict[str, str]) -> None:
    place.home.google.control("faults", {}, verb="DELETE")
    for state, migration in ids.items():
        (resume if state == "finishing" else cancel)(place.home.state, migration)
    for migration in ids.values():
        place.home.wait(migration, *ENDS)


def _copied(place: Town, folder: Path) -> Path:
    """Copy the state store's folder as it is, while the store runs."""
    return shutil.copytree(
        place.home.folder / "redis", folder, ignore=shutil.ignore_patterns("*.sock", "lock", "address")
    )


@contextmanager
def _no_keys(folder: Path) -> Iterator[Redis]:
    """Give an empty key store: what an intruder starts with."""
    with embedded.start(folder / "no-keys", persistent=False) as store, connect(store.url) as keys:
        yield keys


def test_with_the_key_store_before_the_end_every_secret_opens(scene: Scene) -> None:
    assert scene.open_before == scene.secrets
    assert len(scene.secrets) == 2 * len(STATES)


def test_without_the_key_store_no_secret_opens_even_before_the_end(scene: Scene, tmp_path: Path) -> None:
    with _no_keys(tmp_path) as keys:
        assert opened_as_the_product_does(scene.before, keys, scene.place.home.master, scene.ids.values()) == set()
    assert set(scene.loot_before.sealed) == scene.secrets
    assert opened_by_force(scene.loot_before, scene.loot_before.sealed, scene.place.home.master, scene.public) == set()


def test_after_the_end_no_secret_opens_with_all_that_is_left(scene: Scene) -> None:
    home = scene.place.home
    assert opened_as_the_product_does(scene.after, home.keys, home.master, scene.ids.values()) == set()
    left = loot(scene.after)
    assert left.sealed == {}
    assert opened_by_force(left, scene.loot_before.sealed, home.master, scene.public) == set()


def test_after_the_end_no_sealed_value_is_left_to_be_opened_one_day(scene: Scene) -> None:
    left = loot(scene.after)
    assert [
        which for which, value in scene.loot_before.sealed.items() if any(value in blob for blob in left.found)
    ] == []


def test_an_old_backup_opens_with_nothing_that_is_left_after_the_end(scene: Scene) -> None:
    home = scene.place.home
    assert opened_as_the_product_does(scene.before, home.keys, home.master, scene.ids.values()) == set()


def test_what_a_backup_could_give_away_is_worthless_at_google_after_the_end(scene: Scene) -> None:
    grants = scene.place.home.google.control("grants")["grants"]
    assert grants == []


def test_the_intruder_knows_a_key_when_he_sees_one(scene: Scene, tmp_path: Path) -> None:
    """The positive control: keys that lie about, plain, as text, or wrapped, are found and used."""
    taken, master, (first, second, third, *_) = scene.loot_before, scene.place.home.master, scene.ids.values()
    with _no_keys(tmp_path) as keys:
        vault = vault_of(keys, master)
        public = {one: vault.make(one) for one in (first, second, third)}
        sealed = {(one, "grant"): closed_to(half, b"a secret", f"{one}/grant") for one, half in public.items()}
        wrapped = cast("bytes", keys.get(f"key:{{{third}}}"))
        about = b"..." + vault.key(first) + b"...", base64.b64encode(vault.key(second)), b"..." + wrapped
    assert opened_by_force(replace(taken, found=about), sealed, master, frozenset(public.values())) == set(sealed)
