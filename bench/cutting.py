"""A line to the mail server that can be cut: a TCP proxy which resets, stalls, or cuts in the middle of a literal."""

import asyncio
import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Literal

Cut = Literal["reset", "stall", "literal"]
"""Connections are reset at once, say nothing for some seconds and are reset then, or in the middle of a literal."""

_CHUNK = 64 * 1024
_LITERAL = re.compile(rb"\{(\d+)\+?\}\r\n")
_STALL_SECONDS = 5.0
_LINGER = struct.pack("ii", 1, 0)  # closing resets: RFC 9293 §3.10.7.4, socket(7)


class Line:
    """The proxy in front of one port of the loopback, in a thread of its own; made by `line`."""

    def __init__(self, port: int) -> None:
        self._behind = port
        self._loop = asyncio.new_event_loop()
        self._talks: set[_Talk] = set()
        self._armed = False
        self.hit = threading.Event()
        """Set when an armed cut came about."""
        self._server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, name="line", daemon=True)
        self._thread.start()

    @property
    def in_use(self) -> bool:
        """True while anybody is connected."""
        return bool(self._talks)

    def cut(self, how: Cut) -> None:
        """Cut every connection there is; `literal`: the first one that sends mail next, which sets `hit`."""
        self.hit.clear()
        self._loop.call_soon_threadsafe(partial(self._cut, how))

    def spare(self) -> None:
        """Take back a cut that has not come about."""
        self._armed = False

    def stop(self) -> None:
        """End the proxy and whatever goes through it."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _cut(self, how: Cut) -> None:
        self._armed = how == "literal"
        for talk in tuple(self._talks) if how != "literal" else ():
            if how == "reset":
                talk.reset()
            else:
                talk.silent = True
                self._loop.call_later(_STALL_SECONDS, talk.reset)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server = await asyncio.open_connection("127.0.0.1", self._behind)
        except OSError:
            writer.close()
            return
        talk = _Talk(writer, server[1])
        self._talks.add(talk)
        with suppress(OSError):
            await asyncio.gather(self._up(talk, reader, server[1]), talk.pass_on(server[0], writer))
        self._talks.discard(talk)
        talk.reset()

    async def _up(self, talk: "_Talk", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            found = _LITERAL.search(data) if self._armed else None
            if found:
                # Half of the mail is handed on, then nothing more: synchronising or not, the literal stays open.
                self._armed = False
                writer.write(data[: found.end() + min(int(found[1]) // 2, len(data) - found.end() - 1)])
                await writer.drain()
                self.hit.set()
                break
            await talk.hand_on(data, writer)
        talk.reset()


class _Talk:
    """One connection and its other half at the server."""

    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self._writers = writers
        self.silent = False

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            await self.hand_on(data, writer)
        writer.close()

    async def hand_on(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        if not self.silent:
            writer.write(data)
            await writer.drain()

    def reset(self) -> None:
        for writer in self._writers:
            sock: socket.socket | None = writer.get_extra_info("socket")
            if sock is not None and sock.fileno() >= 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
            writer.transport.abort()


@contextmanager
def line(port: int) -> Iterator[Line]:
    """Run the proxy in front of a port of the loopback until the block ends."""
    made = Line(port)
    try:
        yield made
    finally:
        made.stop()
