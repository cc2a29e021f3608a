import json
import re
import time

import pytest
from redis import Redis
from statements import ISSUER, SCOPE, STAFF, Begun

from jobs import audit, scripts
from jobs.audit import Act
from jobs.errors import UnknownMigration
from jobs.migration import State
from jobs.retention import migration_parts, parts_ended, row_for
from jobs.statement import NotDiscarded, statement_of
from migrator.outcome import Mark
from migrator.receipt import CONFIRMED_HOW, LIMITS, Receipt, moment
from migrator.records import FolderState, Placed


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
    assert receipt.audit.checkpoint.startswith("0:")  # nobody keeps the log here; with a keeper: tests/story


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
