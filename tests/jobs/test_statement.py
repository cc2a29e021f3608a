import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from engine import heir
from redis import Redis

from jobs import audit, scripts
from jobs.audit import Act
from jobs.errors import UnknownMigration
from jobs.migration import State
from jobs.requests import create
from jobs.retention import migration_parts, parts_ended, row_for, unlink_at_end
from jobs.statement import Issuer, NotDiscarded, statement_of
from migrator.ledger import Ledger
from migrator.outcome import Mark
from migrator.receipt import CONFIRMED_HOW, KEY_LOST_HOW, LIMITS, PERMISSIONS_PAGE, Policy, Receipt, Software, moment
from migrator.records import FolderState, Placed

SCOPE = "https://www.googleapis.com/auth/gmail.readonly"
ISSUER = Issuer(
    name="https://mail.example",
    policy=Policy("2026-10", "https://mail.example/privacy"),
    software=Software("gmail-migrator", "0.1.0"),
    mailbox="imap.example:993",
    scope=SCOPE,
)
STAFF = "5" * 32


class Begun:
    """A migration with a record and a ledger; everything else is written by the test."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.id = create(redis, "c1").id
        self.ledger: Ledger = heir(redis, Ledger(redis, self.id))
        self.log(Act.GRANTED)

    def log(self, act: Act, actor: audit.Actor = audit.CUSTOMER, code: str = "") -> None:
        audit.append(self.redis, actor, act, self.id, code)

    def write(self, part: str, value: Any) -> None:
        self.ledger.write(self.ledger.keep(part, value))

    def copies(self) -> None:
        """Write what a copied account of eight leaves: two folders, five outcomes."""
        marks = [Mark.COPIED] * 3 + [Mark.COPIED_ALTERED, Mark.ALREADY_THERE, Mark.SKIPPED_CHAT] + [Mark.PENDING] * 2
        folders = {1: "INBOX", 2: "Büro"}
        self.ledger.write(*self.ledger.plan(range(8), marks))
        self.ledger.write(*(self.ledger.folder(n, FolderState(name, 1, 1, 1)) for n, name in folders.items()))
        records = [Placed(n, n + 1, 100, b"d" * 16, b"l" * 8) for n in range(4)]
        self.ledger.write(*self.ledger.place(1, records[:3]), *self.ledger.place(2, records[3:]))
        self.write("verified", {"folder": 2, "done": 1, "found": 4, "identical": 4, "altered": 0, "missing": 0})

    def hash(self, part: str, rows: dict[str, Any]) -> None:
        self.redis.hset(self.ledger.key(part), mapping={name: str(value) for name, value in rows.items()})
        self.redis.expire(self.ledger.key(part), 3600)

    def reads(self, **calls: int) -> None:
        self.hash("calls", {name.replace("_", "."): count for name, count in calls.items()})

    def connects(self, *hosts: str, tls: str = "TLSv1.3 TLS_AES_256_GCM_SHA384") -> None:
        self.redis.sadd(self.ledger.key("hosts"), *hosts)
        self.redis.expire(self.ledger.key("hosts"), 3600)
        self.redis.set(self.ledger.key("tls"), tls, ex=3600)

    def revokes(self, tries: int = 1, *, confirmed: bool = True, at: float = 1_780_000_000) -> None:
        self.write("revocation", {"tries": tries, "confirmed": confirmed, "settled": True, "at": at})

    def discards(self, *without: str) -> None:
        steps = {"destroy": 1_780_000_001.5, "release": 1, "unlink": 1_780_000_002, "rewrite": 1_780_000_003}
        self.hash("discarding", {name: at for name, at in steps.items() if name not in without})
        unlink_at_end(self.redis, self.id)

    def receipt(self, end: State = State.DONE, now: float | None = None) -> Receipt:
        return statement_of(self.redis, self.id, end, ISSUER, now=now)


@pytest.fixture
def begun(redis: Redis) -> Begun:
    return Begun(redis)


def test_a_whole_import_is_told_from_its_keys(begun: Begun) -> None:
    begun.copies()
    begun.reads(users_messages_get=8, users_messages_list=1)
    begun.connects("imap.example:993", "gmail.googleapis.com:443", "oauth2.googleapis.com:443")
    begun.revokes()
    begun.discards()
    before = int(time.time())
    receipt = begun.receipt()
    assert receipt.read.scope == SCOPE
    assert receipt.read.calls == {"users.messages.get": 8, "users.messages.list": 1}
    written = receipt.written
    assert (written.mailbox, written.tls) == ("imap.example:993", "TLSv1.3 TLS_AES_256_GCM_SHA384")
    assert (written.messages, written.without_outcome) == (8, 2)
    assert written.outcomes == {"copied": 3, "copied (altered)": 1, "already there": 1, "skipped (chat)": 1}
    assert (written.folders, written.bytes) == ({"Büro": 1, "INBOX": 3}, 400)
    assert written.verified == {"found": 4, "identical": 4, "altered": 0, "missing": 0}
    assert receipt.contacted == ("gmail.googleapis.com:443", "imap.example:993", "oauth2.googleapis.com:443")
    assert (receipt.access.revocation, receipt.access.how) == ("confirmed", CONFIRMED_HOW)
    assert (receipt.access.at, receipt.access.tries, receipt.access.advice) == (moment(1_780_000_000), 1, "")
    assert receipt.discarded.key_destroyed == moment(1_780_000_001)
    assert receipt.discarded.data_unlinked == moment(1_780_000_002)
    assert receipt.discarded.log_rewrite_asked == moment(1_780_000_003)
    assert receipt.limits == LIMITS
    assert (receipt.issuer, receipt.policy, receipt.software) == (ISSUER.name, ISSUER.policy, ISSUER.software)
    assert moment(before - 5) <= receipt.began <= receipt.ended == receipt.issued


def test_what_was_unlinked_is_named_as_the_table_names_it(begun: Begun) -> None:
    begun.revokes()
    begun.discards()
    what = begun.receipt().discarded.what
    assert "grant, mailbox credentials and both addresses, sealed under the migration's key" in what
    assert "the signed receipt" not in what


@pytest.mark.parametrize("end", ["done", "done-with-exceptions", "cancelled", "expired"])
def test_every_end_has_its_receipt(begun: Begun, end: str) -> None:
    begun.revokes()
    begun.discards()
    assert begun.receipt(State(end)).end == end


@pytest.mark.parametrize("state", sorted(set(State) - {"done", "done-with-exceptions", "cancelled", "expired"}))
def test_what_is_no_end_has_none(begun: Begun, state: State) -> None:
    begun.revokes()
    begun.discards()
    with pytest.raises(ValueError, match="end"):
        begun.receipt(state)


def test_failures_are_among_the_outcomes(begun: Begun) -> None:
    begun.ledger.write(*begun.ledger.plan([1, 2], [Mark.COPIED, Mark.PENDING]))
    begun.ledger.write(*begun.ledger.fail(1, Mark.FAILED_REFUSED, "too-large"))
    begun.revokes()
    begun.discards()
    assert begun.receipt(State.DONE_WITH_EXCEPTIONS).written.outcomes == {"copied": 1, "failed (refused)": 1}


def test_cancelled_before_anything_was_read(begun: Begun) -> None:
    begun.revokes()
    begun.discards()
    receipt = begun.receipt(State.CANCELLED)
    assert (receipt.read.calls, receipt.contacted, receipt.written.tls) == ({}, (), "")
    assert (receipt.written.messages, receipt.written.outcomes, receipt.written.folders) == (0, {}, {})
    assert receipt.access.revocation == "confirmed"


def test_tries_that_did_not_help_send_the_customer_to_his_permissions_page(begun: Begun) -> None:
    begun.revokes(10, confirmed=False)
    begun.discards()
    access = begun.receipt(State.EXPIRED).access
    assert (access.revocation, access.tries) == ("unconfirmed", 10)
    assert PERMISSIONS_PAGE in access.advice


def test_a_lost_key_is_no_revocation(begun: Begun) -> None:
    begun.revokes(0, confirmed=False)
    begun.discards()
    access = begun.receipt(State.EXPIRED).access
    assert (access.revocation, access.how) == ("unconfirmed", KEY_LOST_HOW)
    assert PERMISSIONS_PAGE in access.advice


def test_a_revocation_that_nobody_noted_is_none(begun: Begun) -> None:
    begun.discards()
    access = begun.receipt(State.CANCELLED).access
    assert (access.revocation, access.at) == ("unconfirmed", None)


@pytest.mark.parametrize("word", ["true", 1, None, "yes", []])
def test_only_true_is_confirmed(begun: Begun, word: object) -> None:
    begun.write("revocation", {"tries": 1, "confirmed": word, "at": 1_780_000_000})
    begun.discards()
    assert begun.receipt().access.revocation == "unconfirmed"


def never_granted(redis: Redis) -> Begun:
    begun = Begun(redis)
    redis.delete(*redis.keys("audit:*"))
    begun.revokes(0, confirmed=False)
    begun.discards()
    return begun


def test_where_the_log_knows_of_no_grant_nothing_was_held(redis: Redis) -> None:
    begun = never_granted(redis)
    begun.log(Act.CANCELLED)
    access = begun.receipt(State.CANCELLED).access
    assert (access.revocation, access.at, access.advice) == ("nothing-held", None, "")


@pytest.mark.parametrize(
    "held",
    [
        lambda begun: begun.log(Act.GRANTED),
        lambda begun: begun.log(Act.RECONNECTED),
        lambda begun: begun.reads(users_getProfile=1),
    ],
)
def test_any_sign_of_a_grant_speaks_against_that(redis: Redis, held: Callable[[Begun], None]) -> None:
    begun = never_granted(redis)
    begun.log(Act.CANCELLED)
    held(begun)
    assert begun.receipt(State.CANCELLED).access.revocation == "unconfirmed"


def test_a_log_that_is_silent_about_the_migration_proves_nothing(redis: Redis) -> None:
    assert never_granted(redis).receipt(State.CANCELLED).access.revocation == "unconfirmed"


@pytest.mark.parametrize("step", ["destroy", "unlink", "rewrite"])
def test_there_is_no_receipt_before_each_step_of_discarding(begun: Begun, step: str) -> None:
    begun.revokes()
    begun.discards(step)
    with pytest.raises(NotDiscarded, match=step):
        begun.receipt()


@pytest.mark.parametrize("part", parts_ended())
def test_there_is_no_receipt_while_something_of_it_is_left(begun: Begun, part: str) -> None:
    begun.revokes()
    begun.discards()
    begun.redis.set(begun.ledger.key(part), "x", ex=60)
    with pytest.raises(NotDiscarded, match=part):
        begun.receipt()


def test_a_migration_nobody_knows_has_none(redis: Redis) -> None:
    with pytest.raises(UnknownMigration):
        statement_of(redis, "0" * 32, State.DONE, ISSUER)


def test_staff_that_looked_is_told_with_time_act_and_code_but_without_name(begun: Begun) -> None:
    begun.log(Act.PERMISSION_USED, audit.staff(STAFF), "folder-names")
    begun.log(Act.PAUSED, audit.CUSTOMER)
    audit.append(begun.redis, audit.staff(STAFF), Act.LOOKED, "f" * 32)
    begun.revokes()
    begun.discards()
    receipt = begun.receipt()
    assert [(act.act, act.code) for act in receipt.staff_access] == [("permission-used", "folder-names")]
    assert receipt.staff_access[0].at == moment(list(audit.entries(begun.redis, begun.id))[1].at)
    assert STAFF.encode() not in receipt.to_bytes()


def test_without_staff_the_list_is_empty_and_the_log_stands_where_it_stood(begun: Begun) -> None:
    begun.revokes()
    begun.discards()
    receipt = begun.receipt()
    assert receipt.staff_access == ()
    assert receipt.audit.checkpoint == str(audit.checkpoint(begun.redis))
    assert receipt.audit.checkpoint.startswith("1:")


def test_what_is_retained_is_what_the_table_keeps_and_ends_when_it_says(begun: Begun) -> None:
    begun.revokes()
    begun.discards()
    now = time.time()
    rows = {row.what: row for row in begun.receipt(now=now).retained}
    assert rows["the signed receipt"].until == moment(now + 24 * 3600)
    assert rows["Google units reserved, by opaque account name"].until == moment(now + 3600)
    log = rows["who did what when, hash-chained; no personal data"].until
    assert 400 <= (log - moment(now)).days <= 431
    a_day = [row for row in rows.values() if row.until == moment(now + 24 * 3600)]
    assert len(a_day) == len(migration_parts()) + len(["the record", "placed:*"]) - len(parts_ended())
    assert all(row.why and row.seen_by for row in a_day)


def test_every_key_that_is_left_is_retained_by_its_row(begun: Begun) -> None:
    begun.copies()
    begun.reads(users_messages_get=1)
    begun.connects("imap.example:993")
    begun.revokes()
    begun.discards()
    held = {row.what for row in begun.receipt().retained}
    left = [scripts.decoded(key) for key in begun.redis.keys(f"mig:{{{begun.id}}}*")]
    assert left
    for key in left:
        row = row_for(key)
        assert row is not None
        assert row.holds in held, key


@pytest.mark.parametrize(
    "name", [b"evil", b"", b"bob@evil:1", b"a b:1", b"\xff:1", b"x" * 300 + b":1", b"a:1\nb:2", b"a:1\n"]
)
def test_a_host_that_is_none_is_told_and_does_not_keep_the_receipt_from_being_made(begun: Begun, name: bytes) -> None:
    begun.connects("imap.example:993")
    begun.redis.sadd(begun.ledger.key("hosts"), name)
    begun.revokes()
    begun.discards()
    contacted = begun.receipt().contacted
    assert len(contacted) == 2
    assert "imap.example:993" in contacted
    assert not any("@" in place for place in contacted)


@pytest.mark.parametrize("name", ["\ud800 half", "a\x1b[31mb", "\u202e", "", "x" * 1000, "bob@example.com"])
def test_a_folders_name_of_any_kind_does_not_keep_the_receipt_from_being_made(begun: Begun, name: str) -> None:
    begun.ledger.write(*begun.ledger.plan([1], [Mark.COPIED]))
    begun.ledger.write(begun.ledger.folder(1, FolderState(name, 1, 1, 1)))
    begun.ledger.write(*begun.ledger.place(1, [Placed(0, 1, 5, b"d" * 16, b"l" * 8)]))
    begun.revokes()
    begun.discards()
    receipt = begun.receipt()
    assert sum(receipt.written.folders.values()) == 1
    assert Receipt.from_bytes(receipt.to_bytes()) == receipt


def test_a_receipt_holds_no_address_no_customer_and_no_account(begun: Begun) -> None:
    begun.copies()
    begun.write("account", "9" * 32)
    begun.revokes()
    begun.discards()
    text = begun.receipt().to_bytes().decode()
    assert "@" not in text
    assert not re.search(r'"c1"|9{32}', text)


def test_two_receipts_have_two_names(begun: Begun) -> None:
    begun.revokes()
    begun.discards()
    one, other = begun.receipt(now=5), begun.receipt(now=5)
    assert one.receipt != other.receipt
    assert {**json.loads(one.to_bytes()), "receipt": ""} == {**json.loads(other.to_bytes()), "receipt": ""}
