"""The filter of a closed process's system calls: a program for the kernel's packet filter (seccomp(2), bpf(4)).

    the architecture ─► calls whose arguments matter ─► those allowed ─► those that end the process ─► "no such call"

A call that is on no list is answered as by a kernel that does not have it: a C library newer than these lists then
does without.
"""

import errno
import os
import platform
import struct
from collections.abc import Iterable

from jobs.walls import kernel
from jobs.walls.syscalls import ALLOWED, ARCHITECTURES, ENDING, LOOKED_AT

_ALLOW, _REFUSE, END = 0x7FFF0000, 0x00050000, 0x80000000  # SECCOMP_RET_ALLOW, _ERRNO, _KILL_PROCESS
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # places in `struct seccomp_data`
_X32 = 0x40000000
"""Bit of the numbers of another ABI of x86_64, which no list here speaks of."""

_CLONE_THREAD, _CLONE_NEW = 0x00010000, 0x7E020080  # the second: every CLONE_NEW*
_FAST_OPEN = 0x20000000
"""MSG_FASTOPEN: sending that connects first, and so goes round a filter of connect(2)."""

_FCNTL = (0, 1, 2, 3, 4, 1030)  # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC
_IOCTL = (0x5401, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX
_TIOCSTI = 0x5412
_SOCKET_OPTIONS = {
    1: (7, 8, 9, 13, 20, 21),  # SOL_SOCKET: SNDBUF, RCVBUF, KEEPALIVE, LINGER, RCVTIMEO, SNDTIMEO
    6: (1, 4, 5, 6, 12, 18),  # IPPROTO_TCP: NODELAY, KEEPIDLE, KEEPINTVL, KEEPCNT, QUICKACK, USER_TIMEOUT
}

Step = tuple[int, int, int, int]
"""An instruction: what is done, how many are skipped if it is true and if not, its value (`struct sock_filter`)."""


def is_there() -> bool:
    """True if the kernel can filter calls so, on an architecture whose numbers are known."""
    return platform.machine() in ARCHITECTURES and kernel.has_action(ENDING["seccomp"], END)


def filter_calls() -> None:
    """Hold all threads of this process to the lists, for good."""
    kernel.install(ENDING["seccomp"], program(os.getpid()))


def program(own: int) -> bytes:
    """Return the filter for the process of this id."""
    return _HEAD + _packed(_looked_at(own)) + _TAIL


def _packed(steps: Iterable[Step]) -> bytes:
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _answer(verdict: int) -> Step:
    return _RETURN, 0, 0, verdict


def _if(test: int, value: int, *then: Step) -> tuple[Step, ...]:
    """Do `then` where the test is true, and go on behind it where it is not."""
    return (test, 0, len(then), value), *then


def _unless(value: int, verdict: int) -> tuple[Step, ...]:
    return (_EQUAL, 1, 0, value), _answer(verdict)


def _argument(place: int, *, high: bool = False) -> Step:
    """Load one half of an argument; the kernel looks at the lower one alone where it takes an `int`."""
    return _LOAD, 0, 0, _ARGUMENTS + 8 * place + (4 if high else 0)


def _zero(place: int) -> tuple[Step, ...]:
    halves = ((_argument(place, high=high), *_unless(0, END)) for high in (False, True))
    return tuple(step for half in halves for step in half)


def _one_of(values: Iterable[int]) -> tuple[Step, ...]:
    allowed = (_if(_EQUAL, value, _answer(_ALLOW)) for value in values)
    return *(step for one in allowed for step in one), _answer(_REFUSE | errno.EPERM)


def _call(name: str, *then: Step) -> tuple[Step, ...]:
    return _if(_EQUAL, LOOKED_AT[name], *then) if name in LOOKED_AT else ()


def _options() -> tuple[Step, ...]:
    levels = (_if(_EQUAL, level, _argument(2), *_one_of(names)) for level, names in _SOCKET_OPTIONS.items())
    return _argument(1), *(step for level in levels for step in level), _answer(_REFUSE | errno.EPERM)


def _looked_at(own: int) -> tuple[Step, ...]:
    """Return what is done with calls that are harmless with some arguments only; a process may signal itself."""
    allow, to_itself = _answer(_ALLOW), (_argument(0), *_unless(own, END))
    return (
        *_call("sendto", _argument(3), *_if(_ANY_BIT, _FAST_OPEN, _answer(END)), *_zero(4), allow),
        *_call("sendmsg", _argument(2), *_if(_ANY_BIT, _FAST_OPEN, _answer(END)), allow),
        *_call("fcntl", _argument(1), *_one_of(_FCNTL)),
        *_call("ioctl", _argument(1), *_if(_EQUAL, _TIOCSTI, _answer(END)), *_one_of(_IOCTL)),
        *_call("setsockopt", *_options()),
        *_call("kill", *to_itself, allow),
        *_call("tgkill", *to_itself, allow),
        *_call("prlimit64", _argument(0), (_EQUAL, 2, 0, 0), *_unless(own, END), *_zero(2), allow),
    )


_THREADS = (
    *_call(
        "clone",
        _argument(0),
        *_if(_ANY_BIT, _CLONE_NEW, _answer(END)),
        *_if(_ANY_BIT, _CLONE_THREAD, _answer(_ALLOW)),
        _answer(END),
    ),
    # Its flags lie in memory, where a filter cannot look: the C library then takes the older call.
    *_call("clone3", _answer(_REFUSE | errno.ENOSYS)),
)

_HEAD = _packed(
    (
        (_LOAD, 0, 0, _ARCHITECTURE),
        *_unless(ARCHITECTURES.get(platform.machine(), 0), END),
        (_LOAD, 0, 0, _NUMBER),
        *_if(_AT_LEAST, _X32, _answer(END)),
    )
)

_TAIL = _packed(
    (
        *_THREADS,
        *(step for number in ALLOWED.values() for step in _if(_EQUAL, number, _answer(_ALLOW))),
        *(step for number in ENDING.values() for step in _if(_EQUAL, number, _answer(END))),
        _answer(_REFUSE | errno.ENOSYS),
    )
)
