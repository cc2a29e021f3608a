"""A line with a round-trip time: a TCP proxy that hands everything on later, half of the time in each direction.

    python -m bench.delay PORT MILLISECONDS

It listens on a free port of the loopback, prints it, and ends with its standard input. Bandwidth is not limited.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.google import ROOT

_CHUNK = 64 * 1024
_UNDER_WAY = 512  # chunks in each direction: 32 MiB on the line


@contextmanager
def line(port: int, milliseconds: float) -> Iterator[int]:
    """Run a proxy in front of a loopback port; give its own port. Nothing is put in between for a time of 0."""
    if not milliseconds:
        yield port
        return
    command = [sys.executable, "-m", "bench.delay", str(port), str(milliseconds)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


async def serve(port: int, seconds: float) -> None:
    """Pass on connections to `port`, each byte `seconds` later, until standard input ends."""
    over = asyncio.Event()
    talks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.ensure_future(_talk(reader, writer, port, seconds))
        talks.add(talk)
        talk.add_done_callback(talks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), over.set)  # nothing is ever written: it is the end
    await over.wait()
    for talk in tuple(talks):
        talk.cancel()


async def _talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, seconds: float) -> None:
    their_reader, their_writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(_pass_on(reader, their_writer, seconds), _pass_on(their_reader, writer, seconds))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    clock = asyncio.get_running_loop().time
    line: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_UNDER_WAY)
    sending = asyncio.ensure_future(_send(line, writer))
    try:
        while data := await reader.read(_CHUNK):
            await line.put((clock() + seconds, data))
    except ConnectionResetError:
        pass  # an end like any other: the other side is told next
    await line.put((clock() + seconds, b""))
    await sending


async def _send(line: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter) -> None:
    clock, data = asyncio.get_running_loop().time, b"-"
    while data:
        due, data = await line.get()
        await asyncio.sleep(max(0.0, due - clock()))
        writer.write(data)
        await writer.drain()
    writer.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]) / 2000))
