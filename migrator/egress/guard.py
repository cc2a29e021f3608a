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

from migrator.egress.dialling import EgressRefused
from migrator.egress.inside import Inside
from migrator.egress.refusals import RULES, Args

Hook = Callable[[str, Args], None]
Tell = Callable[[str], None]

_UNANNOUNCED = (
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


def close_the_doors(inside: Inside, refused: Tell, install: Callable[[Hook], None] = sys.addaudithook) -> None:
    """Have all that this process tries looked at, for good.

    Args:
        inside: what it may do by itself. The folder exists.
        refused: told what was tried, before EgressRefused is raised; so it is heard of even if that is swallowed.
        install: takes the hook.
    """
    sys.dont_write_bytecode = True
    socket.getaddrinfo = _of_known(socket.getaddrinfo, inside)
    for module, kind, name, event in _UNANNOUNCED:
        _announce(module, kind, name, event)
    install(watching(inside, refused))


def watching(inside: Inside, refused: Tell) -> Hook:
    """Return the hook: it passes an event, or tells of it and raises EgressRefused."""
    rules = dict(RULES)

    def hook(event: str, args: Args) -> None:
        rule = rules.get(event)
        what = rule(inside, args) if rule else None
        if what is not None:
            refused(what)
            raise EgressRefused(what)

    return hook


def _of_known(real: Callable[..., Any], inside: Inside) -> Callable[..., Any]:
    """Return a `getaddrinfo` that announces each other name before it does anything."""

    @wraps(real)
    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if (host, port) not in inside.names:
            sys.audit("socket.getaddrinfo", host, port, 0, 0, 0)
        return real(host, port, *args, **kwargs)

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
