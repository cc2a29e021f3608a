"""Whether the stores answer within a second: what `/readyz` says."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

from redis.exceptions import RedisError

from jobs.broker import open_state
from web.operator.fresh import Fresh

_SECONDS = 1.0


def readiness(*urls: str) -> Callable[[], bool]:
    """Return the function that tells whether all these stores answer; asked at most once a second."""
    clients = [open_state(url, _SECONDS) for url in urls]
    asking, fresh = ThreadPoolExecutor(len(clients), "ready"), Fresh(_SECONDS)

    def all_answer() -> bool:
        done, late = wait([asking.submit(client.ping) for client in clients], _SECONDS)
        return not late and not any(isinstance(one.exception(), (RedisError, OSError)) for one in done)

    return lambda: fresh.look("stores", all_answer)
