"""The doors of a slice's process closed: from then on what Python does is looked at before it is done (PEP 578).

A hook can't be taken out again. It is called for every audit event of the process, so all but a few are passed after
one look into a table. Some calls Python performs without an event, or looks a name up before it raises one; these are
made to raise it first.
"""

import importlib
import socket
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from migrator.egress.doors import Doors, Known
from migrator.egress.refusals import RULES, Args

Hook = Callable[[str, Args], None]
Tell = Callable[[str], None]

_UNANNOUNCED = (
    ("socket", "socket", "connect", "socket.connect"),
    ("socket", "socket", "connect_ex", "socket.connect"),
    ("socket", "socket", "sendto", "socket.sendto"),
    ("socket", "socket", "bind", "socket.bind"),
    ("socket", "socket", "listen", "socket.listen"),
    ("os", "", "mkfifo", "os.mkfifo"),
    ("os", "", "mknod", "os.mknod"),
    ("os", "", "chroot", "os.chroot"),
    ("posix", "", "mkfifo", "os.mkfifo"),
    ("posix", "", "mknod", "os.mknod"),
    ("posix", "", "chroot", "os.chroot"),
    ("_posixsubprocess", "", "fork_exec", "_posixsubprocess.fork_exec"),
)
"""Module, class, function, and the event it raises from now on."""


class EgressRefused(Exception):
    """A door is closed; `str()` is what was tried: connect, send, listen, resolve, write, read, process, native."""


def close_the_doors(
    doors: Doors, refused: Tell, contacted: Tell, install: Callable[[Hook], None] = sys.addaudithook
) -> None:
    """Leave this process nothing but its doors, for good.

    Args:
        doors: what stays open. Their folder exists.
        refused: told what was tried, before EgressRefused is raised; so it is heard of even if that is swallowed.
        contacted: told each `host:port` once, before the first connection to it is made.
        install: takes the hook.
    """
    sys.dont_write_bytecode = True
    known = doors.known()
    socket.getaddrinfo = _learning(socket.getaddrinfo, doors, known)
    for module, kind, name, event in _UNANNOUNCED:
        _announce(module, kind, name, event)
    install(watching(doors, known, refused, contacted))


def watching(doors: Doors, known: Known, refused: Tell, contacted: Tell) -> Hook:
    """Return the hook: it passes an event, or tells of it and raises EgressRefused."""
    rules = dict(RULES)
    told = {""}

    def hook(event: str, args: Args) -> None:
        rule = rules.get(event)
        if rule is None:
            return
        what = rule(doors, known, args)
        if what is not None:
            refused(what)
            raise EgressRefused(what)
        if event == "socket.connect" and (host := known.get(args[1][:2], "")) not in told:
            told.add(host)
            contacted(host)

    return hook


def _learning(real: Callable[..., Any], doors: Doors, known: Known) -> Callable[..., Any]:
    """Return a `getaddrinfo` after which connections to what it found are let through."""

    @wraps(real)
    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        found = real(host, port, *args, **kwargs)
        if (host, port) in doors.names:
            known.update({answer[4][:2]: known[host, port] for answer in found})
        return found

    return getaddrinfo


def _announce(module: str, kind: str, name: str, event: str) -> None:
    """Let a function raise an audit event before it does anything; one that this system does not have stays missing."""
    place: Any = importlib.import_module(module)
    owner = getattr(place, kind) if kind else place
    real = getattr(owner, name, None)
    if real is None:
        return

    @wraps(real)
    def announced(*args: Any, **kwargs: Any) -> Any:
        sys.audit(event, *args)
        return real(*args, **kwargs)

    setattr(owner, name, announced)
