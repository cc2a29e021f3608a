"""The kernel's own calls that put walls up, by `syscall(2)` of the C library, which has no functions for them.

Imported before the processes are forked, so that none of them looks a library up again.
"""

import ctypes
import os

_LIBC = ctypes.CDLL(None, use_errno=True)
_syscall = _LIBC.syscall
_syscall.restype = ctypes.c_long

_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38
_CREATE, _ADD, _RESTRICT = 444, 445, 446  # landlock_*: the same number on every architecture
_VERSION = 1  # LANDLOCK_CREATE_RULESET_VERSION
_PATH_BENEATH = 1  # LANDLOCK_RULE_PATH_BENEATH


class _Program(ctypes.Structure):
    """`struct sock_fprog` (linux/filter.h)."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def be_unreadable() -> None:
    """Let nobody without root read this process's memory or attach a debugger (prctl(2), PR_SET_DUMPABLE)."""
    _LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def gain_nothing() -> None:
    """Never gain a privilege again, which filters and rule sets are the condition for (PR_SET_NO_NEW_PRIVS)."""
    if _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise _failed()


def has_action(seccomp: int, action: int) -> bool:
    """True if the kernel filters system calls and knows this answer to them (seccomp(2), Linux 4.14)."""
    return bool(_syscall(seccomp, 2, 0, ctypes.byref(ctypes.c_uint32(action))) == 0)  # SECCOMP_GET_ACTION_AVAIL


def install(seccomp: int, program: bytes) -> None:
    """Filter the system calls of all threads of this process from now on (SECCOMP_FILTER_FLAG_TSYNC)."""
    given = _Program(len(program) // 8, program)
    if _syscall(seccomp, 1, 1, ctypes.byref(given)):  # SECCOMP_SET_MODE_FILTER
        raise _failed()


def landlock_abi() -> int:
    """Return the version of Landlock that the kernel has; 0 where it has none, or has it switched off."""
    return max(0, int(_syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))))


def create_ruleset(attributes: bytes) -> int:
    """Return the descriptor of a set of rules; `attributes` is `struct landlock_ruleset_attr` as far as it knows it."""
    made = _syscall(_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    if made < 0:
        raise _failed()
    return int(made)


def allow_beneath(ruleset: int, rights: bytes) -> None:
    """Add a rule, a packed `struct landlock_path_beneath_attr`."""
    if _syscall(_ADD, ruleset, _PATH_BENEATH, rights, 0):
        raise _failed()


def restrict(ruleset: int) -> None:
    """Hold this thread, and those it starts, to the rules for good."""
    if _syscall(_RESTRICT, ruleset, 0):
        raise _failed()


def _failed() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
