"""The walls around a process with secrets: memory, core dumps, signals, descriptors, and those of the kernel."""

import os
import resource
import signal
import socket
import sys
import tempfile
from dataclasses import dataclass

from jobs import walls
from jobs.walls import kernel
from migrator.egress import dial_out

_MIB = 1 << 20
_STANDARD = 3
"""Descriptors 0 to 2: nothing, and the log."""


@dataclass(frozen=True, slots=True)
class Confines:
    """What a process is held to.

    Attributes:
        memory_mib: limit of the data segment (`RLIMIT_DATA`: heap, private mappings, thread stacks), in MiB.
        folder: where temporary files go; whoever made the folder removes it.
        readable: files and folders that it may read beside the libraries; None for a process without secrets, which
            the kernel holds to nothing.
    """

    memory_mib: int
    folder: str
    readable: tuple[str, ...] | None = None


def confine(confines: Confines) -> None:
    """Put this process behind its walls, for good; the kernel's come later, see `enclose`."""
    size = confines.memory_mib * _MIB
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (size, size))
    if sys.platform == "linux":
        kernel.be_unreadable()
    # A service's stop signal reaches the whole group. The worker stops its slices itself, one after the other.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # OpenSSL would write the keys of every connection to this file.
    os.environ.pop("SSLKEYLOGFILE", None)
    # Without it the C library would ask the system who this is, over a socket.
    os.environ["HOME"] = confines.folder
    os.umask(0o077)
    os.environ["TMPDIR"] = confines.folder
    tempfile.tempdir = confines.folder


def enclose(confines: Confines, pipe: int, channel: socket.socket) -> None:
    """Keep nothing open but the two lines to the parent and the log, and put the kernel's walls up.

    To be called before the first thread is started, and before the process is told anything.
    """
    if confines.readable is None:
        return
    _keep_open(pipe, channel.fileno())
    dial_out(channel)
    sys.audit("migrator.walls.before")
    walls.put_up(confines.readable, confines.folder)


def _keep_open(*descriptors: int) -> None:
    first = _STANDARD
    for one in sorted(descriptors):
        os.closerange(first, one)
        first = one + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))
