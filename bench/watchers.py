"""People who watch: progress pages kept open by one process, so that measuring beside it is not slowed down by it.

Reads from standard input: first who watches what, as one line of JSON; then a line for each question, answered by a
line of JSON (`Heard`). Ends with its input.
"""

import asyncio
import html
import json
import re
import sys
from dataclasses import asdict, dataclass

from web.session import COOKIE

_CONNECT = re.compile(rb'sse-connect="([^"]+)"')
_AT_ONCE = 20
"""Pages that are being opened at a time."""


@dataclass(slots=True)
class Heard:
    """How many pages are open, and how many events came in all."""

    open: int = 0
    events: int = 0


@dataclass(frozen=True, slots=True)
class _Site:
    port: int
    host: str
    gate: asyncio.Semaphore


async def watch_all() -> None:
    """Open the pages one is told, and answer questions about them, until the input ends."""
    said = json.loads(await asyncio.to_thread(sys.stdin.readline))
    heard, site = Heard(), _Site(said["port"], said["host"], asyncio.Semaphore(_AT_ONCE))
    customers = [(str(cookie), str(migration)) for cookie, migration in said["customers"]]
    watching = [asyncio.create_task(_watch(site, *customer, heard=heard)) for customer in customers]
    while await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(asdict(heard)), flush=True)
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)


async def _watch(site: _Site, cookie: str, migration: str, heard: Heard) -> None:
    """Load a progress page and stay connected to its events, anew whenever the page is out of date."""
    async with site.gate:
        path = await _page(site, cookie, migration)
        reader, writer = await _asked(site, cookie, path)
        await reader.readuntil(b"\r\n\r\n")
    heard.open += 1
    try:
        async for line in reader:
            heard.events += line.startswith(b"event:")
    finally:
        heard.open -= 1
        writer.close()


async def _page(site: _Site, cookie: str, migration: str) -> str:
    """Return where a progress page's events come from."""
    reader, writer = await _asked(site, cookie, f"/imports/{migration}")
    found = _CONNECT.search(await reader.read())
    writer.close()
    if found is None:
        raise RuntimeError("this is no progress page")
    return html.unescape(found[1].decode())


async def _asked(site: _Site, cookie: str, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    lines = (f"GET {path} HTTP/1.1", f"Host: {site.host}", f"Cookie: {COOKIE}={cookie}", "Connection: close", "", "")
    writer.write("\r\n".join(lines).encode())
    await writer.drain()
    return reader, writer


if __name__ == "__main__":
    asyncio.run(watch_all())
