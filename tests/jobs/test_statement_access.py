"""What a receipt says of the access that was given: confirmed is what was confirmed, and nothing else."""

from collections.abc import Callable

import pytest
from redis import Redis
from statements import Begun

from jobs.audit import Act
from jobs.migration import State
from migrator.receipt import KEY_LOST_HOW, PERMISSIONS_PAGE


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
    begun.revokes(0, held=False, confirmed=False)
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
        lambda begun: begun.revokes(0, confirmed=False),
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
