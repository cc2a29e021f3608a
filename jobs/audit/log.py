"""Appending to the audit log, and reading it."""

import secrets
from collections import deque
from collections.abc import Iterator

from redis import Redis
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

from jobs.audit.entry import BEGINNING, Checkpoint, Entry
from jobs.audit.lists import (
    HEAD,
    answers_of,
    end_date,
    lines,
    lines_backwards,
    month_key,
    months,
    snapshot,
    text,
)
from jobs.audit.words import Act, Actor
from jobs.errors import JobError

# KEYS: the head, the list of the entry's month, and, for the first entry, every list that may exist.
# ARGV: the head as the writer saw it, the new entry, the end date. Nothing is written but all of it: RPUSH comes
# first, for it is the command that a store without memory, without replicas, or for reading only refuses.
_APPEND = """
local head = redis.call('GET', KEYS[1]) or ''
if head ~= ARGV[1] then
  -- The client sends a command again whose answer was lost: what stands there already is not appended twice.
  if redis.call('LPOS', KEYS[2], ARGV[2], 'RANK', -1, 'MAXLEN', 1000) then return 'ok' end
  return 'moved'
end
for i = 2, #KEYS do
  if head == '' and redis.call('EXISTS', KEYS[i]) == 1 then return 'headless' end
end
redis.call('RPUSH', KEYS[2], ARGV[2])
redis.call('SET', KEYS[1], ARGV[2])
redis.call('EXPIREAT', KEYS[1], ARGV[3])
redis.call('EXPIREAT', KEYS[2], ARGV[3])
return 'ok'
"""


class AuditBroken(JobError):
    """The log is not what was written, so nothing can be appended to it; `migrator audit verify` says where."""

    code = "audit-broken"

    def __init__(self) -> None:
        super().__init__("the audit log is damaged")


class AuditBusy(JobError):
    """Others appended in between, each time and for too long."""

    code = "audit-busy"

    def __init__(self) -> None:
        super().__init__("the audit log is too busy")


def append(
    redis: Redis, actor: Actor, act: Act, migration: str = "", code: str = "", *, seconds: float = 10.0
) -> Entry:
    """Write down what is about to happen; only when this returns may it happen.

    Args:
        redis: the state store. The time is that of its clock, or that of the entry before when it was set back.
        actor: who acts.
        act: what is done.
        migration: its id from `jobs.migration.new_id`, or empty.
        code: a reason or a name of data in up to four words of letters, or empty; never anything a person or a slice's
            process has chosen.
        seconds: for how long to try while others append.

    Raises:
        ValueError: a value has another shape.
        AuditBroken: the newest entry is lost or altered.
        AuditBusy: too many append at the same time.
        redis.RedisError: the store is away, full, read-only or without the replicas it must have.
    """
    nonce = secrets.token_hex(8)
    return _policy(seconds)(_append, redis, actor, act, migration, code, nonce)


def checkpoint(redis: Redis) -> Checkpoint:
    """Return the newest entry's number and hash.

    Raises:
        AuditBroken: the newest entry is altered.
    """
    entry = _newest(text(answers_of(redis).get(HEAD)))
    return entry.checkpoint if entry else Checkpoint(0, BEGINNING)


def entries(redis: Redis, migration: str | None = None, since: float = 0.0) -> Iterator[Entry]:
    """Yield the entries kept, oldest first; memory stays flat however many there are.

    Args:
        redis: the state store.
        migration: only those of this migration.
        since: only those from this time on, in seconds since the epoch; whole months before it are not read.

    Raises:
        AuditBroken: an entry cannot be read. (`verify` looks at the chain as a whole.)
    """
    taken = snapshot(redis)
    skipped = sum(length for key, length in taken.lists if key < month_key(int(since)))
    for _, line in lines(redis, taken, skipped):
        if migration is None or migration in line:
            entry = _read(line)
            if entry.at >= since and migration in {None, entry.migration}:
                yield entry


def latest(redis: Redis, count: int, migration: str | None = None) -> tuple[Entry, ...]:
    """Return the newest `count` entries, oldest first.

    Raises:
        AuditBroken: an entry cannot be read.
    """
    if migration is not None:
        return tuple(deque(entries(redis, migration), maxlen=count))
    taken = snapshot(redis)
    return tuple(_read(line) for _, line in lines(redis, taken, max(0, taken.length - count)))


def backwards(redis: Redis, before: int = 0) -> Iterator[Entry]:
    """Yield the entries kept, the newest first, page by page; memory stays flat.

    Args:
        redis: the state store.
        before: only entries with a smaller number; 0 for all.

    Raises:
        AuditBroken: an entry cannot be read.
    """
    taken = snapshot(redis)
    newest = _newest(taken.head)
    skipped = max(0, newest.number - before + 1) if newest and before else 0
    for line in lines_backwards(redis, taken, skipped):
        entry = _read(line)
        if not before or entry.number < before:
            yield entry


def _append(redis: Redis, actor: Actor, act: Act, migration: str, code: str, nonce: str) -> Entry:
    head, now = _head_and_time(redis)
    last = _newest(head)
    entry = Entry(
        number=last.number + 1 if last else 1,
        at=max(now, last.at) if last else now,
        actor=actor,
        act=act,
        migration=migration,
        code=code,
        nonce=nonce,
        previous=last.hash if last else BEGINNING,
        previous_at=last.at if last else 0,
    )
    rest = [] if last else months(now, now)
    script = answers_of(redis).register_script(_APPEND)
    answer = text(script(keys=[HEAD, month_key(entry.at), *rest], args=[head or "", entry.line, end_date(entry.at)]))
    if answer != "ok":
        raise _Moved if answer == "moved" else AuditBroken
    return entry


def _head_and_time(redis: Redis) -> tuple[str | None, int]:
    with answers_of(redis).pipeline(transaction=False) as look:
        look.get(HEAD)
        look.time()
        head, clock = look.execute()
    return text(head), int(clock[0])


class _Moved(AuditBusy):
    """Somebody else appended in between: look again."""


def _policy(seconds: float) -> Retrying:
    return Retrying(
        retry=retry_if_exception_type(_Moved),
        wait=wait_random(0, 0.02),
        stop=stop_after_delay(seconds),
        reraise=True,
    )


def _newest(head: str | None) -> Entry | None:
    return None if head is None else _read(head)


def _read(line: str) -> Entry:
    try:
        return Entry.from_line(line)
    except ValueError:
        raise AuditBroken from None
