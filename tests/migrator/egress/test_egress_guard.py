"""The hook as a function; `tests/jobs/test_egress_child.py` closes the doors for good, in processes of their own."""

import _posixsubprocess
import os
import posix
import socket
import sys
import timeit
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrator.egress import EgressRefused, Inside, close_the_doors
from migrator.egress.guard import Hook, watching

Told = list[str]


@pytest.fixture
def inside(tmp_path: Path) -> Inside:
    return Inside(str(tmp_path), frozenset({("localhost", 443)}))


CHANGED = [
    *((module, name) for module in (os, posix) for name in ("mkfifo", "mknod", "chroot")),
    *((_posixsubprocess, "fork_exec"), (socket, "getaddrinfo"), (sys, "dont_write_bytecode")),
]
INHERITED = ("sendto", "bind", "listen")


@pytest.fixture
def _as_before() -> Iterator[None]:
    """Put back, after the test, what closing the doors changes in this process."""
    before = [(owner, name, getattr(owner, name)) for owner, name in CHANGED]
    sys.dont_write_bytecode = False
    yield
    for owner, name, value in before:
        setattr(owner, name, value)
    for name in INHERITED:
        delattr(socket.socket, name)


@pytest.fixture
def closed(inside: Inside, _as_before: None) -> tuple[Hook, Told]:
    """Close the doors, but hold the hook in the hand; give it with what is told of refusals."""
    installed: list[Hook] = []
    refused = Told()
    close_the_doors(inside, refused.append, installed.append)
    assert len(installed) == 1
    return installed[0], refused


def test_a_refusal_is_told_before_it_is_raised(inside: Inside) -> None:
    def refused(what: str) -> None:
        raise KeyError(what)

    hook = watching(inside, refused)
    with pytest.raises(KeyError):
        hook("os.system", (b"true",))


def test_every_refusal_is_told_and_raised(closed: tuple[Hook, Told]) -> None:
    hook, refused = closed
    for event, args in (("os.system", (b"true",)), ("socket.connect", (None, ("8.8.8.8", 25)))):
        with pytest.raises(EgressRefused, match=r"^(process|connect)$"):
            hook(event, args)
    assert refused == ["process", "connect"]


def test_what_has_no_rule_passes(closed: tuple[Hook, Told]) -> None:
    hook, refused = closed
    hook("object.__getattr__", (object(), "x"))
    assert refused == []


_heard: list[list[tuple[str, tuple[Any, ...]]]] = []


def _note(event: str, args: tuple[Any, ...]) -> None:
    if _heard:
        _heard[-1].append((event, args))


sys.addaudithook(_note)


@pytest.fixture
def heard() -> Iterator[list[tuple[str, tuple[Any, ...]]]]:
    """Give the list of this process's audit events during the test."""
    _heard.append([])
    yield _heard[-1]
    _heard.pop()


@pytest.mark.usefixtures("closed")
def test_calls_that_python_does_not_announce_announce_themselves(
    heard: list[tuple[str, tuple[Any, ...]]], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileNotFoundError):
        posix.chroot(tmp_path / "not-there")
    with socket.socket() as sock:
        sock.listen()
        assert ("socket.listen", (sock,)) in heard
    assert ("os.mkfifo", (tmp_path / "pipe",)) in heard
    assert ("os.chroot", (tmp_path / "not-there",)) in heard


@pytest.mark.usefixtures("closed")
def test_a_name_of_no_door_is_announced_before_it_is_looked_up(heard: list[tuple[str, tuple[Any, ...]]]) -> None:
    assert socket.getaddrinfo("localhost", 443)
    before = len(heard)
    assert socket.getaddrinfo("localhost", 80)
    events = [event for event in heard if event[0] == "socket.getaddrinfo"]
    assert ("socket.getaddrinfo", ("localhost", 80, 0, 0, 0)) in heard[before:]
    assert len(events) == 3, "the first name is announced by Python, the second by us as well"


@pytest.mark.usefixtures("_as_before")
def test_what_a_system_does_not_have_stays_missing(inside: Inside) -> None:
    chroot = posix.chroot
    del posix.chroot
    close_the_doors(inside, Told().append, lambda _: None)
    assert not hasattr(posix, "chroot")
    posix.chroot = chroot


def test_no_bytecode_is_written_any_more(closed: tuple[Hook, Told]) -> None:
    assert closed
    assert sys.dont_write_bytecode


def test_an_event_without_a_rule_costs_next_to_nothing(closed: tuple[Hook, Told]) -> None:
    hook, _ = closed
    each = min(timeit.repeat(lambda: hook("object.__getattr__", ()), number=20_000, repeat=5)) / 20_000
    assert each < 5e-6  # some 0.1e-6 on an idle machine; a look at a file or at all rules would take far more
