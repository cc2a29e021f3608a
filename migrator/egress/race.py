"""The first of a host's addresses to answer: Happy Eyeballs (RFC 8305).

Connections are begun a quarter of a second after one another, earlier where one is refused; the first made stands.
"""

import os
import select
import socket
import time
from collections.abc import Callable, Iterable
from errno import EINPROGRESS
from itertools import chain, zip_longest

STAGGER_SECONDS = 0.25
"""The connection attempt delay of RFC 8305 §5."""


def interleaved(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return addresses with IPv6 and IPv4 by turns, the first one's family first (RFC 8305 §4)."""
    found = list(addresses)
    first = [one for one in found if _is_6(one) == _is_6(found[0])]
    second = [one for one in found if _is_6(one) != _is_6(found[0])]
    return tuple(one for one in chain.from_iterable(zip_longest(first, second)) if one)


def first_to_answer(
    addresses: Iterable[str], port: int, seconds: float, over: Callable[[], bool] = lambda: False
) -> tuple[socket.socket, str]:
    """Return a connection to the first address that answers, and that address. There is one at least.

    Raises:
        OSError: every address refused; what the last of them said. `TimeoutError`: time is up, or it is `over`.
    """
    until, left = time.monotonic() + seconds, list(addresses)
    waiting: dict[socket.socket, str] = {}
    said: OSError = TimeoutError()
    try:
        while (left or waiting) and time.monotonic() < until and not over():
            try:
                if left:
                    address = left.pop(0)
                    waiting[_begun(address, port)] = address
                for sock in _settled(waiting, min(until - time.monotonic(), STAGGER_SECONDS)):
                    address = waiting.pop(sock)
                    return _made(sock, until), address
            except OSError as error:
                said = error
        raise TimeoutError if left or waiting else said
    finally:
        for sock in waiting:
            sock.close()


def _begun(address: str, port: int) -> socket.socket:
    """Return a socket whose connection is under way, or raise why not."""
    sock = socket.socket(socket.AF_INET6 if _is_6(address) else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.settimeout(0)
        _check(sock.connect_ex((address, port)))
    except BaseException:
        sock.close()
        raise
    return sock


def _settled(waiting: Iterable[socket.socket], seconds: float) -> list[socket.socket]:
    """Return the sockets whose connection is made or refused, once there is one, or time is up."""
    by_number = {sock.fileno(): sock for sock in waiting}
    poll = select.poll()
    for number in by_number:
        poll.register(number, select.POLLOUT)
    return [by_number[number] for number, _ in poll.poll(max(seconds, 0) * 1000)]


def _made(sock: socket.socket, until: float) -> socket.socket:
    """Return the socket, connected and blocking, or raise why it is not."""
    try:
        _check(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        sock.settimeout(max(until - time.monotonic(), 0.1))  # none left would mean: do not wait at all
    except BaseException:
        sock.close()
        raise
    return sock


def _check(number: int) -> None:
    if number not in {0, EINPROGRESS}:
        raise OSError(number, os.strerror(number))


def _is_6(address: str) -> bool:
    return ":" in address
