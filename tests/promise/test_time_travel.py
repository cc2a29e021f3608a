"""The clock at +24 h, +72 h and +7 days: of what the retention table promises to be gone, nothing is there.

The stores' own clock is set forward (`clock.py`): once with a worker, which ends and purges what is over, and once
without any, so that the end dates alone must do it.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import tenacity
from promise.clock import Clock, clear_up
from promise.encodings import hits
from promise.places import in_store
from promise.town import Town, town

from app.stores import connect
from emulator.servers.certificates import Certificate
from emulator.servers.instance import User
from jobs import audit
from jobs.kept import HOUR, Until, Where
from jobs.migration import State, record_key
from jobs.requests import cancel, migration_ids
from jobs.retention import ENDED_SECONDS, EXPIRE_SECONDS, REWRITE_WISH, row_for
from oauth.keystores import names_of

pytestmark = pytest.mark.xdist_group("time_travel")  # its customers live through much, once

MINUTE = 60
_ID = re.compile(r"\{([0-9a-f]{32})\}")


@contextmanager
def _town_with_a_clock(folder: Path, certificate: Certificate) -> Iterator[tuple[Town, Clock]]:
    ours = Clock(folder / "clock")
    with town(folder, certificate, ours.started()) as place, ExitStack() as stack:
        stack.callback(clear_up, place.home.redis_store.pid, place.home.keys_store.pid)
        yield place, ours


def _one_of_each(place: Town) -> dict[str, str]:
    """Return a migration that is done, one that was cancelled, and two that rest unfinished, by name."""
    ids = {"cancelled": place.launch(place.customer("cancelled", 4))}
    cancel(place.home.state, ids["cancelled"])
    failing, wrong = place.customer("failed", 4), place.customer("paused", 4)
    place.home.google.fault("domainPolicy", account=failing.address, method="messages.get", times=0)
    place.start_worker()
    ids["failed"] = place.launch(failing)
    ids["paused"] = place.launch(replace(wrong, user=User(wrong.user.name, "wrong")))
    ids["done"] = place.launch(place.customer("done", 4))
    for name, migration in ids.items():
        place.home.wait(migration, State(name))
    return ids


@dataclass(frozen=True)
class Left:
    """What is left at some time: keys by store, migrations named anywhere but in the audit log, labels in files."""

    keys: dict[Where, set[str]]
    listed: set[str]
    labels: set[str]


def _left(place: Town, ids: dict[str, str]) -> Left:
    stores = {Where.STATE: place.home.state, Where.KEYS: place.home.keys}
    broker_url = place.home.redis_store.broker_url
    with connect(broker_url) as broker:
        keys = {where: _names(store) for where, store in {**stores, Where.BROKER: broker}.items()}
    blobs = (row for store in stores.values() for row in in_store("", store))
    content = b"".join(blob for where, blob in blobs if "audit:" not in where)
    search = place.canaries.label_search()
    labels = {hit.name for _, blob in place.files() for hit in hits(blob, search)}
    return Left(keys, {name for name, one in ids.items() if one.encode() in content}, labels)


def _names(store: Any) -> set[str]:
    return {name.decode() for name in store.scan_iter(count=1000)}


@dataclass(frozen=True)
class Alone:
    """What is left of an installation without a worker, by the hours gone since it stopped."""

    at: dict[int, Left]
    ids: dict[str, str]
    audit_holds: bool


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, server_certificate: Certificate) -> Iterator[Alone]:
    with _town_with_a_clock(tmp_path_factory.mktemp("alone"), server_certificate) as (place, ours):
        ids = _one_of_each(place)
        place.stop_worker()
        at = {0: _left(place, ids)}
        for hours in (24, 72, 7 * 24):
            ours.set_ahead(hours * HOUR + MINUTE, place.home.state, place.home.keys)
            at[hours] = _left(place, ids)
        yield Alone(at, ids, audit.verify(place.home.state).holds)


@pytest.mark.parametrize("hours", [0, 24, 72, 7 * 24])
def test_without_any_worker_no_key_outlives_what_the_table_says(hours: int, alone: Alone) -> None:
    rows = [(name, row_for(name, where)) for where, names in alone.at[hours].keys.items() for name in names]
    # A note of the audit log waits for the keeper: who may only append to it may give it no end.
    found = [(name, row) for name, row in rows if not (row and row.until is Until.TAKEN)]
    assert [name for name, row in found if row is None or (row.until.longest or 0) <= hours * HOUR] == []


def test_a_day_after_its_end_no_key_of_a_migration_is_left(alone: Alone) -> None:
    before, after = _of_ids(alone.at[0]), _of_ids(alone.at[24])
    assert before == set(alone.ids.values()), "all are kept at first"
    assert after == {alone.ids["failed"], alone.ids["paused"]}


def test_of_an_unfinished_migration_key_and_record_end_after_three_days(alone: Alone) -> None:
    unfinished = {key for name in ("failed", "paused") for key in names_of(alone.ids[name])}
    assert unfinished == alone.at[24].keys[Where.KEYS]
    assert alone.at[72].keys[Where.KEYS] == set()
    assert _of_ids(alone.at[72]) == set()


def test_after_a_week_there_is_the_audit_log_and_nothing_else(alone: Alone) -> None:
    assert {name.partition(":")[0] for names in alone.at[7 * 24].keys.values() for name in names} == {"audit"}
    assert alone.audit_holds


def _of_ids(left: Left) -> set[str]:
    """Return the ids in names of keys."""
    return {found[1] for names in left.keys.values() for name in names if (found := _ID.search(name))}


@dataclass(frozen=True)
class Attended:
    """What is left of an installation with a worker: at first, a day later, and a day after all have expired.

    `revoked` is how often access was given back, and `held` which migrations still had a key: before, and when those
    without progress had been ended.
    """

    first: Left
    after_a_day: Left
    at_last: Left
    revoked: tuple[int, int]
    held: tuple[set[str], set[str]]
    receipts: set[str]
    grants: list[object]


@pytest.fixture(scope="module")
def attended(tmp_path_factory: pytest.TempPathFactory, server_certificate: Certificate) -> Iterator[Attended]:
    with _town_with_a_clock(tmp_path_factory.mktemp("attended"), server_certificate) as (place, ours):
        stores = place.home.state, place.home.keys
        ids = _one_of_each(place)
        first, revoked, held = _left(place, ids), _revocations(place), _held(place, ids)
        ours.set_ahead(ENDED_SECONDS + MINUTE, *stores)
        _wait_until_purged(place, ids["done"], ids["cancelled"])
        after_a_day = _left(place, ids)
        ours.set_ahead(EXPIRE_SECONDS + MINUTE, *stores)
        for name in ("failed", "paused"):
            place.home.wait(ids[name], State.EXPIRED)
        receipts = {name for name, one in ids.items() if place.home.state.exists(f"{record_key(one)}:receipt")}
        then, held_then = _revocations(place), _held(place, ids)
        ours.set_ahead(EXPIRE_SECONDS + ENDED_SECONDS + 2 * MINUTE, *stores)
        _wait_until_purged(place, ids["failed"], ids["paused"])
        at_last, grants = _left(place, ids), place.home.google.control("grants")["grants"]
        yield Attended(first, after_a_day, at_last, (revoked, then), (held, held_then), receipts, grants)


def _revocations(place: Town) -> int:
    return int(place.home.google.ledger()["calls"]["oauth.revoke"])


def _held(place: Town, ids: dict[str, str]) -> set[str]:
    return {name for name, one in ids.items() if place.home.vault.holds(one)}


def _wait_until_purged(place: Town, *ids: str) -> None:
    """Wait until the worker has cleared them away and the store's log is rewritten."""

    def purged() -> None:
        assert not [one for one in migration_ids(place.home.state) if one in ids]
        assert not place.home.state.exists(REWRITE_WISH)

    tenacity.Retrying(stop=tenacity.stop_after_delay(120), wait=tenacity.wait_fixed(0.2), reraise=True)(purged)


def test_a_worker_purges_what_ended_a_day_ago_from_lists_and_files_too(attended: Attended) -> None:
    assert attended.first.listed == {"done", "cancelled", "failed", "paused"}
    assert attended.after_a_day.listed == {"failed", "paused"}
    assert {"done: label 0", "failed: label 0"} <= attended.first.labels
    assert not [label for label in attended.after_a_day.labels if label.startswith(("done", "cancelled"))]


def test_a_migration_without_progress_is_ended_while_its_grant_can_still_be_revoked(attended: Attended) -> None:
    assert attended.held == ({"failed", "paused"}, set())
    assert attended.revoked[1] == attended.revoked[0] + 2
    assert attended.grants == []
    assert attended.receipts == {"failed", "paused"}


def test_when_all_have_ended_and_a_day_is_over_nothing_of_any_migration_is_left(attended: Attended) -> None:
    assert attended.at_last.listed == set()
    assert attended.at_last.labels == set()
    assert attended.at_last.keys[Where.KEYS] == set()
    kinds = {name.partition(":")[0] for name in attended.at_last.keys[Where.STATE]}
    assert kinds <= {"audit", "discard", "flow", "jobs", "pools", "quota", "reconcile", "used", "worker", "workers"}
