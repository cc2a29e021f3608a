"""Whether the stores answer, and take what is written, within a second: what `/readyz` says.

A store that follows another one, is full, or misses its replicas still answers every question, and serves nobody.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait

import structlog
from redis import Redis

from jobs.broker import open_state
from jobs.storetrouble import trouble_of
from web.operator.fresh import Fresh

_log = structlog.get_logger()

_SECONDS = 1.0
_PROBE_SECONDS = 60


def takes_writes(name: str, store: Redis) -> None:
    """Write a key that means nothing and ends by itself."""
    store.set(f"ready:{name}", 1, ex=_PROBE_SECONDS)


def answers(_: str, store: Redis) -> None:
    """Ask for an answer: enough for those who only read."""
    store.ping()


def readiness(urls: Mapping[str, str], ask: Callable[[str, Redis], None] = takes_writes) -> Callable[[], bool]:
    """Return the function that tells whether all these stores serve; they are asked at most once a second.

    Args:
        urls: of the stores, by the name the log calls them: in the log alone it is told which one is in trouble.
        ask: what each is asked; raises where it cannot serve.
    """
    clients = {name: open_state(url, _SECONDS) for name, url in urls.items()}
    asking, fresh = ThreadPoolExecutor(len(clients), "ready"), Fresh(_SECONDS)
    said: dict[str, str] = {}

    def all_serve() -> bool:
        asked = {name: asking.submit(ask, name, client) for name, client in clients.items()}
        wait(asked.values(), _SECONDS)
        found = {name: code for name, one in asked.items() if (code := _trouble(one))}
        _tell(said, found)
        return not found

    return lambda: fresh.look("stores", all_serve)


def _trouble(asked: "Future[None]") -> str:
    """Return why a store cannot serve; empty where it can."""
    if not asked.done():
        return "store-silent"
    error = asked.exception()
    return "" if error is None else trouble_of(error) or "store-refused"


def _tell(said: dict[str, str], found: Mapping[str, str]) -> None:
    """Tell the log what is new about the stores, and remember it as said."""
    for name, code in found.items():
        if said.get(name) != code:
            _log.warning("not-ready", place=name, code=code)
    if said and not found:
        _log.warning("ready-again")
    said.clear()
    said.update(found)
