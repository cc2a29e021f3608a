"""Loaded by every Python started with this folder on PYTHONPATH: kills a process at a named point, once.

The points are audit events whose first argument names the step. What is to happen stands in the file CRASH_PLAN:
`! <event>:<step> <pid>`, where pid 0 is the process that comes to the point. When it is done the first byte is a blank.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "story" / "crash"))

from killing import Killer, kill

PLAN_BYTES = 256

_killer = Killer()


def _kill_as_planned(reached: str, ours: int) -> None:
    plan = os.open(os.environ["CRASH_PLAN"], os.O_RDWR)
    due, point, pid = os.pread(plan, PLAN_BYTES, 0).decode().split(" ")[:3]
    if due and point == reached:
        os.pwrite(plan, b" ", 0)
        kill(int(pid) or ours)
    os.close(plan)


def _hook(event: str, args: tuple[object, ...]) -> None:
    if event == "migrator.walls.before":
        _killer.leave_outside(_kill_as_planned)
    elif event.startswith("migrator.discard"):
        _killer.ask(f"{event}:{args[0]}", _kill_as_planned)


if "CRASH_PLAN" in os.environ:
    sys.addaudithook(_hook)
