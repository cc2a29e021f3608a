"""Which files a closed process reaches: a set of rules for the kernel (landlock(7)).

What is not named cannot be opened, made, removed or renamed; nothing may be executed; no process outside is sent a
signal or reached by an abstract socket. What it holds open already it keeps.
"""

import os
import stat
import struct
from collections.abc import Iterable

from jobs.walls import kernel

_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_WRITE_FILE, _REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG, _TRUNCATE = (
    1 << 1,
    1 << 4,
    1 << 5,
    1 << 7,
    1 << 8,
    1 << 14,
)
_READ = _READ_FILE | _READ_DIR
_OWN = _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _TRUNCATE
_OF_FILES = _READ_FILE | _WRITE_FILE | _TRUNCATE

_FILES = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
"""LANDLOCK_ACCESS_FS_*: all that each version knows."""

_NETWORK_SINCE, _NETWORK = 4, 0b11  # BIND_TCP, CONNECT_TCP
_SCOPES_SINCE, _SCOPES = 6, 0b11  # ABSTRACT_UNIX_SOCKET, SIGNAL
_NEWEST_FILES = max(_FILES)


def is_there() -> bool:
    """True if the kernel has it, switched on."""
    return kernel.landlock_abi() > 0


def close_files(readable: Iterable[str], folder: str) -> None:
    """Hold this thread, and those it starts, to these files: they and all beneath may be read, the folder written, too.

    Paths that do not exist are passed over.
    """
    abi = kernel.landlock_abi()
    files = _FILES[min(abi, _NEWEST_FILES)]
    network, scopes = (_NETWORK if abi >= _NETWORK_SINCE else 0), (_SCOPES if abi >= _SCOPES_SINCE else 0)
    size = 24 if scopes else 16 if network else 8
    ruleset = kernel.create_ruleset(struct.pack("=QQQ", files, network, scopes)[:size])
    try:
        for path in readable:
            _allow(ruleset, path, _READ & files)
        _allow(ruleset, folder, _OWN & files)
        kernel.restrict(ruleset)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(beneath).st_mode):
            rights &= _OF_FILES
        kernel.allow_beneath(ruleset, struct.pack("=Qi", rights, beneath))
    finally:
        os.close(beneath)
