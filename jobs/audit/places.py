"""Where the audit log lies in the state store, and who may write what there (`deploy/redis/state.acl`).

    audit:inbox:<role>  notes, oldest first: each role appends to its own list and can do nothing else with it
    audit:newest        the newest entry
    audit:open          the entries that are in no file yet, oldest first
    audit:of:<id>       the entries about one import, for as long as it is there and some days more
    audit:verdict       what the last verification found
    audit:home          the random name of the folder with the files
    audit:broken        there while nothing can be appended

All but the inboxes is written by the log's keeper alone.
"""

from typing import Any

from redis import Redis

NEWEST = "audit:newest"
OPEN = "audit:open"
VERDICT = "audit:verdict"
BROKEN = "audit:broken"
HOME = "audit:home"

KEEPER = "keeper"
"""Who has written the entries that the keeper makes itself."""

CONSOLE = "console"
OTHER = "other"
"""A process whose user in the store is none of the roles, or that has none: an embedded store."""

WRITERS = (CONSOLE, OTHER, "web", "worker")

AUDIT_DAYS = 400
"""An entry is kept for so many days after its day."""

DAY = 86400

OF_ONE_SECONDS = 8 * DAY
"""So long after its last entry an import's own list is there; once a day put off while the import is."""


def inbox(writer: str) -> str:
    """Return the list that a writer appends to."""
    return f"audit:inbox:{writer}"


def of_one(migration: str) -> str:
    """Return the list of the entries about one import, or one member of the staff."""
    return f"audit:of:{migration}"


def writer_of(redis: Redis) -> str:
    """Return as whom a client writes: by its user's name in the store."""
    told = getattr(redis.connection_pool, "connection_kwargs", {}).get("username")
    return told if told in WRITERS else OTHER


def end_date(at: int) -> int:
    """Return when the file with the entries of a time's day is removed; both in seconds since the epoch."""
    return (at // DAY + 1) * DAY + AUDIT_DAYS * DAY


def text(value: bytes | str | None) -> str | None:
    """Return an answer of Redis as text. What is not UTF-8 is not ours, and does not become it by what is put there."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def texts(values: list[bytes | str]) -> list[str]:
    """Return the answers of Redis as texts."""
    return [str(text(value)) for value in values]


def answers_of(redis: Redis) -> Any:
    """Return the client without redis-py's annotations, which give each answer as sync or async."""
    return redis
