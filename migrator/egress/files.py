"""Which file a path stands for, whatever links and spellings lead to it.

`os.path` and `os.stat` are used as they are: none of them raises an audit event.
"""

import os
import re
from typing import Any

_PROC = re.compile(r"/proc/([0-9]+)(?:/|$)")


def lies_in(folder: str, path: Any, at: Any = -1) -> bool:
    """Tell whether a path, or what a descriptor stands for, is the folder or lies in it.

    Args:
        folder: its path.
        path: a path of any kind, or a descriptor.
        at: the descriptor of the folder that a relative path begins in; negative for the working directory.
    """
    try:
        name = _opened(path) if isinstance(path, int) else os.fsdecode(path)
        begin = _opened(at) if at >= 0 else ""
    except OSError:  # no such descriptor, or a system without /proc
        return False
    real, inside = os.path.realpath(os.path.join(begin, name)), os.path.realpath(folder)  # noqa: PTH118 - any path type
    return real == inside or real.startswith(inside + os.sep)


def is_secret(secrets: tuple[str, ...], path: Any) -> bool:
    """Tell whether a path stands for one of these files, or for something of another process.

    The memory and the environment of the worker lie there, and it holds the master key (proc(5)).
    """
    try:
        found = os.stat(path)  # noqa: PTH116 - a Path made of each would take longer than the look itself
    except (OSError, ValueError):  # then it can't be opened either
        return False
    return any(_is_file(found, secret) for secret in secrets) or _is_of_another_process(path)


def _is_file(found: os.stat_result, secret: str) -> bool:
    try:
        # Looked at each time: the file may have been exchanged for a new one.
        return os.path.samestat(found, os.stat(secret))  # noqa: PTH116 - as above
    except FileNotFoundError:
        return False


def _is_of_another_process(path: Any) -> bool:
    owner = _PROC.match(os.path.realpath(os.fsdecode(path)))
    return owner is not None and int(owner[1]) != os.getpid()


def _opened(descriptor: int) -> str:
    return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 - as above
