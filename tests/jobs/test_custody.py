"""The worker's side of a slice: its key handed out, its end discarded in order, and no receipt before that."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from vaults import WORKERS

from app.embedded import start
from jobs import accounts, audit
from jobs.custody import Custody, with_key
from jobs.discarding import GRANT_ALIVE, GRANT_DEAD, NO_GRANT, REVOCATION_TRIES, Revocation
from jobs.migration import State, new_id, record_key
from jobs.nursery import Outcome
from jobs.requests import create
from jobs.slice import Kind, SliceEnd, advance, again, ended, paused
from jobs.tickets import Claim
from migrator.outcome import Mark
from oauth.keyring import KeyRing
from oauth.vault import Safe, Vault, WorkersVault

ADDRESS = "ann@gmail.example"
RING = KeyRing({"m": b"m" * 32})


class Room:
    """One migration with its secrets, and custody of it; counts what its slices are given."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.vault = WorkersVault(redis, RING, WORKERS)
        self.id = create(redis, "c1").id
        redis.hset(record_key(self.id), "token", "t")
        accounts.claim(redis, self.vault, self.id, ADDRESS)
        self.vault.make(self.id)
        self.safe = Safe(redis, self.id, self.vault.key(self.id))
        self.safe.seal(grant=b"{}", mailbox=b"{}")
        self.keys: list[bytes] = []
        self.seen_by_receipt: list[tuple[bool, bool]] = []
        self.receipt: Callable[[], str] = lambda: "signed"

    def do(self, outcome: Outcome) -> Callable[[bytes], Outcome]:
        def slice_of(key: bytes) -> Outcome:
            self.keys.append(key)
            return outcome

        return slice_of

    def revokes(self, *, confirmed: bool) -> Callable[[bytes], Outcome]:
        """Return what asks Google in a process of its own, as the worker hears of it."""
        return self.do(Outcome(GRANT_DEAD if confirmed else GRANT_ALIVE, progressed=False))

    def run(
        self, phase: State, do: Callable[[bytes], Outcome], ending: str = "", vault: Vault | None = None
    ) -> Outcome:
        claimed = Claim(id=self.id, token="t", phase=phase, ending=ending, customer="c1")
        custody = Custody(vault or self.vault, self._receipt, _not_called)
        return with_key(self.redis, custody, claimed, do)

    def _receipt(self, redis: Redis, migration: str, end: State) -> str:
        self.seen_by_receipt.append((self.vault.holds(migration), bool(redis.exists(self.part("sealed")))))
        return f"{self.receipt()} {end}"

    def part(self, name: str) -> str:
        return f"{record_key(self.id)}:{name}"

    def steps(self) -> dict[bytes, bytes]:
        return self.redis.hgetall(self.part("discarding"))  # type: ignore[return-value]

    def acts(self) -> list[str]:
        return [str(entry.act) for entry in audit.entries(self.redis, self.id)]


def _not_called(*_: object) -> Any:
    raise AssertionError("only the actor calls these")


@pytest.fixture
def room(redis: Redis) -> Room:
    return Room(redis)


DONE = Outcome(ended(State.DONE), progressed=True)
AGAIN = Outcome(again(), progressed=True)


def test_a_slice_is_given_the_key_of_its_migration_and_the_audit_log_says_so_once_per_phase(room: Room) -> None:
    for phase in (State.PLANNING, State.COPYING, State.COPYING):
        assert room.run(phase, room.do(AGAIN)) == AGAIN
    assert room.keys == [room.vault.key(room.id)] * 3
    told = [(str(e.act), e.code) for e in audit.entries(room.redis, room.id)]
    assert told == [("opened", "planning"), ("opened", "copying")]


def test_without_the_key_nothing_runs_and_the_customer_is_asked(room: Room) -> None:
    room.vault.destroy(room.id)
    assert room.run(State.COPYING, room.do(AGAIN)).end == paused("key-lost")
    assert room.keys == []


def test_without_an_audit_log_no_key_is_handed_out(room: Room) -> None:
    audit.append(room.redis, audit.WORKER, audit.Act.OPENED, room.id)
    room.redis.set("audit:broken", "damaged", ex=60)
    outcome = room.run(State.COPYING, room.do(AGAIN))
    assert (outcome.end.kind, outcome.end.code) == ("wait", "audit-broken")
    assert room.keys == []


def test_while_the_key_store_is_away_the_migration_waits(room: Room, tmp_path: Path) -> None:
    with start(tmp_path / "keys", persistent=False) as store:
        keys = Redis.from_url(store.url)
    outcome = room.run(State.COPYING, room.do(AGAIN), vault=WorkersVault(keys, RING, WORKERS))
    keys.close()
    assert (outcome.end.kind, outcome.end.code) == ("wait", "key-store-away")
    assert time.time() < outcome.end.until < time.time() + 60
    assert room.keys == []


def test_at_the_end_everything_is_discarded_in_order_and_the_receipt_comes_last(room: Room) -> None:
    outcome = room.run(State.FINISHING, room.revokes(confirmed=True))
    assert outcome.end == ended(State.DONE)
    assert list(room.steps()) == [b"settle", b"destroy", b"release", b"unlink", b"rewrite", b"receipt"]
    assert room.seen_by_receipt == [(False, False)], "key and sealed values were gone when the receipt was made"
    assert room.redis.get(room.part("receipt")) == b"signed done"
    assert room.acts() == ["revoking", "revoked", "key-destroyed", "data-unlinked", "receipt-signed"]
    accounts.claim(room.redis, room.vault, new_id(), ADDRESS)
    assert not room.redis.exists(room.part("account"), room.part("opened"))
    assert all(room.redis.ttl(room.part(name)) > 0 for name in ("discarding", "receipt", "revocation"))


@pytest.mark.parametrize("end", [advance(State.COPYING), ended(State.DONE_WITH_EXCEPTIONS), paused("asked"), again()])
def test_what_is_no_answer_about_the_grant_is_written_down_as_none(room: Room, end: SliceEnd) -> None:
    assert room.run(State.FINISHING, room.do(Outcome(end, progressed=True))).end == end
    assert Revocation.read(room.redis, room.id) == Revocation()
    assert room.vault.holds(room.id)
    assert room.steps() == {}


def test_an_answer_that_comes_after_the_lease_is_not_written_down(room: Room) -> None:
    room.redis.hset(record_key(room.id), "token", "another's")
    assert room.run(State.FINISHING, room.revokes(confirmed=True)).end.kind is Kind.LOST
    assert Revocation.read(room.redis, room.id) == Revocation()
    assert room.steps() == {}


def test_a_grant_that_cannot_be_opened_is_noted_as_one_nobody_gave_back(room: Room) -> None:
    assert room.run(State.FINISHING, room.do(Outcome(NO_GRANT, progressed=False))).end == ended(State.DONE)
    now = Revocation.read(room.redis, room.id)
    assert (now.held, now.tries, now.confirmed, now.settled) == (True, 0, False, True)


def test_a_revocation_that_is_not_confirmed_yet_discards_nothing(room: Room) -> None:
    outcome = room.run(State.FINISHING, room.revokes(confirmed=False))
    assert outcome.end.kind == "wait"
    assert room.vault.holds(room.id)
    assert room.steps() == {}
    assert room.acts() == ["revoking"]


def test_a_revocation_that_stays_unconfirmed_ends_in_discarding_all_the_same(room: Room) -> None:
    for _ in range(REVOCATION_TRIES):
        outcome = room.run(State.FINISHING, room.revokes(confirmed=False))
    assert outcome.end == ended(State.DONE)
    assert not room.vault.holds(room.id)
    assert room.acts()[:2] == ["revoking", "revocation-unconfirmed"]
    assert len(room.keys) == REVOCATION_TRIES


@pytest.mark.parametrize("ending", [State.CANCELLED, State.EXPIRED])
def test_cancelled_and_expired_go_the_same_way(room: Room, ending: State) -> None:
    assert room.run(State.FINISHING, room.revokes(confirmed=True), str(ending)).end == ended(ending)
    assert room.redis.get(room.part("receipt")) == f"signed {ending}".encode()
    assert not room.vault.holds(room.id)


def test_a_message_that_failed_makes_an_end_with_exceptions(room: Room) -> None:
    room.redis.set(room.part("ids"), b"\0" * 8, ex=60)
    room.redis.set(room.part("marks"), bytes([_failed_mark()]), ex=60)
    assert room.run(State.FINISHING, room.revokes(confirmed=True)).end == ended(State.DONE_WITH_EXCEPTIONS)


def _failed_mark() -> int:
    return next(int(mark) for mark in Mark if mark.is_failure)


def test_with_the_key_lost_nothing_is_revoked_and_that_is_noted(room: Room) -> None:
    room.vault.destroy(room.id)
    assert room.run(State.FINISHING, room.do(DONE)).end == ended(State.DONE)
    assert room.keys == []
    now = Revocation.read(room.redis, room.id)
    assert (now.held, now.tries, now.confirmed, now.settled) == (True, 0, False, True)
    assert room.acts()[0] == "revocation-unconfirmed"
    assert room.redis.get(room.part("receipt")) == b"signed done"


def test_where_there_never_was_a_grant_there_is_none_to_revoke(room: Room) -> None:
    room.vault.destroy(room.id)
    room.redis.delete(room.part("sealed"))
    room.run(State.FINISHING, room.do(DONE))
    assert Revocation.read(room.redis, room.id).held is False
    assert "revocation-unconfirmed" not in room.acts()


def test_what_died_in_the_middle_goes_on_where_it_was_and_revokes_no_second_time(room: Room) -> None:
    def fails() -> str:
        raise RuntimeError("signing failed")

    room.receipt = fails
    with pytest.raises(RuntimeError):
        room.run(State.FINISHING, room.revokes(confirmed=True))
    before = room.steps()
    assert b"receipt" not in before
    assert not room.redis.exists(room.part("receipt"))
    room.receipt = lambda: "signed"
    assert room.run(State.FINISHING, room.do(DONE)).end == ended(State.DONE)
    assert len(room.keys) == 1, "the slice that revokes ran once"
    assert {name: room.steps()[name] for name in before} == before
    assert room.acts().count("key-destroyed") == 1
    assert room.redis.get(room.part("receipt")) == b"signed done"


def test_without_an_audit_log_nothing_is_destroyed(room: Room) -> None:
    audit.append(room.redis, audit.WORKER, audit.Act.OPENED, room.id)
    revoke = room.revokes(confirmed=True)

    def revoke_and_damage(key: bytes) -> Outcome:
        outcome = revoke(key)
        room.redis.set("audit:broken", "damaged", ex=60)
        return outcome

    outcome = room.run(State.FINISHING, revoke_and_damage)
    assert (outcome.end.kind, outcome.end.code) == ("wait", "audit-broken")
    assert room.vault.holds(room.id)
    assert room.steps() == {}
