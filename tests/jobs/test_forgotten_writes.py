"""A phase is over only when the store still has what its slice wrote last."""

from redis import Redis

from jobs.migration import State
from jobs.requests import create, read
from jobs.slice import advance, packed, unpacked
from jobs.tickets import claim, release
from migrator.ledger import Ledger


def test_a_phase_whose_last_write_is_forgotten_goes_on(redis: Redis) -> None:
    begun = create(redis, "acme")
    claimed = claim(redis, 10.0)
    assert claimed
    ledger = Ledger(redis, begun.id, claimed.token)
    ledger.note("since", "1")
    known = redis.dump(f"mig:{{{begun.id}}}")
    ledger.note("since", "2")
    redis.restore(f"mig:{{{begun.id}}}", 3_600_000, known, replace=True)  # type: ignore[arg-type]
    release(redis, begun.id, claimed.token, advance(State.COPYING, ledger.step))
    assert read(redis, begun.id).state is State.PLANNING


def test_a_phase_whose_last_write_is_known_is_over(redis: Redis) -> None:
    begun = create(redis, "acme")
    claimed = claim(redis, 10.0)
    assert claimed
    ledger = Ledger(redis, begun.id, claimed.token)
    ledger.note("since", "1")
    end = unpacked(packed(advance(State.COPYING, ledger.step)))
    release(redis, begun.id, claimed.token, end)
    assert read(redis, begun.id).state is State.COPYING
