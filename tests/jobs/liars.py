"""Slices in hostile hands, found by their names in the processes that do them."""

import json
import os

from jobs.migration import State, part_key, record_key
from jobs.slice import Link, SliceEnd, SliceTask, advance, again, ended
from jobs.storeline import state_store

CONFIRMED = json.dumps({"held": True, "tries": 1, "confirmed": True, "settled": True, "at": 1.0})
_NEXT = {State.PLANNING: State.COPYING, State.COPYING: State.VERIFYING, State.VERIFYING: State.FINISHING}


def hurries_to_the_end_and_says_it_is_done(task: SliceTask, _: Link) -> SliceEnd:
    """Do nothing; in finishing, were it ever asked there, claim that the grant is dead."""
    return ended(State.DONE) if task.phase is State.FINISHING else advance(_NEXT[task.phase])


def says_it_is_done(_task: SliceTask, _: Link) -> SliceEnd:
    return ended(State.DONE)


def writes_that_the_grant_is_dead(task: SliceTask, _: Link) -> SliceEnd:
    return _swallowing("SET", part_key(task.id, "revocation"), CONFIRMED, "EX", 600)


def writes_another_customer(task: SliceTask, _: Link) -> SliceEnd:
    return _swallowing("HSET", record_key(task.id), "customer", "bob")


def reads_another_import(_task: SliceTask, _: Link) -> SliceEnd:
    return _swallowing("HGETALL", record_key("b" * 32))


def knows_the_store(task: SliceTask, _: Link) -> SliceEnd:
    """Look for an address of the store, or a password of it, in what the process was given."""
    given = repr(vars(task.config)) + json.dumps(dict(os.environ))
    return ended(State.DONE) if "redis.sock" in given or "store-password" in given else again()


def _swallowing(*command: str | int) -> SliceEnd:
    try:
        state_store().execute_command(*command)  # type: ignore[no-untyped-call]
    except Exception:  # noqa: BLE001 - as who does not want to be noticed
        return again()
    return again()
