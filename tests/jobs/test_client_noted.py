"""Google refuses our own client: noted, told once by each worker, asked about by one, and over when it is accepted."""

from collections.abc import Iterator

import pytest
from redis import Redis
from structlog.testing import capture_logs

from jobs.clientrefused import LASTS_SECONDS, look, note, refused
from jobs.migration import State
from jobs.requests import create, read
from jobs.slice import SliceEnd, paused, wait
from jobs.tickets import claim, release
from oauth.token_errors import Kind, Refusal

CODE = "google-client-refused"


class Google:
    """Says what it is told to say of the client, and counts how often it was asked."""

    def __init__(self, *kinds: Kind) -> None:
        self._kinds: Iterator[Kind] = iter(kinds)
        self.asked = 0

    def __call__(self) -> Refusal:
        self.asked += 1
        return Refusal(next(self._kinds))


def looked(redis: Redis, google: Google, *, told: bool = True) -> bool:
    """Look, as if the time of the next question had come."""
    redis.delete("reconcile:client-asked")
    return look(redis, google, told=told)


def held(redis: Redis, end: SliceEnd) -> str:
    migration = create(redis, "c1")
    claimed = claim(redis, 10)
    assert claimed is not None
    release(redis, claimed.id, claimed.token, end)
    return migration.id


def test_each_worker_says_once_that_it_began_and_that_it_is_over(redis: Redis) -> None:
    note(redis, "invalid_client")
    google = Google(Kind.CLIENT)
    with capture_logs() as lines:
        told = looked(redis, google, told=False)
        told = look(redis, google, told=told)
        redis.delete("google:client-refused")
        told = look(redis, google, told=told)
    assert not told
    assert [(line["event"], line["log_level"]) for line in lines] == [
        (CODE, "error"),
        ("google-client-accepted", "info"),
    ]


def test_one_worker_of_all_asks(redis: Redis) -> None:
    note(redis, "")
    google = Google(Kind.CLIENT, Kind.CLIENT)
    for _ in range(5):
        look(redis, google, told=True)
    assert google.asked == 1


def test_once_it_is_accepted_what_waited_for_it_goes_on_and_nothing_else(redis: Redis) -> None:
    waits = held(redis, wait(9e9, CODE))
    others = [held(redis, wait(9e9, "google-down")), held(redis, paused("reconnect-needed"))]
    note(redis, "invalid_client")
    google = Google(Kind.CLIENT, Kind.LATER, Kind.GRANT)
    for state in (State.WAITING, State.WAITING, State.PLANNING):
        looked(redis, google)
        assert read(redis, waits).state is state
    assert {read(redis, other).state for other in others} == {State.WAITING, State.PAUSED}
    assert 0 < redis.ttl("google:client-refused") < 60
    looked(redis, google)
    assert google.asked == 3, "nobody was refused since, so nobody asks"


def test_where_only_some_grants_are_refused_their_imports_are_not_woken_again_and_again(redis: Redis) -> None:
    waits = held(redis, wait(9e9, CODE))
    for _ in range(3):
        note(redis, "unauthorized_client")
        looked(redis, Google(Kind.GRANT))
        assert read(redis, waits).state is State.WAITING


def test_no_question_about_the_client_says_anything_of_the_project(redis: Redis) -> None:
    note(redis, "SERVICE_DISABLED")
    google = Google()
    assert looked(redis, google, told=False)
    assert google.asked == 0


@pytest.mark.parametrize("kind", [Kind.CLIENT, Kind.LATER])
def test_it_lasts_while_nobody_says_otherwise_and_ends_by_itself(redis: Redis, kind: Kind) -> None:
    note(redis, "invalid_client")
    looked(redis, Google(kind))
    assert refused(redis)
    assert LASTS_SECONDS - 5 <= redis.ttl("google:client-refused") <= LASTS_SECONDS
