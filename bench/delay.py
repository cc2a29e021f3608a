"""A line with a round-trip time: a TCP proxy that hands everything on later, half of the time in each direction.

    python -m bench.delay PORT MILLISECONDS

It listens on a free port of the loopback, prints it, and ends with its standard input, where a number of milliseconds
is the round-trip time from then on. Bandwidth is not limited.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO

from bench.google import ROOT

_CHUNK = 64 * 1024
_UNDER_WAY = 512  # chunks in each direction: 32 MiB on the line


@contextmanager
def line(port: int, milliseconds: float) -> Iterator[int]:
    """Run a proxy in front of a loopback port; give its own port. Nothing is put in between for a time of 0."""
    if not milliseconds:
        yield port
        return
    with adjustable_line(port, milliseconds) as made:
        yield made.port


@dataclass(frozen=True)
class Line:
    """A line that runs: the port of its near end."""

    port: int
    _input: IO[str] = field(repr=False)

    def set(self, milliseconds: float) -> None:
        """Change the round-trip time of what is sent from now on."""
        self._input.write(f"{milliseconds}\n")
        self._input.flush()


@contextmanager
def adjustable_line(port: int, milliseconds: float = 0) -> Iterator[Line]:
    """Run a proxy in front of a loopback port whose round-trip time can be changed."""
    command = [sys.executable, "-m", "bench.delay", str(port), str(milliseconds)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Line(int(process.stdout.readline()), process.stdin)
        finally:
            process.stdin.close()


@dataclass
class _Distance:
    """How many seconds a byte takes."""

    seconds: float


async def serve(port: int, distance: _Distance) -> None:
    """Pass on connections to `port`, each byte so much later, until standard input ends."""
    over = asyncio.Event()
    talks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.ensure_future(_talk(reader, writer, port, distance))
        talks.add(talk)
        talk.add_done_callback(talks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), _hear, distance, over)
    await over.wait()
    for talk in tuple(talks):
        talk.cancel()


def _hear(distance: _Distance, over: asyncio.Event) -> None:
    said = os.read(sys.stdin.fileno(), 4096).split()
    if said:
        distance.seconds = float(said[-1]) / 2000
    else:
        over.set()


async def _talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, distance: _Distance) -> None:
    their_reader, their_writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(_pass_on(reader, their_writer, distance), _pass_on(their_reader, writer, distance))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, distance: _Distance) -> None:
    clock = asyncio.get_running_loop().time
    line: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_UNDER_WAY)
    sending = asyncio.ensure_future(_send(line, writer))
    try:
        while data := await reader.read(_CHUNK):
            await line.put((clock() + distance.seconds, data))
    except ConnectionResetError:
        pass  # an end like any other: the other side is told next
    await line.put((clock() + distance.seconds, b""))
    await sending


async def _send(line: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter) -> None:
    clock, data = asyncio.get_running_loop().time, b"-"
    while data:
        due, data = await line.get()
        await asyncio.sleep(max(0.0, due - clock()))
        writer.write(data)
        with suppress(ConnectionError):  # nobody waits for it any more
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), _Distance(float(sys.argv[2]) / 2000)))
