"""The sweep: after success, failure, cancelling, crashes and expiry nothing of a customer is left anywhere.

Every field of every mail, every address and every secret is a marker of its own. What is looked at, and that the look
finds what is there: `places.py`, `encodings.py` and their own tests.
"""

import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

import pytest
from promise.canaries import Customer
from promise.keys import is_in, master_keys, signing_key
from promise.places import in_process, in_store
from promise.town import SIGNING_KEY, Found, Town, town

from emulator.servers.certificates import Certificate
from emulator.servers.instance import User
from jobs.kept import Sight, Until, Where
from jobs.migration import State
from jobs.requests import cancel
from jobs.retention import EXPIRE_SECONDS, row_for
from jobs.sweeper import sweep

pytestmark = pytest.mark.xdist_group("canaries")  # its customers live through much, once

HOLD_SECONDS = 25
"""How long the stand-in keeps back one answer, so that a slice is in the middle of its work while we look."""

STAGES = (
    "while an import runs",
    "after a slice was killed",
    "after the worker was killed",
    "after all rest: done, cancelled, failed, paused",
    "after all have ended",
    "after the stores were started again",
)


@dataclass
class Lives:
    """What was found at each stage, what a slice was seen to hold, and which keys lay where they must not."""

    at: dict[str, Found] = field(default_factory=dict)
    in_slice: set[str] = field(default_factory=set)
    astray: dict[str, list[str]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory, server_certificate: Certificate) -> Iterator[Lives]:
    """Live through every kind of end, and look at each stage."""
    folder = tmp_path_factory.mktemp("town")
    with town(folder, server_certificate, worker={"slice_seconds": 60}, logs={"level": "debug"}) as place:
        place.start_worker()
        lives = Lives()
        resting = _paused(place), _failed(place)
        _crashing(place, lives, resting)
        _cancelled(place)
        lives.at["after all rest: done, cancelled, failed, paused"] = place.look()
        lives.astray = _astray(place, resting)
        _expire(place, resting)
        lives.at["after all have ended"] = place.look()
        place.rewrite_and_restart()
        lives.at["after the stores were started again"] = place.look()
        yield lives


def _paused(place: Town) -> str:
    customer = place.customer("paused", 2)
    wrong = User(customer.user.name, place.canaries.mark("a wrong password"))
    migration = place.launch(Customer("paused", customer.address, wrong))
    assert place.home.wait(migration).state is State.PAUSED
    return migration


def _failed(place: Town) -> str:
    place.home.google.fault("domainPolicy", method="messages.get", nth=4, times=0)
    migration = place.launch(place.customer("failed", 6))
    ended = place.home.wait(migration)
    assert (ended.state, ended.resumable) == (State.FAILED, True)
    return migration


def _crashing(place: Town, lives: Lives, others: tuple[str, ...]) -> None:
    """Look while an import runs; kill its slice, then the worker, each in the middle of copying."""
    customer = place.customer("done", 20)
    place.hold_up(customer, 8)
    migration = place.launch(customer)
    place.wait_until_held()
    lives.at["while an import runs"] = place.look()
    lives.in_slice = _held_by_slice(place, migration, others)
    assert place.home.wait(migration, State.COPYING).running, "it ran all the while"
    place.hold_up(customer, 4)
    os.kill(place.slice(), signal.SIGKILL)
    place.wait_until_held()
    lives.at["after a slice was killed"] = place.look()
    place.hold_up(customer, 2, seconds=12)
    os.kill(place.worker, signal.SIGKILL)
    place.home.workers[-1].wait()
    place.start_worker()
    place.wait_until_held()
    lives.at["after the worker was killed"] = place.look()
    # A message that was under way twice when its slice died is set aside: it might be what kills them.
    assert place.home.wait(migration).state in {State.DONE, State.DONE_WITH_EXCEPTIONS}


def _held_by_slice(place: Town, migration: str, others: tuple[str, ...]) -> set[str]:
    """Return what of all there is to know the slice's process holds in its memory; nobody but root may look there."""
    try:
        blobs = list(in_process("the slice", place.slice()))
    except PermissionError:
        return {"unreadable"}
    tokens = {"its token": [migration], "a token of others": others}
    keys = {
        "its key": [place.home.vault.key(migration)],
        "a key of others": [place.home.vault.key(other) for other in others],
        "a master key": master_keys(place.home.master),
        "a key of the workers": master_keys(place.home.master.with_name("workers.key")),
    }
    seen = {one for one, token in place.refresh_tokens.items() if any(token.encode() in blob for _, blob in blobs)}
    held = {name for name, ids in tokens.items() if seen & set(ids)}
    return held | {name for name, some in keys.items() if any(is_in(key, blob) for key in some for _, blob in blobs)}


def _cancelled(place: Town) -> str:
    customer = place.customer("cancelled", 12)
    place.hold_up(customer, 4)
    migration = place.launch(customer)
    place.wait_until_held()
    cancel(place.home.state, migration)
    assert place.home.wait(migration).state is State.CANCELLED
    return migration


def _expire(place: Town, migrations: tuple[str, ...]) -> None:
    later = time.time() + EXPIRE_SECONDS + 60
    sweep(place.home.state, place.home.vault, now=later)
    for migration in migrations:
        assert place.home.wait(migration, State.EXPIRED)


@pytest.mark.parametrize("stage", STAGES)
def test_nothing_of_a_customer_is_anywhere(stage: str, lives: Lives) -> None:
    assert [str(one) for one in lives.at[stage].secrets] == []


def test_a_slice_holds_the_token_and_the_key_of_its_own_migration_and_no_other_secret(lives: Lives) -> None:
    assert lives.in_slice == ({"its token", "its key"} if os.geteuid() == 0 else {"unreadable"})


def test_keys_are_in_no_store_no_log_and_no_file_but_their_own(lives: Lives) -> None:
    assert lives.astray == {
        "master": ["the file"],
        "workers": ["the file"],
        "signing": ["the file"],
        "of a migration": [],
    }


def _astray(place: Town, ids: tuple[str, ...]) -> dict[str, list[str]]:
    """Return where keys are found on disk and in the stores, by kind of key."""
    home = place.home
    keys = {
        "master": master_keys(home.master),
        "workers": master_keys(home.master.with_name("workers.key")),
        "signing": [signing_key(home.folder / SIGNING_KEY)],
        "of a migration": [home.vault.key(one) for one in ids],
    }
    own = {f"file {name}" for name in (home.master.name, "workers.key", SIGNING_KEY)}
    blobs = [*chain.from_iterable(in_store(name, client) for name, client in place.stores()), *place.files()]
    found = {
        kind: [where for where, blob in blobs if any(is_in(key, blob) for key in some)] for kind, some in keys.items()
    }
    return {kind: ["the file" if where in own else where for where in places] for kind, places in found.items()}


@pytest.mark.parametrize("stage", STAGES)
def test_names_of_labels_are_where_the_customer_sees_them_and_nowhere_else(stage: str, lives: Lives) -> None:
    labels = lives.at[stage].labels
    assert labels, "the search finds them"
    assert [one for one in labels if not _is_shown(one.where, ended=stage in STAGES[-2:])] == []


def _is_shown(where: str, *, ended: bool) -> bool:
    """Tell whether names of labels may be there: a row for the customer, the store behind it, the receipt's maker.

    An undo needs the names of the folders that were made, which nobody else reads.
    """
    key = re.match(r"state, \w+ (\S+)", where)
    if key is None:
        return where.startswith(("file redis/appendonlydir/", "memory of the state's server", "memory of the worker"))
    row = row_for(key[1], Where.STATE)
    if row is None or (ended and row.until is Until.END):
        return False
    return row.sight in {Sight.ALLOWED, Sight.OWNER} or (row.part == "created" and row.sight is Sight.WORKER)
