"""What becomes of an exchange that connected nothing: cleared away when nothing is left of it, else handed over.

Handed over, it is an import that is cancelled before it began: slices give the access back as at the end of any other,
with patience and proof, and what Google does not confirm is told to its customer and to the operators, as for any other
(`jobs.discarding`). Of an answer that was lost nobody holds a token: that access is unconfirmed from the beginning.
"""

import json
import time
from contextlib import suppress

from redis import Redis

from jobs import accounts, exchanges, requests
from jobs.discarding import Revocation
from jobs.durable import wait_for_disk
from jobs.errors import IllegalTransition
from jobs.exchanges import Exchange, Standing
from jobs.launch import leave_unchosen
from jobs.migration import part_key, record_key
from jobs.retention import UNFINISHED_SECONDS, unlink_at_end
from oauth.vault import Vault

_AGAIN_SECONDS = 60.0
"""Where whoever hands over dies, somebody goes on so much later."""

_PREPARED = ("calls", "hosts", "choices", "mailbox", "revocation")
"""Parts that outlive an import, and may be written before its record is."""


def clear_away(redis: Redis, vault: Vault, exchange_id: str) -> None:
    """Leave nothing of an exchange of which nothing is left at Google; twice is harmless.

    What is sealed goes before its key: a sealed code without one would be taken for one whose key is lost.
    """
    redis.unlink(part_key(exchange_id, "sealed"))
    vault.destroy(exchange_id)
    accounts.release(redis, exchange_id)
    unlink_at_end(redis, exchange_id)
    redis.unlink(*(part_key(exchange_id, part) for part in _PREPARED))
    exchanges.drop(redis, exchange_id)


def hand_over(redis: Redis, exchange_id: str, customer: str, *, lost: bool = False) -> None:
    """Make an import of it that is cancelled already; its account, where it is known, is claimed for it.

    Args:
        redis: the state store.
        exchange_id: the exchange; what is sealed for it is given back by a slice.
        customer: the customer's opaque id.
        lost: nobody holds a token that could be given back, and access may be left all the same.
    """
    if lost:
        row = Revocation(held=True, settled=True, at=time.time()).as_row()
        redis.set(part_key(exchange_id, "revocation"), json.dumps(row), ex=UNFINISHED_SECONDS)
    exchanges.put_off(redis, Exchange(exchange_id, customer, 0.0), Standing.ENDING, _AGAIN_SECONDS)
    carry_on(redis, exchange_id, customer)


def carry_on(redis: Redis, exchange_id: str, customer: str) -> None:
    """Finish a handing over that may have been cut off anywhere; twice is once."""
    if not redis.exists(record_key(exchange_id)):
        leave_unchosen(redis, exchange_id)
        requests.create(redis, customer, migration_id=exchange_id, start=False)
    with suppress(IllegalTransition):  # it has ended meanwhile
        requests.cancel(redis, exchange_id)
    wait_for_disk(redis)
    exchanges.drop(redis, exchange_id)
