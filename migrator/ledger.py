"""What was intended and what was done, per message; in Redis, fenced, every key with an end date.

A migration's messages are numbered 0..n-1 in the order of the plan, newest first. Its keys, all beginning with
`mig:{<migration id>}`:

    :ids      string, 8 bytes a message: the Gmail id, big-endian
    :marks    string, 1 byte a message: its `Mark`; the sums of the final account are counted from it
    :placed:N list of packed `Placed` records, one element an append batch, for folder number N
    :folders  hash, folder number -> `FolderState`
    :created  set of the names of the folders that the migration made, parents that came along with them included
    :flagged  string, 1 byte a message: which of the flags in `FLAG_BITS` it was given
    :remarks  string, 1 byte a message: what its copy does not show (`migrator.remarks`)
    :relabelled hash, by id: labels that were renamed while their folder kept its name
    :reasons  hash, message number -> a word for why it failed
    :hashed   by what the key of the hashes in `placed`, `partial` and `intent` is told from others
    :blind    string, 1 byte a message: its hashes were made with a key that is lost (`migrator.blind`)
    :deferred hash, message number -> `Deferred`: refused for no reason of its own, and to be tried again at a time
    :partial  hash, message number -> the folders it still has to be copied to (policy copy-per-label)
    :pauses   how often the import rested without anything achieved since (`migrator.pauses`)
    :keywords JSON, folder number -> keywords that the mailbox refused there
    :retry    that the messages which failed are to be tried again (`migrator.reopening`)
    :existing hash: the mail that was there before the import (`migrator.existing`)
    :elsewhere hash: which message of it stands for one that should lie in another folder
    :intent   string: the one command that is under way and whose result is not yet written
    :counts   hash: bytes, messages by folder, how often a message was `settled`, and `weighed`: with bytes of its own

Order of writing: intent, act, result (isync's journal); after a crash the mailbox is looked at, then the result
written. A write with a stale fencing token changes nothing and raises `LeaseLost`. So does one after a write that the
store has forgotten since (killed, or followed by its replica): the writes of a slice are counted in the record's field
`step`, and each must find the count that the one before it left. What a slice has in its head is worth nothing then.
"""

import json
import math
import re
import struct
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from redis import Redis

from migrator.errors import LeaseLost
from migrator.message import gmail_id
from migrator.outcome import Mark
from migrator.records import UNKNOWN_UID, Deferred, FolderState, Intent, Partial, Placed, as_json
from migrator.remarks import Remark

Command = tuple[str | bytes | int, ...]

TTL = 72 * 3600
"""Seconds a key may outlive its last write; retention ends earlier (docs/data.md)."""

FLAG_BITS = {"\\Flagged": 1, "\\Draft": 2}
"""The flags a message is given that the customer may later set or take off, by their bit."""

_WINDOW = 2000
_OPEN = re.compile(rb"[\0\1]")

# KEYS: the record. ARGV: token, the step this slice wrote last ('' for none), then commands, each after its length.
FENCED = """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
if ARGV[2] ~= '' and redis.call('HGET', KEYS[1], 'step') ~= ARGV[2] then return 0 end
local at = 3
while at <= #ARGV do
  local n = tonumber(ARGV[at])
  redis.call(unpack(ARGV, at + 1, at + n))
  at = at + n + 1
end
return redis.call('HINCRBY', KEYS[1], 'step', 1)
"""


class Ledger:
    """One migration's ledger, written under one fencing token.

    Args:
        redis: a client with `decode_responses=False`.
        migration_id: the migration's opaque id.
        token: the fencing token of the slice that writes.
        progressed: called after every write that is a result (an intent is none).
    """

    def __init__(
        self, redis: "Redis", migration_id: str, token: str = "", progressed: Callable[[], None] = lambda: None
    ) -> None:
        self._redis = redis
        self._token = token
        self._progressed = progressed
        self._base = f"mig:{{{migration_id}}}"
        self._script = redis.register_script(FENCED)
        self.step = ""
        """What the last write was counted as; empty before the first."""

    def key(self, part: str) -> str:
        """Return the full name of one of the migration's keys."""
        return f"{self._base}:{part}"

    def write(self, *commands: Command) -> None:
        """Carry out all commands at once; none, and `LeaseLost`, when another slice owns the migration by now."""
        self._carry_out([*commands, *self._settled_by(commands)])
        self._progressed()

    def jot(self, *commands: Command) -> None:
        """Carry out commands that are no result: they do not count as progress."""
        self._carry_out(commands)

    def _carry_out(self, commands: Sequence[Command]) -> None:
        args: list[str | bytes | int] = [self._token, self.step]
        for command in (*commands, *self._end_dates(commands)):
            args += [len(command), *command]
        step = self._script(keys=[self._base], args=args)
        if not step:
            raise LeaseLost
        self.step = str(step)

    def _settled_by(self, commands: Sequence[Command]) -> list[Command]:
        """Return what counts, for those who watch the flow, the messages that get an outcome by these commands."""
        marks = [Mark(cast("bytes", c[3])[0]) for c in commands if c[:2] == ("SETRANGE", self.key("marks"))]
        counted = {
            "settled": sum(not mark.is_open for mark in marks),
            "weighed": sum(mark.is_placed for mark in marks),
        }
        return [("HINCRBY", self.key("counts"), name, number) for name, number in counted.items() if number]

    @staticmethod
    def _end_dates(commands: Sequence[Command]) -> list[Command]:
        written = {command[1] for command in commands if command[0] not in {"DEL", "RENAME"}}
        return [("EXPIRE", key, TTL) for key in written]

    # --- the plan -----------------------------------------------------------------------------------------------

    def plan(self, ids: Sequence[int], marks: Sequence[Mark]) -> list[Command]:
        """Return the commands that write the plan: Gmail ids in copying order, what is already decided about each."""
        return [
            ("SET", self.key("ids"), struct.pack(f">{len(ids)}Q", *ids)),
            ("SET", self.key("marks"), bytes(marks)),
        ]

    def add_to_plan(self, ids: Sequence[int], marks: Sequence[Mark]) -> list[Command]:
        """Return the commands that append messages which arrived at Gmail after the plan was made."""
        return [
            ("APPEND", self.key("ids"), struct.pack(f">{len(ids)}Q", *ids)),
            ("APPEND", self.key("marks"), bytes(marks)),
        ]

    def is_planned(self) -> bool:
        """Tell whether the plan is written, be it empty."""
        return bool(self._redis.exists(self.key("ids")))

    def total(self) -> int:
        """Return the number of messages in the plan."""
        return int(self._redis.strlen(self.key("marks")))

    def ids(self) -> tuple[int, ...]:
        """Return every Gmail id of the plan."""
        blob = self._bytes(self._redis.get(self.key("ids")))
        return struct.unpack(f">{len(blob) // 8}Q", blob)

    def marks(self) -> bytes:
        """Return every message's mark."""
        return self._bytes(self._redis.get(self.key("marks")))

    def outcomes(self) -> dict[Mark, int]:
        """Return how many messages stand how; the values always sum up to `total`."""
        return {Mark(value): count for value, count in sorted(Counter(self.marks()).items())}

    def open_messages(self) -> Iterator[tuple[int, str, Mark]]:
        """Yield (number, Gmail id in hex, mark) of every message without an outcome, in the order of the plan."""
        marks = self.marks()
        start = 0
        ids: tuple[int, ...] = ()
        for found in _OPEN.finditer(marks):
            number = found.start()
            if number >= start + len(ids):
                start, ids = number, self._ids(number, _WINDOW)
            yield number, gmail_id(ids[number - start]), Mark(marks[number])

    def _ids(self, start: int, length: int) -> tuple[int, ...]:
        blob = self._bytes(self._redis.getrange(self.key("ids"), start * 8, (start + length) * 8 - 1))
        return struct.unpack(f">{len(blob) // 8}Q", blob)

    def found(self, step: str) -> tuple[int, ...]:
        """Return the Gmail ids that one listing of the plan has found so far."""
        blob = self._bytes(self._redis.get(self.key(f"found:{step}")))
        return struct.unpack(f">{len(blob) // 8}Q", blob)

    def fail(self, number: int, mark: Mark, reason: str) -> list[Command]:
        """Return the commands that set a failure and the word for it; folders it has not reached are given up."""
        return [
            self.mark(number, mark),
            ("HSET", self.key("reasons"), number, reason),
            ("HDEL", self.key("partial"), number),
            ("HDEL", self.key("deferred"), number),
        ]

    def defer(self, number: int, deferred: Deferred) -> Command:
        """Return the command that has a message tried again later; it stays open until then."""
        return ("HSET", self.key("deferred"), number, as_json(deferred))

    def accepted(self, numbers: Iterable[int]) -> list[Command]:
        """Return the commands that forget why these messages were deferred."""
        fields = tuple(numbers)
        return [("HDEL", self.key("deferred"), *fields)] if fields else []

    def deferred(self, now: float = math.inf) -> dict[int, Deferred]:
        """Return the messages that are to be tried again, by number; with `now` as `Deferred.as_of` has them."""
        rows = cast("dict[bytes, bytes]", self._redis.hgetall(self.key("deferred")))
        return {int(number): Deferred.from_json(row).as_of(now) for number, row in rows.items()}

    def fail_in(self, number: int, partial: Partial, folder: int, mark: Mark, reason: str) -> list[Command]:
        """Return the commands for a message that cannot go to one folder: it goes to the others, then has failed."""
        partial = partial.without(folder, mark)
        if not partial.todo:
            return self.fail(number, mark, reason)
        return [self.partial(number, partial), ("HSET", self.key("reasons"), number, reason)]

    def reasons(self) -> dict[int, str]:
        """Return the word for every failure, by message number."""
        rows = cast("dict[bytes, bytes]", self._redis.hgetall(self.key("reasons")))
        return {int(number): word.decode() for number, word in rows.items()}

    def mark(self, number: int, mark: Mark) -> Command:
        """Return the command that sets one message's mark."""
        return ("SETRANGE", self.key("marks"), number, bytes([mark]))

    # --- folders and what was placed in them ----------------------------------------------------------------------

    def folders(self) -> dict[int, FolderState]:
        """Return all folders of the migration by number."""
        rows = cast("dict[bytes, bytes]", self._redis.hgetall(self.key("folders")))
        return {int(number): FolderState.from_json(row) for number, row in rows.items()}

    def folder(self, number: int, state: FolderState) -> Command:
        """Return the command that records a folder's state."""
        return ("HSET", self.key("folders"), number, as_json(state))

    def made_folders(self, names: Iterable[str]) -> Command:
        """Return the command that records that folders of these full names were not there before."""
        return ("SADD", self.key("created"), *(_stored(name) for name in names))

    def not_made_folder(self, name: str) -> Command:
        """Return the command that records that somebody else made a folder."""
        return ("SREM", self.key("created"), _stored(name))

    def made(self) -> frozenset[str]:
        """Return the full names of the folders that the migration made; not all need be there."""
        found = cast("set[bytes]", self._redis.smembers(self.key("created")))
        return frozenset(name.decode("utf-8", "surrogatepass") for name in found)

    def flagged(self, flags: Iterable[tuple[int, Iterable[str]]], *, anew: bool = False) -> list[Command]:
        """Return the commands that record, by message number, which flags of `FLAG_BITS` messages are given.

        `anew`: they were recorded with others before.
        """
        bits = ((number, sum(FLAG_BITS.get(flag, 0) for flag in set(given))) for number, given in flags)
        return [("SETRANGE", self.key("flagged"), number, bytes([byte])) for number, byte in bits if byte or anew]

    def flags_given(self) -> bytes:
        """Return every message's byte of `FLAG_BITS`; what lies beyond its end was given none."""
        return self._bytes(self._redis.get(self.key("flagged")))

    def remark(self, remarks: Iterable[tuple[int, Remark]]) -> list[Command]:
        """Return the commands that record what is to be said of messages beside their outcomes, by number."""
        new, held = dict(remarks), self.remarks()
        told = {number: remark | (held[number] if number < len(held) else 0) for number, remark in new.items()}
        return [("SETRANGE", self.key("remarks"), number, bytes([byte])) for number, byte in told.items()]

    def remarks(self) -> bytes:
        """Return every message's byte of `Remark`; of what lies beyond its end there is nothing to be said."""
        return self._bytes(self._redis.get(self.key("remarks")))

    def labels_renamed(self, ids: Iterable[str]) -> list[Command]:
        """Return the commands that record labels whose folder keeps the name they had before."""
        return [("HSET", self.key("relabelled"), label_id, 1) for label_id in sorted(ids)]

    def count_of_renamed(self) -> int:
        """Return how many labels were renamed while their folder kept its name."""
        return int(self._redis.hlen(self.key("relabelled")))

    def blinded(self, which: bytes) -> Command:
        """Return the command that records, a byte a message, whose hashes cannot be compared any more."""
        return ("SET", self.key("blind"), which)

    def blind(self) -> bytes:
        """Return a byte a message, 1 for those whose hashes cannot be compared; what lies beyond its end can be."""
        return self._bytes(self._redis.get(self.key("blind")))

    def place(self, folder: int, records: Sequence[Placed]) -> list[Command]:
        """Return the commands that record messages as lying in a folder."""
        unlocated = sum(r.uid == UNKNOWN_UID for r in records)
        return [
            ("RPUSH", self.key(f"placed:{folder}"), Placed.packed(records)),
            ("HINCRBY", self.key("counts"), f"folder:{folder}", len(records)),
            ("HINCRBY", self.key("counts"), "bytes", sum(r.size for r in records)),
            *([("HINCRBY", self.key("counts"), f"unlocated:{folder}", unlocated)] if unlocated else []),
        ]

    def placed(self, folder: int) -> Iterator[Placed]:
        """Yield every message recorded in a folder, in the order of recording."""
        for blob in self._placed_blobs(folder):
            yield from Placed.unpacked(blob)

    def unplaced(self, folder: int, numbers: Container[int]) -> tuple[list[Placed], list[Command]]:
        """Return the records of these messages in a folder, and the commands that forget them, the others staying."""
        gone, commands = list[Placed](), list[Command]()
        for place, blob in enumerate(self._placed_blobs(folder)):
            records = list(Placed.unpacked(blob))
            kept = [record for record in records if record.number not in numbers]
            if len(kept) < len(records):
                commands.append(("LSET", self.key(f"placed:{folder}"), place, Placed.packed(kept)))
                gone += [record for record in records if record.number in numbers]
        if gone:
            commands.append(("HINCRBY", self.key("counts"), f"folder:{folder}", -len(gone)))
            commands.append(("HINCRBY", self.key("counts"), "bytes", -sum(record.size for record in gone)))
        if unlocated := sum(record.uid == UNKNOWN_UID for record in gone):
            commands.append(("HINCRBY", self.key("counts"), f"unlocated:{folder}", -unlocated))
        return gone, commands

    def _placed_blobs(self, folder: int) -> Iterator[bytes]:
        key, start, step = self.key(f"placed:{folder}"), 0, 200
        while blobs := cast("list[bytes]", self._redis.lrange(key, start, start + step - 1)):
            yield from blobs
            start += step

    def counts(self) -> dict[str, int]:
        """Return the `bytes`, `folder:N`, `unlocated:N`, `settled` and `weighed` counters."""
        rows = cast("dict[bytes, bytes]", self._redis.hgetall(self.key("counts")))
        return {name.decode(): int(value) for name, value in rows.items()}

    # --- the command under way ------------------------------------------------------------------------------------

    def intend(self, intent: Intent, also: Sequence[Command] = ()) -> None:
        """Write down what is about to be done, and what else is to be known by then."""
        self._carry_out([*also, ("SET", self.key("intent"), as_json(intent))])

    def intent(self) -> Intent | None:
        """Return the command whose result was never written, if any."""
        blob = self._redis.get(self.key("intent"))
        if blob is None:
            return None
        return Intent.from_json(self._bytes(blob))

    def settled(self) -> Command:
        """Return the command that clears the intent; goes into the same write as the result."""
        return ("DEL", self.key("intent"))

    def partials(self) -> dict[int, Partial]:
        """Return the messages that are in some of their folders but not in all."""
        rows = cast("dict[bytes, bytes]", self._redis.hgetall(self.key("partial")))
        return {int(number): Partial.from_json(row) for number, row in rows.items()}

    def partial(self, number: int, partial: Partial) -> Command:
        """Return the command that records which folders a message still has to be copied to."""
        return ("HSET", self.key("partial"), number, as_json(partial))

    def advanced(self, number: int, partial: Partial | None, mark: Mark) -> list[Command]:
        """Return the commands for a message that reached a folder: kept as partial, or done with its mark."""
        if partial is not None and partial.todo:
            return [self.partial(number, partial)]
        whole: list[Command] = [("HDEL", self.key("partial"), number)] if partial else []
        return [*whole, self.mark(number, mark if partial is None else Mark(partial.mark))]

    def reopened(self, number: int, mark: Mark) -> list[Command]:
        """Return the commands that open a message again, as if it had never been read."""
        return [
            ("HDEL", self.key("partial"), number),
            ("HDEL", self.key("reasons"), number),
            self.mark(number, mark),
        ]

    def located(self, folder: int, uids: Mapping[int, int]) -> list[Command]:
        """Return the commands that record UIDs, by message number, that were not known at first, or changed."""
        commands: list[Command] = []
        unknown = 0
        for place, blob in enumerate(self._placed_blobs(folder)):
            records = list(Placed.unpacked(blob))
            known = [replace(r, uid=uids.get(r.number, r.uid)) for r in records]
            unknown += sum(was.uid == UNKNOWN_UID != now.uid for was, now in zip(records, known, strict=True))
            if known != records:
                commands.append(("LSET", self.key(f"placed:{folder}"), place, Placed.packed(known)))
        return [*commands, ("HINCRBY", self.key("counts"), f"unlocated:{folder}", -unknown)] if unknown else commands

    def unlocated(self) -> list[int]:
        """Return the folders in which messages were stored whose UIDs are not known."""
        return [int(name[10:]) for name, count in self.counts().items() if name.startswith("unlocated:") and count > 0]

    def forgotten(self, folder: int, records: Iterable[Placed]) -> list[Command]:
        """Return the commands that forget all placements in a folder; `records` are those."""
        return [
            ("DEL", self.key(f"placed:{folder}")),
            ("HDEL", self.key("counts"), f"folder:{folder}", f"unlocated:{folder}"),
            ("HINCRBY", self.key("counts"), "bytes", -sum(r.size for r in records)),
        ]

    # --- small values ---------------------------------------------------------------------------------------------

    def load(self, part: str) -> Any:
        """Return a JSON value of the migration (`map`, `choices`, `verify`), or None."""
        blob = self._redis.get(self.key(part))
        return None if blob is None else json.loads(self._bytes(blob))

    def note(self, part: str, value: Any, also: Sequence[Command] = ()) -> None:
        """Store a JSON value, and carry out other commands, that are no result: they do not count as progress."""
        self.jot(self.keep(part, value), *also)

    def keep(self, part: str, value: Any) -> Command:
        """Return the command that stores a JSON value of the migration."""
        return ("SET", self.key(part), json.dumps(value))

    def field(self, part: str, name: str) -> bytes | None:
        """Return one field of a hash of the migration, or None."""
        return cast("bytes | None", self._redis.hget(self.key(part), name))

    def fields(self, part: str) -> dict[str, bytes]:
        """Return all fields of a hash of the migration."""
        rows = cast("dict[bytes, bytes]", self._redis.hgetall(self.key(part)))
        return {name.decode(): value for name, value in rows.items()}

    @staticmethod
    def _bytes(value: Any) -> bytes:
        return cast("bytes", value) or b""


def _stored(name: str) -> bytes:
    """Return a folder's name as it is kept, halves of characters included: they are refused later, at the door."""
    return name.encode("utf-8", "surrogatepass")
