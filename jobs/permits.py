"""What a process with secrets may ask of the state store: the commands, each with the keys and values it may have.

Whatever is not listed is refused. Keys are those of one migration; of its record nothing can be written but the count
of its slice's writes, and of its parts only the ledger's, under the slice's own fencing token. So a process in hostile
hands can spoil the ledger of its own import, and nothing else: not `customer`, not `revocation`, `sealed`, `receipt`
or the audit log, no lease, no queue, and nothing of another import.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from jobs.migration import MOST_MESSAGES, record_key
from jobs.retention import UNFINISHED_SECONDS
from migrator.ledger import FENCED, TTL
from migrator.quota import RESERVE, Meter

Words = Sequence[bytes]
Rule = Callable[[Words], bool]
"""Tells whether a command may have these arguments."""

# fmt: off
LEDGER_PARTS = (
    "ids", "marks", "folders", "created", "flagged", "remarks", "relabelled", "reasons", "hashed", "blind",
    "deferred", "partial", "pauses", "keywords", "retry", "existing", "elsewhere", "intent", "counts", "map",
    "labels", "listing", "since", "passes", "trying", "attributes", "hold", "finish", "verified", "summary",
)
# fmt: on
"""What a slice writes; docs/data.md says what lies there."""

_FAMILIES = ("placed:[0-9]{1,9}", "found:(?:all|SPAM|TRASH|CHAT|large|older)")
_READ_BESIDE = ("choices", "account", "sealed", "served")

_KEY_COUNTS = frozenset({b"1", b"2", b"3"})
_ANYTHING = re.compile(rb".*", re.DOTALL)
_COUNT = re.compile(rb"[2-9]|[1-9][0-9]{1,6}")
_NUMBER = re.compile(rb"-?[0-9]{1,15}")
_TOKEN_STEP = re.compile(rb"[0-9]{0,18}")
_ADDRESS = re.compile(rb"[0-9A-Fa-f.:]{0,45}")
_TLS = re.compile(rb"[A-Za-z0-9 ._()/-]{0,100}")
_TTL = str(TTL).encode()
_UNFINISHED = str(UNFINISHED_SECONDS).encode()


class Forbidden(Exception):
    """The command is not permitted."""


@dataclass(frozen=True)
class Script:
    """A script whose text the parent knows, by what it may be called with: its keys and arguments."""

    text: str
    rule: Callable[[Words, Words], bool]

    @property
    def sha(self) -> bytes:
        """By what it is called (`EVALSHA`)."""
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest().encode()


@dataclass(frozen=True)
class Permit:
    """What one process may ask. `waits`: it may wait for the store's disk (`jobs.durable`), by a word of its own."""

    commands: Mapping[bytes, Rule] = field(default_factory=dict)
    scripts: Mapping[bytes, Script] = field(default_factory=dict)
    waits: bool = False

    def check(self, command: Words) -> None:
        """Raise `Forbidden` unless the command is permitted."""
        name, *given = command
        rule = self._is_script_permitted if name == b"EVALSHA" else self.commands.get(name, _never)
        if not rule(given):
            raise Forbidden

    def _is_script_permitted(self, given: Words) -> bool:
        match given:
            case [sha, count, *words] if sha in self.scripts and count in _KEY_COUNTS:
                return self.scripts[sha].rule(words[: int(count)], words[int(count) :])
        return False


def permit(*commands: Mapping[bytes, Rule], scripts: Iterable[Script] = (), waits: bool = False) -> Permit:
    """Return the permit for these commands and scripts; a command named twice may be what either rule says."""
    merged = dict[bytes, Rule]()
    for some in commands:
        for name, rule in some.items():
            merged[name] = _either(merged[name], rule) if name in merged else rule
    return Permit(merged, {script.sha: script for script in scripts}, waits)


def for_slice(migration: str, token: str, meter: Meter) -> Permit:
    """Return what a slice may ask that plans, copies or verifies; `meter`: as the worker itself would make it."""
    return permit(
        reading(_Keys(migration, (*LEDGER_PARTS, *_READ_BESIDE), families=True, record=True)),
        _noting(migration),
        scripts=(ledger_writing(migration, token), metering(meter)),
    )


def for_revoking(migration: str) -> Permit:
    """Return what the process may ask that gives a grant back: the sealed grant."""
    return permit({b"HGET": _exactly(_part(migration, "sealed"), b"grant")})


def reading_ledger(migration: str, *beside: str) -> dict[bytes, Rule]:
    """Permit to read a migration's ledger, and these parts."""
    return reading(_Keys(migration, (*LEDGER_PARTS, *beside), families=True))


def reading_parts(migration: str, *parts: str) -> dict[bytes, Rule]:
    """Permit to read these parts of a migration."""
    return reading(_Keys(migration, parts))


def sealing(migration: str) -> dict[bytes, Rule]:
    """Permit to seal secrets of a migration (`oauth.vault.Safe`)."""
    key = _part(migration, "sealed")
    return {b"HSET": _with_values(key, _ANYTHING, _ANYTHING), b"EXPIRE": _exactly(key, _UNFINISHED)}


def reading(keys: "_Keys") -> dict[bytes, Rule]:
    """Permit to read these keys, by commands that name one."""

    def rule(least: int, most: int) -> Rule:
        return lambda given: least <= len(given) <= most and given[0] in keys

    return {
        **dict.fromkeys((b"GET", b"STRLEN", b"EXISTS", b"HGETALL", b"HLEN", b"SMEMBERS"), rule(1, 1)),
        **dict.fromkeys((b"GETRANGE", b"LRANGE"), rule(3, 3)),
        b"HGET": rule(2, 2),
    }


def metering(meter: Meter) -> Script:
    """Permit to reserve Google's units, of this account and at Google's prices."""
    ours, allowed = _encoded(meter.keys), {tuple(_encoded(args)) for args in meter.every_request()}
    return Script(RESERVE, lambda keys, given: list(keys) == ours and tuple(given) in allowed)


def ledger_writing(migration: str, token: str) -> Script:
    """Permit to write a migration's ledger under one fencing token."""
    record, parts = record_key(migration).encode(), _Keys(migration, LEDGER_PARTS, families=True)

    def rule(keys: Words, given: Words) -> bool:
        fenced = list(keys) == [record] and len(given) > 1 and token != "" and given[0] == token.encode()
        return fenced and bool(_TOKEN_STEP.fullmatch(given[1])) and _may_write(parts, given[2:])

    return Script(FENCED, rule)


def _may_write(parts: "_Keys", given: Words) -> bool:
    """Tell whether all commands may be carried out, and each key that is written is given an end date with it."""
    at, unending = 0, set[bytes]()
    while at < len(given):
        count = int(given[at]) if _COUNT.fullmatch(given[at]) else 0
        command = given[at + 1 : at + 1 + count]
        if not count or len(command) != count or not _is_write(command) or command[1] not in parts:
            return False
        (unending.discard if command[0] in _ENDINGS else unending.add)(command[1])
        at += 1 + count
    return not unending


_ENDINGS = frozenset({b"EXPIRE", b"DEL"})


def _is_write(command: Words) -> bool:
    """Tell whether this is one of the ledger's commands; whose key it has is looked at by others."""
    match command:
        case [b"SET" | b"APPEND" | b"RPUSH", _, _] | [b"SADD" | b"SREM" | b"HDEL", _, _, *_] | [b"DEL", _]:
            return True
        case [b"HSET", key, _, _, *more]:
            # What is counted is counted up and down alone: those who watch the flow take it for numbers.
            return len(more) % 2 == 0 and not key.endswith(b":counts")
        case [b"HINCRBY", _, _, number] | [b"LSET", _, number, _]:
            return bool(_NUMBER.fullmatch(number))
        case [b"SETRANGE", _, at, value]:  # one far behind the end would take the store's memory
            return bool(_NUMBER.fullmatch(at)) and 0 <= int(at) <= MOST_MESSAGES - len(value)
        case [b"EXPIRE", _, seconds]:
            return seconds == _TTL
    return False


def _never(_: Words) -> bool:
    return False


def _noting(migration: str) -> dict[bytes, Rule]:
    """Permit to note which of the mailbox's addresses served, and how the connection is protected."""
    shapes = {_part(migration, "served"): _ADDRESS, _part(migration, "tls"): _TLS}

    def rule(given: Words) -> bool:
        match given:
            case [key, value, b"EX", seconds] if key in shapes and seconds == _UNFINISHED:
                return bool(shapes[key].fullmatch(value))
        return False

    return {b"SET": rule}


def _exactly(*words: bytes) -> Rule:
    return lambda given: list(given) == list(words)


def _with_values(key: bytes, *forms: re.Pattern[bytes]) -> Rule:
    """Permit this key with one value of each of these forms."""

    def rule(given: Words) -> bool:
        fits = len(given) == 1 + len(forms) and given[0] == key
        return fits and all(form.fullmatch(word) for form, word in zip(forms, given[1:], strict=True))

    return rule


def _either(one: Rule, other: Rule) -> Rule:
    return lambda given: one(given) or other(given)


def _encoded(words: Iterable[str | float]) -> list[bytes]:
    """Return words as redis-py writes them."""
    return [repr(word).encode() if isinstance(word, float) else str(word).encode() for word in words]


def _part(migration: str, part: str) -> bytes:
    return f"{record_key(migration)}:{part}".encode()


class _Keys:
    """Keys of one migration: named parts, where asked for the ledger's families, and the record."""

    def __init__(self, migration: str, parts: Iterable[str], *, families: bool = False, record: bool = False) -> None:
        names = "|".join((*map(re.escape, parts), *(_FAMILIES if families else ())))
        self._form = re.compile(f"{re.escape(record_key(migration))}(?::(?:{names})){'?' if record else ''}".encode())

    def __contains__(self, key: bytes) -> bool:
        return bool(self._form.fullmatch(key))
