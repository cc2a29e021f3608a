"""Functions for `run_apart` that use a store by a proxy of their own, and what makes it; found by their names."""

import os
import time
from pathlib import Path

from redis import Redis

from jobs.apart import Ask, Json, run_apart, undisturbed
from jobs.lasting import Lasting
from jobs.migration import part_key
from jobs.outside import Outside
from jobs.permits import permit, reading_parts, sealing
from jobs.retention import UNFINISHED_SECONDS
from jobs.storeline import state_store
from jobs.storeproxy import Access

ID = "a" * 32
SEALED = part_key(ID, "sealed")


def access(url: str, folder: str) -> Access:
    """Make what may be asked, and say whose process that is."""
    Path(folder, "proxy").write_text(str(os.getpid()))
    return Access(Redis.from_url(url), permit(reading_parts(ID, "sealed"), sealing(ID)))


def outside_of(url: str, folder: Path) -> Outside:
    readable = (str(folder), str(Path(__file__).parent))
    return Outside({}, readable, store=Lasting(access, (url, str(folder))))


def sealing_and_reading(task: str, _: Ask) -> Json:
    _seal("grant", task)
    return {"read": [value.decode() for value in state_store().hgetall(SEALED).values()]}


def asking_for_more(task: str, _: Ask) -> Json:
    try:
        state_store().get(task)
    except Exception:  # noqa: BLE001 - as who does not want to be noticed
        time.sleep(60)
    return {}


def outliving(folder: str, _: Ask) -> Json:
    """Go on with the store when it is told to, though its parent is dead by then."""
    with undisturbed():
        _seal("pid", os.getpid())
        while not Path(folder, "go").exists():
            time.sleep(0.05)
        _seal("grant", "late")
    return {}


def run_outliving(url: str, folder: str) -> None:
    run_apart(outliving, folder, outside=outside_of(url, Path(folder)))


def _seal(name: str, value: str | int) -> None:
    state_store().hset(SEALED, name, value)
    state_store().expire(SEALED, UNFINISHED_SECONDS)
