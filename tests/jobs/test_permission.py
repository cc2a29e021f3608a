"""Support permission: the customer's click, a closed list, a day; each use told before it happens."""

import time

import pytest
from redis import Redis

from jobs import audit, requests
from jobs.audit import Act, AuditBroken, staff
from jobs.errors import UnknownMigration
from jobs.migration import State, new_id, record_key
from jobs.permission import LONGEST_SECONDS, Field, ask, end, give, held, may, question, uses
from jobs.requests import create
from jobs.retention import ENDED_SECONDS, UNFINISHED_SECONDS
from jobs.slice import advance, ended
from jobs.statement import _staff
from jobs.tickets import claim, release

ANN, BOB = staff("a" * 32), staff("b" * 32)
HOUR = 3600


@pytest.fixture
def mine(redis: Redis) -> str:
    return create(redis, "c1").id


def acts(redis: Redis, migration: str) -> list[tuple[str, str, str]]:
    return [(str(e.actor), str(e.act), e.code) for e in audit.entries(redis, migration)]


def test_without_a_permission_the_staff_sees_nothing_more(redis: Redis, mine: str) -> None:
    assert not any(may(redis, ANN, mine, field) for field in Field)
    assert acts(redis, mine) == []


def test_the_staff_sees_what_was_allowed_and_nothing_else(redis: Redis, mine: str) -> None:
    give(redis, mine, [Field.FOLDER_NAMES, Field.REPORT])
    assert {field for field in Field if may(redis, ANN, mine, field)} == {Field.FOLDER_NAMES, Field.REPORT}


def test_of_this_import_alone(redis: Redis, mine: str) -> None:
    other = create(redis, "c1").id
    give(redis, mine, Field)
    assert not may(redis, ANN, other, Field.REPORT)


def test_each_use_is_written_down_before_the_answer_and_told_to_the_customer(redis: Redis, mine: str) -> None:
    give(redis, mine, [Field.HISTORY])
    assert may(redis, ANN, mine, Field.HISTORY)
    assert may(redis, BOB, mine, Field.HISTORY)
    assert acts(redis, mine) == [
        ("customer", Act.PERMISSION_GIVEN, ""),
        (str(ANN), Act.PERMISSION_USED, "history"),
        (str(BOB), Act.PERMISSION_USED, "history"),
    ]
    assert [(use.staff, use.field) for use in uses(redis, mine)] == [(str(ANN), "history"), (str(BOB), "history")]


def test_the_receipt_lists_each_use(redis: Redis, mine: str) -> None:
    give(redis, mine, [Field.HISTORY])
    may(redis, ANN, mine, Field.HISTORY)
    (told,) = _staff(audit.entries(redis, mine))
    assert (told.act, told.code) == ("permission-used", "history")


def test_without_an_audit_log_there_is_no_use_and_no_permission(redis: Redis, mine: str) -> None:
    give(redis, mine, Field)
    redis.set("audit:broken", "torn", ex=600)
    with pytest.raises(AuditBroken):
        may(redis, ANN, mine, Field.REPORT)
    redis.delete(f"{record_key(mine)}:permission")
    with pytest.raises(AuditBroken):
        give(redis, mine, Field)
    assert held(redis, mine) is None


def test_it_is_no_more_when_it_is_taken_back(redis: Redis, mine: str) -> None:
    give(redis, mine, Field)
    assert end(redis, mine)
    assert held(redis, mine) is None
    assert not may(redis, ANN, mine, Field.REPORT)
    assert acts(redis, mine)[-1] == ("customer", Act.PERMISSION_ENDED, "")
    assert not end(redis, mine)
    assert len(acts(redis, mine)) == 2


def test_the_staff_ends_it_when_the_case_is_resolved(redis: Redis, mine: str) -> None:
    give(redis, mine, Field)
    end(redis, mine, actor=ANN)
    assert acts(redis, mine)[-1] == (str(ANN), Act.PERMISSION_ENDED, "")


class Hesitant(Redis):
    """A client over which the customer takes his permission back just as its use is being written down."""

    def rpush(self, name: object, *values: object) -> object:  # type: ignore[override]
        end(Redis(connection_pool=self.connection_pool), self.migration)
        return super().rpush(name, *values)  # type: ignore[arg-type]

    migration = ""


def test_taken_back_while_it_is_being_used_the_answer_is_no(redis: Redis, mine: str) -> None:
    """The log then tells of a use that did not happen: it may say too much, never too little."""
    give(redis, mine, Field)
    client = Hesitant(connection_pool=redis.connection_pool)
    client.migration = mine
    assert not may(client, ANN, mine, Field.REPORT)
    assert [act for _, act, _ in acts(redis, mine)] == [
        Act.PERMISSION_GIVEN,
        Act.PERMISSION_ENDED,
        Act.PERMISSION_USED,
    ]


@pytest.mark.parametrize("after", [LONGEST_SECONDS, LONGEST_SECONDS + 1, 71 * HOUR])
def test_after_a_day_it_is_no_more_though_its_key_may_be(redis: Redis, mine: str, after: int) -> None:
    now = time.time()
    given = give(redis, mine, Field, now=now)
    requests.touch(redis, mine)  # as each step of the import does
    ttl = redis.ttl(f"{record_key(mine)}:permission")
    assert isinstance(ttl, int)
    assert ttl > LONGEST_SECONDS
    assert held(redis, mine, now=now + LONGEST_SECONDS - 1) == given
    assert held(redis, mine, now=now + after) is None
    assert not may(redis, ANN, mine, Field.REPORT, now=now + after)


def test_it_lasts_no_longer_than_the_data(redis: Redis, mine: str) -> None:
    for step in (advance(State.FINISHING), ended(State.DONE)):
        claimed = claim(redis, 10.0)
        assert claimed is not None
        release(redis, claimed.id, claimed.token, step)
    at = requests.read(redis, mine).ended_at
    assert give(redis, mine, Field, now=at + 10 * HOUR).until == at + ENDED_SECONDS


def test_of_an_import_that_rests_no_longer_than_that_either(redis: Redis, mine: str) -> None:
    at = requests.read(redis, mine).progress_at
    assert give(redis, mine, Field, now=at + 60 * HOUR).until == at + UNFINISHED_SECONDS


def test_giving_again_replaces_what_was_given(redis: Redis, mine: str) -> None:
    give(redis, mine, Field)
    give(redis, mine, [Field.REPORT])
    assert not may(redis, ANN, mine, Field.HISTORY)


def test_a_permission_names_what_may_be_seen(redis: Redis, mine: str) -> None:
    with pytest.raises(ValueError, match="names"):
        give(redis, mine, [])
    with pytest.raises(ValueError, match="mail"):
        give(redis, mine, ["mail"])  # type: ignore[list-item]


@pytest.mark.parametrize("who", [audit.CUSTOMER, audit.WORKER, audit.TERMINAL])
def test_permissions_are_for_the_staff_by_name(redis: Redis, mine: str, who: audit.Actor) -> None:
    give(redis, mine, Field)
    with pytest.raises(ValueError, match="staff"):
        may(redis, who, mine, Field.REPORT)


def test_there_is_none_for_an_import_that_is_not(redis: Redis) -> None:
    with pytest.raises(UnknownMigration):
        give(redis, new_id(), Field)
    with pytest.raises(UnknownMigration):
        uses(redis, new_id())


def test_asking_shows_nothing_and_is_written_down_before_it_is_asked(redis: Redis, mine: str) -> None:
    asked = ask(redis, mine, [Field.REPORT], ANN)
    assert question(redis, mine) == asked
    assert not any(may(redis, ANN, mine, field) for field in Field)
    assert acts(redis, mine) == [(str(ANN), Act.PERMISSION_ASKED, "")]
    redis.set("audit:broken", "damaged", ex=60)
    with pytest.raises(AuditBroken):
        ask(redis, mine, Field, ANN)
    assert question(redis, mine) == asked


def test_a_question_ends_by_an_answer_after_a_day_and_with_the_data(redis: Redis, mine: str) -> None:
    ask(redis, mine, [Field.REPORT], ANN)
    give(redis, mine, [Field.HISTORY])
    assert question(redis, mine) is None
    asked = ask(redis, mine, Field, ANN)
    assert question(redis, mine, now=asked.asked_at + LONGEST_SECONDS - 1) == asked
    assert question(redis, mine, now=asked.asked_at + LONGEST_SECONDS) is None
    late = time.time() + UNFINISHED_SECONDS - 60
    assert ask(redis, mine, Field, ANN, now=late).until < late + HOUR


def test_only_the_staff_asks_and_for_something(redis: Redis, mine: str) -> None:
    with pytest.raises(ValueError, match="for the staff"):
        ask(redis, mine, Field, audit.CUSTOMER)
    with pytest.raises(ValueError, match="what it is about"):
        ask(redis, mine, [], ANN)
    with pytest.raises(UnknownMigration):
        ask(redis, new_id(), Field, ANN)
