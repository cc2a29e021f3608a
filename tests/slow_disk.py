"""A disk that takes its time: the real server, with every fsync held up by strace."""

import itertools
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tenacity
from redis import Redis

_SECONDS = 1.5
"""Longer than a second, so that there is always an fsync under way, and the store postpones its writes meanwhile."""


@contextmanager
def slow_disk(server: int) -> Iterator[None]:
    """Let every fsync of the process `server` take 1.5 seconds longer within the block."""
    delay = f"inject=fsync,fdatasync:delay_enter={int(_SECONDS * 1e6)}"
    command = ["strace", "-f", "-q", "-p", str(server), "-e", "trace=fsync,fdatasync", "-e", delay, "-o", "/dev/null"]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        tenacity.Retrying(
            stop=tenacity.stop_after_delay(60),
            wait=tenacity.wait_fixed(0.05),
            retry=tenacity.retry_if_result(lambda traced: not traced),
        )(_is_traced, server)
        yield
    finally:
        tracer.kill()  # the kernel lets go of the server; asked kindly, strace waits for the delayed calls
        tracer.communicate()


def _is_traced(server: int) -> bool:
    threads = [status.read_text() for status in Path(f"/proc/{server}/task").glob("*/status")]
    return all("TracerPid:\t0\n" not in status for status in threads)


def write_a_while(redis: Redis) -> int:
    """Write until the disk cannot keep up, and return the last number written to `number`."""
    until = time.monotonic() + _SECONDS + 1
    for number in itertools.takewhile(lambda _: time.monotonic() < until, itertools.count(1)):
        redis.set("number", number, ex=60)
    return number
