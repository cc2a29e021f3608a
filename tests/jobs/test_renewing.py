"""New credentials for a mailbox that refused the old ones: for the same mailbox alone, and written down first."""

import pytest
from redis import Redis
from vaults import WORKERS

from jobs import audit, mailboxes
from jobs.audit import CUSTOMER, AuditBroken
from jobs.errors import IllegalTransition
from jobs.launch import Import, launch, mailbox_of
from jobs.mailboxes import OtherMailbox
from jobs.migration import State, new_id
from jobs.renewing import renew
from jobs.requests import pause, read
from jobs.slice import paused
from jobs.tickets import claim, release
from migrator.mailbox import Credentials, MasterUser, OAuthToken, Password
from oauth.errors import SealBroken
from oauth.keyring import KeyRing
from oauth.vault import Safe, WorkersVault

OLD, NEW = Password("ann", "old"), Password("ann", "new")


class Room:
    """One import that the mailbox refused."""

    def __init__(self, redis: Redis, domain: str = "") -> None:
        self.redis = redis
        self.vault = WorkersVault(redis, KeyRing({"m": b"m" * 32}), WORKERS)
        self.id = new_id()
        self.vault.make(self.id)
        self.safe = Safe(redis, self.id, self.vault.key(self.id))
        launch(redis, self.vault, self.id, Import("c1", OLD, domain=domain))

    def refused(self, reason: str = "login-refused") -> None:
        claimed = claim(self.redis, 10)
        assert claimed is not None
        release(self.redis, claimed.id, claimed.token, paused(reason))

    def renew(self, credentials: Credentials = NEW, domain: str = "") -> None:
        renew(self.redis, self.vault, self.id, credentials, domain, actor=CUSTOMER)

    def is_untouched(self) -> bool:
        state = read(self.redis, self.id)
        return mailbox_of(self.safe) == OLD and state.state is State.PAUSED


@pytest.fixture
def room(redis: Redis) -> Room:
    made = Room(redis)
    made.refused()
    return made


@pytest.mark.parametrize("given", [NEW, Password("ANN", "new"), MasterUser("ann", "root", "r"), OAuthToken("ann", "t")])
def test_other_credentials_for_the_same_mailbox_are_sealed_and_the_import_goes_on(
    room: Room, given: Credentials
) -> None:
    room.renew(given)
    assert mailbox_of(room.safe) == given
    assert read(room.redis, room.id).state is State.PLANNING
    assert [(str(e.act), str(e.actor)) for e in audit.entries(room.redis)] == [("mailbox-renewed", "customer")]


@pytest.mark.parametrize("other", [Password("bob", "new"), MasterUser("bob", "ann", "x"), Password("", "")])
def test_another_mailbox_is_never_put_in_its_place(room: Room, other: Credentials) -> None:
    with pytest.raises(OtherMailbox):
        room.renew(other)
    assert room.is_untouched()


def test_the_same_name_at_another_mail_server_is_another_mailbox(room: Room) -> None:
    with pytest.raises(OtherMailbox):
        room.renew(domain="other.example")
    assert room.is_untouched()


def test_the_same_name_at_the_same_one_of_several_mail_servers_is_the_same_mailbox(redis: Redis) -> None:
    room = Room(redis, domain="host.example")
    room.refused()
    room.renew(domain="host.example")
    assert mailbox_of(room.safe) == NEW


def test_an_import_of_which_nobody_knows_the_mailbox_takes_none(room: Room) -> None:
    room.redis.delete(f"mig:{{{room.id}}}:mailbox")
    with pytest.raises(OtherMailbox):
        room.renew()


@pytest.mark.parametrize("reason", ["reconnect-needed", "key-lost"])
def test_an_import_that_waits_for_something_else_keeps_what_it_has(redis: Redis, reason: str) -> None:
    room = Room(redis)
    room.refused(reason)
    with pytest.raises(IllegalTransition):
        room.renew()
    assert room.is_untouched()


def test_an_import_that_its_customer_paused_stays_paused(redis: Redis) -> None:
    room = Room(redis)
    pause(redis, room.id)
    with pytest.raises(IllegalTransition):
        room.renew()
    assert room.is_untouched()


def test_an_import_that_works_is_left_alone(redis: Redis) -> None:
    room = Room(redis)
    with pytest.raises(IllegalTransition):
        room.renew()
    assert mailbox_of(room.safe) == OLD


def test_without_its_key_nothing_can_be_sealed(room: Room) -> None:
    room.vault.destroy(room.id)
    with pytest.raises(SealBroken):
        room.renew()
    assert not list(audit.entries(room.redis))


def test_what_cannot_be_written_down_is_not_done(room: Room) -> None:
    room.redis.set("audit:broken", "damaged", ex=60)
    with pytest.raises(AuditBroken):
        room.renew()
    assert room.is_untouched()


def test_a_rotated_master_key_still_knows_the_mailbox(room: Room) -> None:
    rotated = WorkersVault(room.redis, KeyRing({"n": b"n" * 32, "m": b"m" * 32}), WORKERS)
    mailboxes.check(room.redis, rotated, room.id, NEW)
    with pytest.raises(OtherMailbox):
        mailboxes.check(room.redis, WorkersVault(room.redis, KeyRing({"n": b"n" * 32}), WORKERS), room.id, NEW)
