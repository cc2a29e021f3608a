"""Loaded by every Python started with this folder on PYTHONPATH: kills at a named point, once.

The engine announces its named points as audit events. CRASH_AT names one (with `:copying` behind it: one with this
first argument), CRASH_NTH says at which pass, CRASH_WHO names what dies there: `child` (this process), `worker` (the
leader of its process group), `redis` (the pid in CRASH_PID), or `keys` (that pid and this process). CRASH_DONE is a
file that says it has happened; without one it happens in each process anew.
"""

import itertools
import os
import sys

from killing import Killer, kill

_AT = os.environ.get("CRASH_AT", "")
_NTH = int(os.environ.get("CRASH_NTH", "1"))
_passes = itertools.count(1)
_killer = Killer()


def _once() -> bool:
    if "CRASH_DONE" not in os.environ:
        return True
    try:
        os.mkfifo(os.environ["CRASH_DONE"], 0o600)
    except FileExistsError:
        return False
    return True


def _kill_once(_: str, ours: int) -> None:
    if _once():
        other = int(os.environ.get("CRASH_PID", "0"))
        kill(
            *{"child": [ours], "worker": [os.getpgid(0)], "redis": [other], "keys": [other, ours]}[
                os.environ["CRASH_WHO"]
            ]
        )


def _hook(event: str, args: tuple[object, ...]) -> None:
    if event == "migrator.walls.before":
        _killer.leave_outside(_kill_once)
    elif event.startswith("migrator.") and _AT in {event, f"{event}:{args[0]}"} and next(_passes) == _NTH:
        _killer.ask(event, _kill_once)


if _AT:
    sys.addaudithook(_hook)
