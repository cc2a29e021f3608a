"""Slices for the tests; each is found by its name in the process it runs in."""

import ctypes
import os
import resource
import signal
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from jobs.migration import State
from jobs.slice import Link, SliceEnd, SliceTask, advance, again, ended, wait

CANARY = "canary-0b5e55ed"

_NEXT = {State.PLANNING: State.COPYING, State.COPYING: State.VERIFYING, State.VERIFYING: State.FINISHING}

# One item done, under the fencing token: its number goes up by one and it is noted that it was done once more.
_DO_ITEM = """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
redis.call('HINCRBY', KEYS[2], 'item:' .. ARGV[2], 1)
redis.call('HSET', KEYS[2], 'next', ARGV[2] + 1)
redis.call('EXPIRE', KEYS[2], 3600)
return 1
"""


@dataclass(frozen=True)
class Plan:
    """How many items a migration has, and how long each one takes."""

    url: str
    items: int = 10
    item_seconds: float = 0.0


def _plan(task: SliceTask) -> Plan:
    assert isinstance(task.config, Plan)
    return task.config


def _counts(task: SliceTask) -> str:
    return f"mig:{{{task.id}}}:counts"


def note_pid(task: SliceTask) -> None:
    """Write down which process does this."""
    with Redis.from_url(_plan(task).url) as redis:
        redis.set(f"mig:{{{task.id}}}:trying", os.getpid(), ex=3600)


def count_items(task: SliceTask, link: Link) -> SliceEnd:
    """Do the items one by one while copying; walk through the other phases."""
    note_pid(task)
    if task.phase is State.FINISHING:
        return ended(State.DONE)
    if task.phase is not State.COPYING:
        return advance(_NEXT[task.phase])
    plan, end = _plan(task), time.monotonic() + task.seconds
    with Redis.from_url(plan.url) as redis:
        number = int(redis.hget(_counts(task), "next") or 0)
        while number < plan.items:
            if link.stop_requested() or time.monotonic() > end:
                return again()
            time.sleep(plan.item_seconds)
            if not redis.eval(_DO_ITEM, 2, f"mig:{{{task.id}}}", _counts(task), task.token, number):
                return again()
            link.progressed()
            number += 1
    return advance(State.VERIFYING)


def stay(task: SliceTask, link: Link) -> SliceEnd:
    """Stay until asked to stop."""
    note_pid(task)
    asked = threading.Event()
    while not link.stop_requested():
        asked.wait(0.02)
    return again()


def die_when_asked(task: SliceTask, link: Link) -> SliceEnd:
    """Be killed when asked to stop."""
    stay(task, link)
    os.kill(os.getpid(), signal.SIGKILL)
    return again()


def stay_for_ever(task: SliceTask, _: Link) -> SliceEnd:
    """Hear nothing."""
    note_pid(task)
    threading.Event().wait(600)
    return again()


def stay_then_wait(task: SliceTask, link: Link) -> SliceEnd:
    """Stay until asked to stop, then say that nothing can be done for an hour."""
    stay(task, link)
    return wait(time.time() + 3600, "google-quota")


def raise_canary(_: SliceTask, __: Link) -> SliceEnd:
    """Raise what must not leave the process."""
    raise RuntimeError(CANARY)


def progress_then_raise(task: SliceTask, link: Link) -> SliceEnd:
    """Achieve something, then raise."""
    note_pid(task)
    link.progressed()
    raise RuntimeError(CANARY)


def eat_memory(_: SliceTask, __: Link) -> SliceEnd:
    """Take 1 GiB."""
    bytearray(1 << 30)
    return again()


def die(_: SliceTask, __: Link) -> SliceEnd:
    """Be killed."""
    os.kill(os.getpid(), signal.SIGKILL)
    return again()


def leave_a_file(task: SliceTask, link: Link) -> SliceEnd:
    """Write a temporary file and be interrupted."""
    with tempfile.NamedTemporaryFile(delete=False) as file:
        Path(file.name).write_text(CANARY)
    return stay(task, link)


def try_what_it_may_not(_: SliceTask, link: Link) -> SliceEnd:
    """Tell that something was refused, as closed doors do, and be gone."""
    link.refused("connect")
    os._exit(0)


def answer_nonsense(_: SliceTask, __: Link) -> SliceEnd:
    """Return something else than an end."""
    return "done"  # type: ignore[return-value]


def wait_an_hour(_: SliceTask, __: Link) -> SliceEnd:
    """Say that nothing can be done for an hour."""
    return wait(time.time() + 3600, "google-quota")


def skip_ahead(_: SliceTask, __: Link) -> SliceEnd:
    """Ask for a step that does not exist."""
    return ended(State.DONE)


def look_at_the_walls(task: SliceTask, _: Link) -> SliceEnd:
    """Say whether this process is confined."""
    dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
    cores = resource.getrlimit(resource.RLIMIT_CORE)
    with tempfile.NamedTemporaryFile() as file:
        mode = Path(file.name).stat().st_mode & 0o077
        inside = "slice-" in file.name
    ignored = {signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)} == {signal.SIG_IGN}
    closed = (dumpable, cores, mode, inside, ignored) == (0, (0, 0), 0, True, True)
    note_pid(task)
    return wait(time.time() + 3600, "walls-closed" if closed else "walls-open")
