"""Open progress pages kept up to date: one watcher for all of them, whatever their number.

    page ──events──► its queue ◄── watcher: what moved? (one question for all) ─► look ─► told in each page's language

No thread belongs to a page. The watcher begins with the first page and ends with the last; it asks the store for the
few fields that change when an import moves, and looks closer at those that did, one after the other.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain

import structlog
from anyio import to_thread
from redis.asyncio import Redis

from jobs.migration import part_key, record_key
from web.busy import is_trouble
from web.views.language import Language

_log = structlog.get_logger()

_ROUND_SECONDS = 1.0
_REFRESH_SECONDS = 60
"""A pace that has come to a standstill is told, too, though nothing moves."""

_LONGEST_SECONDS = 600.0
"""Then the browser asks again by itself, and its session is looked at anew."""

_MOST_PAGES = 20
"""Pages open on one import; of more, the oldest is let go."""

_AT_ONCE = 200

_FIELDS = ("state", "phase", "reason", "wish", "until", "ending", "progress_at")


@dataclass(frozen=True, slots=True)
class Told:
    """How an import stands: the part of the page, and the key of the page it belongs to (`Running.key`)."""

    key: str
    part: str


Look = Callable[[str, tuple[Language, ...]], Mapping[str, Told]]
"""Looks at an import: its id and the languages wanted; returns what to tell by language tag, nothing when it is gone.

Called in a thread."""


@dataclass(eq=False, slots=True)
class _Page:
    migration: str
    language: Language
    is_new: bool = True
    news: "asyncio.Queue[Told | None]" = field(default_factory=lambda: asyncio.Queue(1))

    def tell(self, told: Told | None) -> None:
        """Put the newest word in the place of one that was not fetched."""
        self.is_new = False
        if self.news.full():
            self.news.get_nowait()
        self.news.put_nowait(told)


class Watching:
    """All open pages of one server process.

    Args:
        connect: opens a client of the state store in the server's loop.
        look: looks at one import.
        closing: set when the server ends; the pages are let go then.
    """

    def __init__(self, connect: Callable[[], Redis], look: Look, closing: threading.Event) -> None:
        self._connect = connect
        self._look = look
        self._closing = closing
        self._pages: dict[str, list[_Page]] = {}
        self._seen: dict[str, object] = {}
        self._watcher: asyncio.Task[None] | None = None

    async def news_of(self, migration: str, language: Language) -> AsyncIterator[Told]:
        """Yield how an import stands, now and whenever it moves, for ten minutes at most."""
        page = _Page(migration, language)
        self._let_in(page)
        ends = time.monotonic() + _LONGEST_SECONDS
        try:
            while told := await asyncio.wait_for(page.news.get(), max(0.0, ends - time.monotonic())):
                yield told
        except TimeoutError:
            return
        finally:
            self._let_go(page)

    def _let_in(self, page: _Page) -> None:
        same = self._pages.setdefault(page.migration, [])
        same.append(page)
        for oldest in same[:-_MOST_PAGES]:
            oldest.tell(None)
            self._let_go(oldest)
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.get_running_loop().create_task(self._watch())

    def _let_go(self, page: _Page) -> None:
        same = self._pages.get(page.migration, [])
        if page in same:
            same.remove(page)
        if not same:
            self._pages.pop(page.migration, None)
            self._seen.pop(page.migration, None)

    async def _watch(self) -> None:
        try:
            async with self._connect() as redis:
                while self._pages and not self._closing.is_set():
                    await self._round(redis)
                    await asyncio.sleep(_ROUND_SECONDS)
        except Exception as error:  # noqa: BLE001 - the pages are let go; browsers come again by themselves
            _note(error)
        finally:
            for page in chain.from_iterable(self._pages.values()):
                page.tell(None)

    async def _round(self, redis: Redis) -> None:
        watched = list(self._pages)
        for begin in range(0, len(watched), _AT_ONCE):
            some = watched[begin : begin + _AT_ONCE]
            for migration, now in zip(some, await _stand(redis, some), strict=True):
                moved = self._seen.get(migration) != now
                pages = [page for page in self._pages.get(migration, ()) if moved or page.is_new]
                if pages:
                    self._seen[migration] = now
                    await self._tell(pages)

    async def _tell(self, pages: list[_Page]) -> None:
        """Tell pages of one import, and rest as long as that took: the pages that are asked for come first."""
        languages = tuple({page.language.tag: page.language for page in pages}.values())
        begun = time.monotonic()
        told = await to_thread.run_sync(self._safely, pages[0].migration, languages)
        for page in pages:
            page.tell(told.get(page.language.tag))
        await asyncio.sleep(min(_ROUND_SECONDS, time.monotonic() - begun))

    def _safely(self, migration: str, languages: tuple[Language, ...]) -> Mapping[str, Told]:
        """Look; where that fails, only this import's pages are let go."""
        try:
            return self._look(migration, languages)
        except Exception as error:  # noqa: BLE001 - one import must not cut off the pages of all others
            _note(error)
            return {}


def _note(error: Exception) -> None:
    if not is_trouble(error, "events"):
        _log.critical("unhandled", place="page", error=error)


async def _stand(redis: Redis, migrations: Iterable[str]) -> list[object]:
    """Return of each import what changes when it moves."""
    ids = list(migrations)
    minute = [int((time.time() + hash(one) % _REFRESH_SECONDS) / _REFRESH_SECONDS) for one in ids]
    async with redis.pipeline(transaction=False) as asked:
        for one in ids:
            asked.hmget(record_key(one), *_FIELDS)
            asked.hget(part_key(one, "counts"), "bytes")
        answers = await asked.execute()
    return [(answers[2 * n], answers[2 * n + 1], minute[n]) for n in range(len(ids))]
