"""Loaded by every Python started with this folder on PYTHONPATH: kills a process at a named point, once.

The points are audit events whose first argument names the step. What is to happen stands in the file CRASH_PLAN, which
is opened when the process starts, for later on a slice can open none: `! <event>:<step> <pid>`, where pid 0 is the
process that comes to the point. When it is done the first byte is a blank.
"""

import os
import signal
import sys

PLAN_BYTES = 256

_plan = os.open(os.environ["CRASH_PLAN"], os.O_RDWR) if "CRASH_PLAN" in os.environ else -1


def _kill(event: str, args: tuple[object, ...]) -> None:
    if not event.startswith("migrator.discard"):
        return
    due, point, pid = os.pread(_plan, PLAN_BYTES, 0).decode().split(" ")[:3]
    if due and point == f"{event}:{args[0]}":
        os.pwrite(_plan, b" ", 0)
        os.kill(int(pid) or os.getpid(), signal.SIGKILL)


if _plan >= 0:
    sys.addaudithook(_kill)
