"""What people ask of a migration: begin, look, pause, resume, cancel.

A request takes effect at once when no slice runs; else it is written down as a wish, which the running slice sees
when it next renews its lease, and which is carried out when that slice ends.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Literal, cast

from redis import Redis

from jobs import scripts
from jobs.errors import ConnectingLapsed, IllegalTransition, UnknownMigration, UnreadableMigration
from jobs.migration import Change, Migration, new_id, part_key, record_key

_CUSTOMER = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_AT_ONCE = 1000


def create(
    redis: Redis,
    customer: str,
    *,
    migration_id: str | None = None,
    start: bool = True,
    connecting: bool = False,
    now: float | None = None,
) -> Migration:
    """Write a new migration's record and, unless `start` is false, make it ready at once.

    Args:
        redis: the state store.
        customer: the host's opaque id of the customer, at most 64 of `A-Z a-z 0-9 _ . -`; never an address.
        migration_id: from `new_id()`, where keys of the migration were written before its record.
        start: false leaves it paused (`not-started`) until it is resumed.
        connecting: its grant was had just now, and what was written down of that (`jobs.exchanges`) becomes the record.
        now: seconds since the epoch, the server's clock when None.

    Raises:
        ConnectingLapsed: it took too long, and a worker gives the grant back.
        ValueError: the customer's id has another shape, or the migration's id is taken.
    """
    if not _CUSTOMER.fullmatch(customer):
        raise ValueError("a customer's id is up to 64 letters, digits, dots, dashes and underscores")
    migration_id = migration_id or new_id()
    answer = scripts.run(redis, "create", migration_id, customer, int(start), int(connecting), now=now)
    if answer == ["lapsed"]:
        raise ConnectingLapsed
    if answer != ["ok"]:
        raise ValueError("a migration with this id exists")
    return read(redis, migration_id)


def read(redis: Redis, migration_id: str) -> Migration:
    """Return the migration as it stands.

    Raises:
        UnknownMigration: there is none with this id, or its time is over.
        UnreadableMigration: it is one of those, and there is a record that this version cannot read.
    """
    row = cast("dict[object, object]", redis.hgetall(record_key(migration_id)))
    if not row:
        raise UnknownMigration
    return _migration(migration_id, row)


def read_all(
    redis: Redis, migration_ids: Sequence[str], unreadable: Callable[[str], None] = lambda _: None
) -> Iterator[Migration]:
    """Yield those of the migrations that there are, as they stand; a thousand are asked for at a time.

    `unreadable` is called with the id of each record that this version cannot read; it is passed over.
    """
    for begin in range(0, len(migration_ids), _AT_ONCE):
        some = migration_ids[begin : begin + _AT_ONCE]
        with redis.pipeline(transaction=False) as asked:
            for migration_id in some:
                asked.hgetall(record_key(migration_id))
            rows = cast("list[dict[object, object]]", asked.execute())
        for migration_id, row in zip(some, rows, strict=True):
            try:
                if row:
                    yield _migration(migration_id, row)
            except UnreadableMigration:
                unreadable(migration_id)


def history(redis: Redis, migration_id: str) -> tuple[Change, ...]:
    """Return the last changes of state, oldest first, without those to states that this version does not know."""
    lines = cast("list[object]", redis.lrange(part_key(migration_id, "history"), 0, -1))
    changes: list[Change] = []
    for line in reversed(lines):
        with suppress(ValueError):
            changes.append(Change.from_line(scripts.decoded(line)))
    return tuple(changes)


def migration_ids(redis: Redis) -> tuple[str, ...]:
    """Return the ids of all migrations that are kept, the one next to be swept first."""
    return tuple(scripts.decoded(item) for item in cast("list[object]", redis.zrange("jobs:ends", 0, -1)))


def ids_of(redis: Redis, *customers: str) -> tuple[str, ...]:
    """Return the ids of the migrations that were made for a customer (under each of his ids), in no order.

    An id may be left of a migration that ended just now.
    """
    lists = [cast("list[object]", redis.zrange(f"jobs:of:{customer}", 0, -1)) for customer in customers]
    return tuple(scripts.decoded(item) for items in lists for item in items)


def pause(redis: Redis, migration_id: str) -> Migration:
    """Let the migration rest until it is resumed. Pausing twice is one pause.

    Raises:
        IllegalTransition: it has ended, failed, or is finishing.
        UnknownMigration: there is none with this id.
    """
    return _ask(redis, migration_id, "pause")


def resume(redis: Redis, migration_id: str) -> Migration:
    """Go on with a paused or failed migration in its phase, or with a waiting one before its time.

    Raises:
        IllegalTransition: it has ended, or failed for good.
        UnknownMigration: there is none with this id.
    """
    return _ask(redis, migration_id, "resume")


def cancel(redis: Redis, migration_id: str) -> Migration:
    """End the migration without copying more; it goes through finishing, where the tokens are discarded.

    Raises:
        IllegalTransition: it has ended.
        UnknownMigration: there is none with this id.
    """
    return _ask(redis, migration_id, "cancel")


def expire(redis: Redis, migration_id: str) -> Migration:
    """End the migration as if its time were over; like a cancel, but its end is called expired.

    Raises:
        IllegalTransition: it has ended.
        UnknownMigration: there is none with this id.
    """
    return _ask(redis, migration_id, "expire")


def touch(redis: Redis, migration_id: str) -> None:
    """Give every key of the migration its end date anew; done by each step of the migration anyway.

    Raises:
        UnknownMigration: there is none with this id.
    """
    raise_refusal(scripts.run(redis, "touch", migration_id))


def _ask(redis: Redis, migration_id: str, what: Literal["pause", "resume", "cancel", "expire"]) -> Migration:
    raise_refusal(scripts.run(redis, "request", migration_id, what))
    return read(redis, migration_id)


def _migration(migration_id: str, row: Mapping[object, object]) -> Migration:
    try:
        return Migration.from_fields(migration_id, {scripts.decoded(k): scripts.decoded(v) for k, v in row.items()})
    except (KeyError, ValueError):
        raise UnreadableMigration from None


def raise_refusal(answer: list[str]) -> None:
    """Raise what a script's answer says was not possible: IllegalTransition or UnknownMigration."""
    match answer:
        case ["illegal", before, after]:
            raise IllegalTransition(before, after)
        case ["unknown"]:
            raise UnknownMigration
        case _:
            return
