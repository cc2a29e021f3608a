"""Loaded by every Python started with this folder on PYTHONPATH: kills at a named point, once.

The engine announces its named points as audit events. CRASH_AT names one (with `:copying` behind it: one with this
first argument), CRASH_NTH says at which pass, CRASH_WHO names what dies there: `child` (this process), `worker` (the
leader of its process group), `redis` (the pid in CRASH_PID), or `keys` (that pid and this process). CRASH_DONE is a
file that says it has happened; without one it happens in each process anew.
"""

import itertools
import os
import signal
import sys

_AT = os.environ.get("CRASH_AT", "")
_NTH = int(os.environ.get("CRASH_NTH", "1"))
_passes = itertools.count(1)
_make = os.mkfifo  # behind closed doors (migrator/egress) no file can be made but by a call taken before they close


def _once() -> bool:
    if "CRASH_DONE" not in os.environ:
        return True
    try:
        _make(os.environ["CRASH_DONE"], 0o600)
    except FileExistsError:
        return False
    return True


def _kill(event: str, args: tuple[object, ...]) -> None:
    if event.startswith("migrator.") and _AT in {event, f"{event}:{args[0]}"} and next(_passes) == _NTH and _once():
        ours, other = os.getpid(), int(os.environ.get("CRASH_PID", "0"))
        victims = {"child": [ours], "worker": [os.getpgid(0)], "redis": [other], "keys": [other, ours]}
        for victim in victims[os.environ["CRASH_WHO"]]:
            os.kill(victim, signal.SIGKILL)


if _AT:
    sys.addaudithook(_kill)
