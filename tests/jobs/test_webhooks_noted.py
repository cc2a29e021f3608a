"""Events noted by the step that they tell of, in one command with it: none is lost, none is told of a step undone."""

from redis import Redis

from jobs import requests
from jobs.migration import State
from jobs.slice import SliceEnd, again, ended, failed, paused, wait
from jobs.tickets import claim, release
from jobs.webhooks import DUE, Event


def events(redis: Redis) -> list[tuple[str, str]]:
    due = [member.decode() for member in redis.zrange(DUE, 0, -1)]  # type: ignore[union-attr]
    lines = [(one, line.decode()) for one in due for line in redis.lrange(f"mig:{{{one}}}:events", 0, -1)]  # type: ignore[union-attr]
    found = [Event.read(one, "c1", line) for one, line in lines]
    return [(str(event.state), event.code) for event in found]


def end(redis: Redis, how: SliceEnd, *, progressed: bool = False) -> None:
    claimed = claim(redis, 30)
    assert claimed
    release(redis, claimed.id, claimed.token, how, progressed=progressed)


def test_the_end_of_a_migration_is_noted(redis: Redis) -> None:
    migration = requests.create(redis, "c1").id
    requests.cancel(redis, migration)
    assert events(redis) == []
    end(redis, ended(State.DONE))
    assert events(redis) == [("cancelled", "")]


def test_what_needs_a_person_is_noted_and_a_pause_that_was_asked_for_is_not(redis: Redis) -> None:
    migration = requests.create(redis, "c1", start=False).id
    requests.resume(redis, migration)
    requests.pause(redis, migration)
    requests.resume(redis, migration)
    end(redis, again())
    end(redis, wait(9e9, "google-quota"))
    requests.resume(redis, migration)
    assert events(redis) == []
    end(redis, paused("reconnect-needed"))
    requests.resume(redis, migration)
    end(redis, failed("login-refused", resumable=True))
    assert events(redis) == [("paused", "reconnect-needed"), ("failed", "login-refused")]


def test_a_full_mailbox_is_told_once_until_there_was_progress(redis: Redis) -> None:
    migration = requests.create(redis, "c1").id
    for _ in range(3):
        end(redis, wait(9e9, "mailbox-full"))
        requests.resume(redis, migration)
    assert events(redis) == [("waiting", "mailbox-full")]
    end(redis, again(), progressed=True)
    end(redis, wait(9e9, "mailbox-full"))
    assert events(redis) == [("waiting", "mailbox-full")] * 2
