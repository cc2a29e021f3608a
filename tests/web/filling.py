"""A pool whose places are all taken."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from waiting import eventually

from web.pools import Pool


@contextmanager
def filled(pool: Pool) -> Iterator[threading.Event]:
    """Take all places of a pool until the event is set."""
    over, places = threading.Event(), pool.load.places

    async def fill() -> None:
        await asyncio.gather(*(pool.run(over.wait) for _ in range(places)))

    filling = threading.Thread(target=lambda: asyncio.run(fill()))
    filling.start()
    eventually(lambda: pool.load.working == places)
    try:
        yield over
    finally:
        over.set()
        filling.join()
        eventually(lambda: pool.load.working == 0)
