"""Which migrations are meant: by state, age, class of error, and mail server."""

import json
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

from redis import Redis

from jobs.migration import Migration, State, part_key
from jobs.requests import migration_ids, read_all

HostOf = Callable[[str], str]
"""The mail server of a domain's mailboxes; of the empty domain: the one that is configured."""

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_AGE = re.compile(r"(\d{1,6})([smhd])")
_WORDS = "state=, code=, older=, host="


@dataclass(frozen=True, slots=True)
class Filter:
    """What is looked for; what is left empty matches all.

    `older_than` is in seconds since the migration was made. `code` is a reason's class: what stands before its colon.
    `host` is the mail server that takes the mail.
    """

    states: frozenset[State] = frozenset()
    older_than: float = 0.0
    code: str = ""
    host: str = ""

    @classmethod
    def read(cls, text: str) -> "Filter":
        """Read `state=failed,paused code=login-refused older=2h host=imap.example.net`, in any order.

        Raises:
            ValueError: a word is none of these; the text says which.
        """
        found: dict[str, Any] = {}
        for word in text.split():
            name, _, value = word.partition("=")
            if name not in _READERS or not value:
                raise ValueError(f"{word!r} is no condition; these are: {_WORDS}")
            field, reader = _READERS[name]
            found[field] = reader(value)
        return cls(**found)

    def matches(self, migration: Migration, now: float) -> bool:
        """Tell whether a migration is meant, as far as its record says."""
        return (
            (not self.states or migration.state in self.states)
            and (not self.code or class_of(migration.reason) == self.code)
            and now - migration.created_at >= self.older_than
        )


def class_of(code: str) -> str:
    """Return a code's class: what stands before its first colon."""
    return code.partition(":")[0]


def select(
    redis: Redis,
    wanted: Filter,
    host_of: HostOf,
    *,
    now: float | None = None,
    unreadable: Callable[[str], None] = lambda _: None,
) -> tuple[Migration, ...]:
    """Return the migrations that are meant, the oldest first; `unreadable` as of `jobs.requests.read_all`."""
    at = time.time() if now is None else now
    found = [m for m in read_all(redis, migration_ids(redis), unreadable) if wanted.matches(m, at)]
    if wanted.host:
        hosts = hosts_of(redis, [m.id for m in found], host_of)
        found = [m for m in found if hosts[m.id] == wanted.host]
    return tuple(sorted(found, key=lambda m: (m.created_at, m.id)))


def hosts_of(redis: Redis, ids: Iterable[str], host_of: HostOf) -> dict[str, str]:
    """Return the mail server of each of these migrations; the configured one where none is said."""
    named = tuple(ids)
    rows = cast("list[bytes | None]", redis.mget([part_key(id_, "choices") for id_ in named])) if named else []
    return {id_: host_of(json.loads(row)["domain"] if row else "") for id_, row in zip(named, rows, strict=True)}


def _states(value: str) -> frozenset[State]:
    try:
        return frozenset(State(word) for word in value.split(","))
    except ValueError:
        raise ValueError(f"state={value}: a state is one of {', '.join(State)}") from None


def _age(value: str) -> float:
    found = _AGE.fullmatch(value)
    if not found:
        raise ValueError(f"older={value}: write 30m, 2h or 3d")
    return float(int(found[1]) * _SECONDS[found[2]])


_READERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "state": ("states", _states),
    "code": ("code", class_of),
    "older": ("older_than", _age),
    "host": ("host", str.lower),
}
