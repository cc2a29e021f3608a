"""What a closed door refuses: for each audit event (PEP 578) that matters a pure look at its arguments.

Python raises such an event before it connects, opens, removes, starts and so on; which ones and with which arguments
is listed in the "Audit events table" of its documentation. Events without a rule here are let through at once.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

from migrator.egress.files import is_secret, lies_in
from migrator.egress.inside import Inside

What = str
"""What was refused, as a code: connect, send, listen, resolve, write, read, process or native."""

Args = tuple[Any, ...]
Rule = Callable[[Inside, Args], What | None]

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_WRITING_MODES = frozenset("wax+")
"""Where OpenSSL opens a file (a log of TLS keys), the flags are 0 and the mode alone tells."""

_NATIVE = frozenset({"_ctypes", "_curses", "_dbm", "_gdbm", "_posixshmem", "_sqlite3", "cffi", "ctypes", "readline"})
"""Modules that reach memory, other libraries or files without an event."""


def _always(what: What) -> Rule:
    return lambda _inside, _args: what


def _send(_inside: Inside, args: Args) -> What | None:
    """Refuse whatever is sent to an address: over a connection nothing is."""
    return None if args[1] is None else "send"


def _open(inside: Inside, args: Args) -> What | None:
    path, mode, flags = args
    if isinstance(path, int):  # a file that is open already
        return None
    # `os.open` has no mode, and does not tell which folder a relative path begins in: so it can't be judged.
    unclear = mode is None and not os.fsdecode(path).startswith(os.sep)
    if flags & _WRITING or set(mode or "") & _WRITING_MODES:
        return "write" if unclear or not lies_in(inside.folder, path) else None
    return "read" if unclear or is_secret(inside.secrets, path) else None


def _change(*paths: tuple[int, int | None]) -> Rule:
    """Return the rule for a change of files whose path and folder descriptor stand at these places."""

    def rule(inside: Inside, args: Args) -> What | None:
        own = (lies_in(inside.folder, args[path], -1 if at is None else args[at]) for path, at in paths)
        return None if all(own) else "write"

    return rule


def _import(inside: Inside, args: Args) -> What | None:
    """Refuse machine code that does more than Python tells, or that lies where this process can write."""
    module, file = args[:2]
    native = module in _NATIVE or (file is not None and lies_in(inside.folder, file))
    return "native" if native else None


RULES: Mapping[str, Rule] = {  # by event; a rule returns what is refused, or None
    "socket.sendto": _always("send"),
    "socket.sendmsg": _send,
    "socket.bind": _always("listen"),
    "socket.listen": _always("listen"),
    "socket.connect": _always("connect"),  # the worker connects: what does it here goes round it
    **dict.fromkeys(
        ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"), _always("resolve")
    ),
    **dict.fromkeys(("syslog.openlog", "syslog.syslog"), _always("send")),
    "open": _open,
    "os.chflags": _change((0, None)),
    "os.chmod": _change((0, 2)),
    "os.chown": _change((0, 3)),
    "os.mkdir": _change((0, 2)),
    "os.remove": _change((0, 1)),
    "os.removexattr": _change((0, None)),
    "os.rename": _change((0, 2), (1, 3)),
    "os.rmdir": _change((0, 1)),
    "os.setxattr": _change((0, None)),
    "os.truncate": _change((0, None)),
    "os.utime": _change((0, 3)),
    # With a link a path inside would stand for a file outside.
    **dict.fromkeys(("os.link", "os.symlink", "os.mkfifo", "os.mknod", "os.chroot"), _always("write")),
    **dict.fromkeys(("sqlite3.connect", "sqlite3.load_extension"), _always("write")),
    **dict.fromkeys(
        (
            *("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile", "os.system"),
            *("pty.spawn", "subprocess.Popen", "_posixsubprocess.fork_exec"),
        ),
        _always("process"),
    ),
    "import": _import,
    **dict.fromkeys(
        (
            *("ctypes.addressof", "ctypes.call_function", "ctypes.cdata", "ctypes.cdata/buffer"),
            *("ctypes.create_string_buffer", "ctypes.create_unicode_buffer", "ctypes.dlopen", "ctypes.dlsym"),
            *("ctypes.dlsym/handle", "ctypes.memoryview_at", "ctypes.PyObj_FromPtr", "ctypes.string_at"),
            "ctypes.wstring_at",
        ),
        _always("native"),
    ),
}
