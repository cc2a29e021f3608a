"""The Lua scripts beside this file, and the one way to run them.

Each script runs as a whole or not at all and is preceded by `prelude.lua`, which is given the table of transitions
and the end dates from Python: they are written down once. A script reaches keys whose names it learns while it
runs, so Redis must not be a Cluster (a single server, or one behind Sentinel, is meant).
"""

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

from redis import Redis
from redis.exceptions import NoScriptError

from jobs import clocks, crashes, migration, retention

_FOLDER = Path(__file__).with_name("lua")


def run(redis: Redis, name: str, *args: str | float, now: float | None = None) -> list[str]:
    """Run script `name` and return its answer as a flat list of texts.

    Args:
        redis: any client; with or without decoded answers.
        name: the file's name without `.lua`.
        args: what the file's first lines say.
        now: seconds since the epoch; the server's own clock when None, so that no worker's wrong clock matters.
    """
    text, sha = _script(name)
    values = ("" if now is None else repr(now), *(str(arg) for arg in args))
    try:
        answer = redis.evalsha(sha, 0, *values)
    except NoScriptError:
        answer = redis.eval(text, 0, *values)
    return [decoded(item) for item in cast("list[Any]", answer)]


def decoded(value: object) -> str:
    """Return an answer of Redis as text."""
    return value.decode() if isinstance(value, bytes) else str(value)


@cache
def _script(name: str) -> tuple[str, str]:
    text = f"{_constants()}\n{_source('prelude')}\n{_source(name)}"
    return text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _source(name: str) -> str:
    return (_FOLDER / f"{name}.lua").read_text("utf-8")


@cache
def _constants() -> str:
    return "\n".join(
        (
            f"local LEGAL = {_table({a: _set(b) for a, b in migration.TRANSITIONS.items()})}",
            f"local PHASES = {_set(migration.PHASES)}",
            f"local ENDS = {_set(migration.ENDS)}",
            f"local PARTS = {_list(retention.migration_parts())}",
            f"local FAMILIES = {_table({a: repr(b) for a, b in retention.migration_families().items()})}",
            f"local HISTORY_LENGTH = {migration.HISTORY_LENGTH}",
            f"local UNFINISHED_SECONDS = {retention.UNFINISHED_SECONDS}",
            f"local EXPIRE_SECONDS = {retention.EXPIRE_SECONDS}",
            f"local ENDED_SECONDS = {retention.ENDED_SECONDS}",
            f"local PURGE_EARLY_SECONDS = {retention.PURGE_EARLY_SECONDS}",
            f"local QUEUE_SECONDS = {retention.QUEUE_SECONDS}",
            f"local FLOW_SECONDS = {retention.FLOW_SECONDS}",
            f"local CRASH_LIMIT = {crashes.CRASH_LIMIT}",
            f"local CRASH_SECONDS = {crashes.CRASH_SECONDS}",
            f"local CRASH_PAUSES = {_numbers(crashes.CRASH_PAUSES)}",
            f"local SOON_SECONDS = {_numbers(crashes.SOON_SECONDS)}",
            f"local LOOKED_SECONDS = {clocks.LOOKED_SECONDS}",
            f"local CLOCK_SECONDS = {clocks.CLOCK_SECONDS}",
            f"local LEAP_SECONDS = {clocks.LEAP_SECONDS}",
            f"local LONGEST_LEASE = {clocks.LONGEST_LEASE}",
            f"local SHOWN_MESSAGES = {migration.SHOWN_MESSAGES}",
            f"local SHOWN_BYTES = {migration.SHOWN_BYTES}",
            f"local MOST_MESSAGES = {migration.MOST_MESSAGES}",
            f"local LARGEST_BYTES = {migration.LARGEST_BYTES}",
        )
    )


def _table(rows: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"['{key}'] = {value}" for key, value in sorted(rows.items())) + "}"


def _set(names: Iterable[str]) -> str:
    return _table(dict.fromkeys(names, "true"))


def _numbers(values: Iterable[float]) -> str:
    return "{" + ", ".join(map(str, values)) + "}"


def _list(names: Iterable[str]) -> str:
    return "{" + ", ".join(f"'{name}'" for name in names) + "}"
