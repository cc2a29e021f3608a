"""Loaded by every Python started with this folder on PYTHONPATH: kills at a named point, once.

The engine announces its named points as audit events. CRASH_AT names one (with `:copying` behind it: one with this
first argument), CRASH_NTH says at which pass, CRASH_WHO names what dies there: `child` (this process), `worker` (the
leader of its process group), or `redis` (the pid in CRASH_PID). CRASH_DONE is a file that says it has happened.
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
    try:
        _make(os.environ["CRASH_DONE"], 0o600)
    except FileExistsError:
        return False
    return True


def _kill(event: str, args: tuple[object, ...]) -> None:
    if event.startswith("migrator.") and _AT in {event, f"{event}:{args[0]}"} and next(_passes) == _NTH and _once():
        who = os.environ["CRASH_WHO"]
        victim = {"child": os.getpid, "worker": lambda: os.getpgid(0), "redis": lambda: int(os.environ["CRASH_PID"])}
        os.kill(victim[who](), signal.SIGKILL)


if _AT:
    sys.addaudithook(_kill)
