"""What code in hostile hands inside a slice's process tries against the state store: nothing of it comes to pass.

Each try says its bytes over a slice's own line, to the proxy that stands before a real store. It is refused, the
process is ended, and the store is what it was. The same line does all that a slice needs.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from redis import Redis
from redis.exceptions import RedisError
from waiting import eventually

from jobs import audit, scripts
from jobs.audit import Act
from jobs.migration import part_key, record_key
from jobs.permits import Permit, Script, for_revoking, for_slice
from jobs.requests import create
from jobs.storeline import client_over
from jobs.storeproxy import Access, Proxy, serving
from jobs.tickets import claim
from migrator.errors import LeaseLost
from migrator.ledger import FENCED, TTL, Ledger
from migrator.outcome import Mark
from migrator.quota import PROFILES, RESERVE, Meter
from oauth.vault import Safe

OURS, THEIRS, LATER = "a" * 32, "b" * 32, "c" * 32
CANARY = b"canary-of-another-customer"
Word = str | bytes | int


class Cell:
    """One slice's process, as its worker sees it."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        for migration, customer in ((OURS, "ann"), (THEIRS, "bob")):
            create(redis, customer, migration_id=migration)
            redis.set(part_key(migration, "account"), f"account-of-{customer}", ex=TTL)
            Safe(redis, migration, migration.encode()).seal(grant=CANARY, mailbox=CANARY)
            redis.set(part_key(migration, "revocation"), b'{"confirmed": false}', ex=TTL)
            redis.set(part_key(migration, "choices"), CANARY, ex=TTL)
        self.tokens = {one.id: one.token for one in (claim(redis, 60, cap=9), claim(redis, 60, cap=9)) if one}
        Ledger(redis, THEIRS, self.tokens[THEIRS]).write(*Ledger(redis, THEIRS).plan([1], [Mark.PENDING]))
        create(redis, "eve", migration_id=LATER)
        audit.append(redis, audit.WORKER, Act.OPENED, THEIRS)
        self.meter = self.meter_of("ann")
        self.permit = for_slice(OURS, self.tokens[OURS], self.meter)

    def meter_of(self, customer: str) -> Meter:
        calls = part_key(OURS if customer == "ann" else THEIRS, "calls")
        return Meter(self.redis, f"project:account-of-{customer}", PROFILES["new"], calls=calls)

    def everything(self) -> dict[bytes, tuple[bytes, bool]]:
        """Return all that is in the store, and of each key whether it has an end."""
        names = sorted(self.redis.keys("*"))  # type: ignore[arg-type]
        return {name: (self.redis.dump(name), self.redis.ttl(name) > 0) for name in names}  # type: ignore[misc]

    @contextmanager
    def line(self, permit: Permit | None = None) -> Iterator[tuple[socket.socket, Proxy, threading.Event]]:
        ended = threading.Event()
        with serving(Access(self.redis, permit or self.permit), ended.set) as proxy, proxy.line.dup() as line:
            proxy.line.close()
            line.settimeout(60)
            yield line, proxy, ended

    def fenced(self, *commands: tuple[Word, ...], keys: tuple[Word, ...] = (), token: str = "") -> tuple[Word, ...]:
        """Return a ledger's write, as it is said."""
        keys = keys or (record_key(OURS),)
        counted = [word for command in commands for word in (len(command), *command)]
        return "EVALSHA", sha(FENCED), len(keys), *keys, token or self.tokens[OURS], "", *counted


def sha(text: str) -> bytes:
    return Script(text, lambda *_: False).sha


def said(*words: Word) -> bytes:
    every = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(every) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in every)


def lasting(*command: Word) -> list[tuple[Word, ...]]:
    return [command, ("EXPIRE", command[1], TTL)]


@pytest.fixture
def cell(redis: Redis) -> Cell:
    return Cell(redis)


O, T = record_key(OURS), record_key(THEIRS)  # noqa: E741

OTHERS = [
    ("GET", f"{T}:ids"), ("HGETALL", T), ("HGET", f"{T}:sealed", "grant"), ("HGETALL", f"{T}:sealed"),
    ("GET", f"{T}:choices"), ("LRANGE", f"{T}:placed:0", 0, -1), ("GET", f"{T}:account"), ("EXISTS", T),
    ("SET", f"{T}:tls", "none", "EX", TTL), ("SET", f"{T}:served", "192.0.2.1", "EX", TTL), ("STRLEN", f"{T}:marks"),
    ("GET", "account:account-of-bob"), ("LRANGE", "audit:head", 0, -1), ("GET", "audit:head"),
    ("HGETALL", "jobs:whose"), ("HGET", "quota:project:account-of-bob", "tokens"), ("GET", "web:session:x"),
    ("HGETALL", "worker:x"),
]  # fmt: skip

OWN_BUT_NOT_ITS_OWN = [
    ("HSET", O, "customer", "bob"), ("HSET", O, "token", "x"), ("HSET", O, "state", "done"), ("HINCRBY", O, "step", 1),
    ("DEL", O), ("PERSIST", O), ("EXPIRE", O, 1), ("RENAME", O, T), ("COPY", f"{T}:sealed", f"{O}:sealed", "REPLACE"),
    ("SET", f"{O}:revocation", '{"confirmed": true}'), ("SET", f"{O}:revocation", "x", "EX", TTL),
    ("GET", f"{O}:receipt"), ("SET", f"{O}:receipt", "forged"), ("SET", f"{O}:account", "account-of-bob"),
    ("HSET", f"{O}:sealed", "grant", "another's"), ("HDEL", f"{O}:sealed", "grant"),
    ("SADD", f"{O}:hosts", "google:443"),
    ("DEL", f"{O}:hosts"), ("HSET", f"{O}:discarding", "destroy", 1), ("SET", f"{O}:opened", "copying"),
    ("HINCRBY", f"{O}:calls", "users.messages.get", -5), ("SET", f"{O}:permission", "all"),
    ("RPUSH", f"{O}:events", "x"),
    ("SET", f"{O}:ids", "x"), ("SET", f"{O}:tls", "TLSv1.3", "EX", 1), ("SET", f"{O}:tls", "TLSv1.3"),
    ("SET", f"{O}:tls", "<b>\n", "EX", TTL), ("SET", f"{O}:served", "evil.example", "EX", TTL),
    ("GET", f"{O}:ids\n"), ("GET", f"{O}:ids\0"), ("GET", f"{O}:ids:x"), ("GET", f"{O}x:ids"), ("GET", f"{O}:placed:*"),
    ("GET", f"{O}:placed:-1"), ("GET", f"{O}:found:../x"), ("GET", f"{O}:ids", f"{T}:ids"), ("get", f"{O}:ids"),
    ("EXISTS", f"{O}:ids", f"{T}:ids"), ("GET",), ("GET", ""),
]  # fmt: skip

SERVER = [
    tuple(line.split())
    for line in """
    SCAN 0|KEYS *|RANDOMKEY|DBSIZE|SELECT 1|SWAPDB 0 1|FLUSHALL|FLUSHDB|SHUTDOWN NOSAVE|MONITOR|INFO|TIME|PING|ECHO x
    CONFIG GET *|CONFIG SET dir /tmp|CONFIG REWRITE|ACL LIST|ACL SETUSER x on >x ~* +@all|ACL WHOAMI|AUTH x|AUTH x y
    MODULE LOAD /tmp/x.so|DEBUG SLEEP 100|DEBUG SET-ACTIVE-EXPIRE 0|SCRIPT FLUSH|SCRIPT LOAD x|SCRIPT KILL
    SCRIPT EXISTS x|FUNCTION LOAD x|FUNCTION LIST|FUNCTION FLUSH|FCALL x 0|EVAL return(1) 0|EVAL_RO return(1) 0
    SUBSCRIBE x|PSUBSCRIBE *|SSUBSCRIBE x|PUBLISH x y|CLIENT LIST|CLIENT KILL TYPE normal|CLIENT PAUSE 100000
    CLIENT NO-EVICT on|CLIENT TRACKING on BCAST|HELLO 3|HELLO 3 AUTH default x|RESET|QUIT|WAIT 1 0|WAITAOF 1 0 0
    REPLICAOF 192.0.2.1 6379|SLAVEOF NO ONE|PSYNC ? -1|SYNC|REPLCONF x|FAILOVER|SAVE|BGSAVE|BGREWRITEAOF
    LATENCY RESET|SLOWLOG GET|COMMAND
    MEMORY DOCTOR|LOLWUT|OBJECT ENCODING x|MIGRATE 192.0.2.1 6379 x 0 1|RESTORE x 0 y|DUMP x|SORT x STORE y|WATCH x
    BLPOP x 0|XREAD BLOCK 0 STREAMS x 0|EXEC|DISCARD|DURABLE|EVALSHA x 0|EVALSHA|BITOP AND x y|PFCOUNT x|GEOSEARCH x
    """.replace("\n", "|").split("|")
    if line.strip()
]


def test_a_slice_s_line_does_what_a_slice_needs(cell: Cell) -> None:
    before = {name: value for name, value in cell.everything().items() if name.startswith(T.encode())}
    with cell.line() as (line, proxy, ended), client_over(line.dup()) as store:
        ledger = Ledger(store, OURS, cell.tokens[OURS])
        ledger.write(*ledger.plan([7, 8], [Mark.PENDING, Mark.PENDING]), ledger.mark(1, Mark.COPIED))
        ledger.write(*ledger.place(0, []), ("DEL", ledger.key("intent")))
        assert (ledger.ids(), ledger.total(), store.hget(O, "customer")) == ((7, 8), 2, b"ann")
        assert Safe(store, OURS, OURS.encode()).open("grant") == CANARY
        assert Meter(store, "project:account-of-ann", PROFILES["new"], calls=part_key(OURS, "calls")).reserve(
            20, "users.messages.get"
        ) == pytest.approx(0.0)
        store.set(part_key(OURS, "tls"), "TLSv1.3 TLS_AES_256_GCM_SHA384", ex=TTL)
        store.set(part_key(OURS, "served"), "2001:db8::1", ex=TTL)
        # What looks like a command inside a word is a word.
        assert store.hget(O, "x\r\n*1\r\n$8\r\nFLUSHALL\r\n") is None
        assert not ended.is_set()
        assert not proxy.has_refused
    assert before == {name: value for name, value in cell.everything().items() if name.startswith(T.encode())}


@pytest.mark.parametrize("command", [*OTHERS, *OWN_BUT_NOT_ITS_OWN, *SERVER], ids=lambda c: " ".join(map(str, c))[:70])
def test_a_command_that_is_no_slice_s_is_refused(cell: Cell, command: tuple[Word, ...]) -> None:
    nothing_comes_of(cell, said(*command))


CLAIM, REQUEST = (scripts._script(name)[1] for name in ("claim", "request"))

SCRIPTS: dict[str, Callable[[Cell], tuple[Word, ...]]] = {
    "another's record": lambda c: c.fenced(*lasting("SET", f"{O}:map", 1), keys=(T,)),
    "another's record and token": lambda c: c.fenced(*lasting("SET", f"{T}:map", 1), keys=(T,), token=c.tokens[THEIRS]),
    "another's token": lambda c: c.fenced(*lasting("SET", f"{O}:map", 1), token=c.tokens[THEIRS]),
    "no token": lambda c: c.fenced(*lasting("SET", f"{O}:map", 1), token="-"),
    "one key more": lambda c: c.fenced(*lasting("SET", f"{O}:map", 1), keys=(O, T)),
    "no key": lambda c: ("EVALSHA", sha(FENCED), 0, c.tokens[OURS], ""),
    "another's part": lambda c: c.fenced(*lasting("SET", f"{T}:marks", "x")),
    "another's part behind its own": lambda c: c.fenced(*lasting("SET", f"{O}:map", 1), *lasting("DEL", f"{T}:ids")),
    "its record": lambda c: c.fenced(*lasting("HSET", O, "customer", "bob")),
    "its revocation": lambda c: c.fenced(*lasting("SET", f"{O}:revocation", '{"confirmed": true}')),
    "its secrets": lambda c: c.fenced(*lasting("HSET", f"{O}:sealed", "grant", "x")),
    "its account": lambda c: c.fenced(*lasting("SET", f"{O}:account", "account-of-bob")),
    "the audit log": lambda c: c.fenced(("DEL", "audit:head")),
    "the audit log, appended to": lambda c: c.fenced(*lasting("RPUSH", "audit:2026-11", "x")),
    "the audit log, renamed": lambda c: c.fenced(("RENAME", "audit:head", f"{O}:map")),
    "a lease": lambda c: c.fenced(("ZADD", "jobs:leases", 9_000_000_000, OURS)),
    "a queue": lambda c: c.fenced(("DEL", "jobs:ring")),
    "copied from another": lambda c: c.fenced(("COPY", f"{T}:sealed", f"{O}:map"), ("EXPIRE", f"{O}:map", TTL)),
    "a script in a script": lambda c: c.fenced(("EVAL", f"{O}:map", "return 1")),
    "a server's command in it": lambda c: c.fenced(("CONFIG", f"{O}:map", "x")),
    "a name in small letters": lambda c: c.fenced(*lasting("set", f"{O}:map", 1)),
    "an option of SET": lambda c: c.fenced(("SET", f"{O}:map", 1, "KEEPTTL"), ("EXPIRE", f"{O}:map", TTL)),
    "a key without an end": lambda c: c.fenced(("SET", f"{O}:map", 1)),
    "an end before the write": lambda c: c.fenced(("EXPIRE", f"{O}:map", TTL), ("SET", f"{O}:map", 1)),
    "an end in a hundred years": lambda c: c.fenced(("SET", f"{O}:map", 1), ("EXPIRE", f"{O}:map", 10**10)),
    "a string of half a gigabyte": lambda c: c.fenced(*lasting("SETRANGE", f"{O}:marks", 2**29 - 2, "x")),
    "before the beginning": lambda c: c.fenced(*lasting("SETRANGE", f"{O}:marks", -1, "x")),
    "a count that is none": lambda c: c.fenced(*lasting("HSET", f"{O}:counts", "settled", "nan")),
    "a count beyond numbers": lambda c: c.fenced(*lasting("HINCRBY", f"{O}:counts", "settled", 2**63 - 1)),
    "more words than there are": lambda c: ("EVALSHA", sha(FENCED), 1, O, c.tokens[OURS], "", 9, "DEL", f"{O}:map"),
    "fewer words": lambda c: ("EVALSHA", sha(FENCED), 1, O, c.tokens[OURS], "", 1, "DEL", f"{O}:map"),
    "a count with a sign": lambda c: ("EVALSHA", sha(FENCED), 1, O, c.tokens[OURS], "", "+2", "DEL", f"{O}:map"),
    "a step that is no number": lambda c: ("EVALSHA", sha(FENCED), 1, O, c.tokens[OURS], "x", 2, "DEL", f"{O}:map"),
    "keys beyond counting": lambda c: ("EVALSHA", sha(FENCED), 99, O, c.tokens[OURS], ""),
    "a script of the queue": lambda _: ("EVALSHA", CLAIM, 0, "", 60, 9, "mine"),
    "a script of the queue by another's id": lambda _: ("EVALSHA", REQUEST, 0, "", THEIRS, "cancel"),
    "the quota of another": lambda c: ("EVALSHA", sha(RESERVE), 2, *c.meter_of("bob").keys, *units(c)),
    "the calls of another": lambda c: ("EVALSHA", sha(RESERVE), 2, c.meter.keys[0], f"{T}:calls", *units(c)),
    "a record as a bucket": lambda c: ("EVALSHA", sha(RESERVE), 2, T, c.meter.keys[1], *units(c)),
    "units given back": lambda c: ("EVALSHA", sha(RESERVE), 2, *c.meter.keys, -500, *units(c)[1:]),
    "units beyond counting": lambda c: ("EVALSHA", sha(RESERVE), 2, *c.meter.keys, 10**15, *units(c)[1:]),
    "a method that is none": lambda c: ("EVALSHA", sha(RESERVE), 2, *c.meter.keys, *units(c)[:3], "x", *units(c)[4:]),
}  # fmt: skip


def units(cell: Cell) -> list[Word]:
    return [*cell.meter.every_request()[0]]  # type: ignore[list-item]


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_with_other_keys_or_values_is_refused(cell: Cell, name: str) -> None:
    with pytest.raises(RedisError):  # it is known to the server, so it would be carried out
        cell.redis.evalsha(sha(FENCED).decode(), 0)
    nothing_comes_of(cell, said(*SCRIPTS[name](cell)))


OK = said("GET", f"{O}:map")
SMUGGLED = {
    "an inline command": b"FLUSHALL\r\n",
    "an inline command behind a good one": OK + b"FLUSHALL\r\n",
    "an inline command as HTTP": b"POST / HTTP/1.1\r\nHost: x\r\n\r\n",
    "no words": b"*0\r\n",
    "minus one words": b"*-1\r\n",
    "more words than there may be": b"*1048577\r\n",
    "words beyond numbers": b"*99999999999999999999\r\n",
    "a sign": b"*+1\r\n$4\r\nPING\r\n",
    "a leading zero": b"*01\r\n$4\r\nPING\r\n",
    "a space": b"* 1\r\n$4\r\nPING\r\n",
    "a line feed alone": b"*1\n$4\nPING\n",
    "no word": b"*1\r\n$-1\r\n",
    "a word of gigabytes": b"*1\r\n$99999999\r\n",
    "a word longer than said": b"*2\r\n$3\r\nGET\r\n$3\r\nmig:{\r\n",
    "a word shorter than said": b"*2\r\n$3\r\nGET\r\n$9\r\nmig\r\n" + b"x" * 20,
    "a number in a word's place": b"*1\r\n:1\r\n",
    "an array in an array": b"*1\r\n*1\r\n$4\r\nPING\r\n",
    "a map": b"%1\r\n+x\r\n+y\r\n",
    "a stream without end": b"*1\r\n$?\r\n",
    "nul": b"\0" * 100,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00",
    "a head without an end": b"*" + b"1" * 100_000,
    "cut off": said("GET", f"{O}:ids")[:-3],
    "a transaction with what is refused": said("MULTI") + OK + said("FLUSHALL") + said("EXEC"),
    "a transaction with a write": said("MULTI") + said("SET", f"{O}:revocation", 1) + said("EXEC"),
    "a transaction in one": said("MULTI") + said("MULTI") + said("EXEC"),
    "a transaction without end": said("MULTI") + OK * 17,
    "a transaction that is cut off": said("MULTI") + OK,
}


@pytest.mark.parametrize("name", SMUGGLED)
def test_what_is_no_command_in_the_one_form_is_refused(cell: Cell, name: str) -> None:
    nothing_comes_of(cell, SMUGGLED[name])


@pytest.mark.parametrize(
    "command",
    [("HGET", f"{O}:sealed", "mailbox"), ("HGETALL", O), ("GET", f"{O}:ids"), ("HGET", f"{T}:sealed", "grant")],
    ids=" ".join,
)
def test_the_process_that_revokes_reads_the_sealed_grant_and_nothing_else(cell: Cell, command: tuple[str, ...]) -> None:
    permit = for_revoking(OURS)
    with cell.line(permit) as (line, _, _), client_over(line.dup()) as store:
        assert Safe(store, OURS, OURS.encode()).open("grant") == CANARY
    nothing_comes_of(cell, said(*command), permit)


def test_a_write_after_the_lease_changes_nothing(cell: Cell) -> None:
    cell.redis.hset(O, "token", "the-next-slice-s")
    with cell.line() as (line, _, _), client_over(line.dup()) as store:
        ledger = Ledger(store, OURS, cell.tokens[OURS])
        with pytest.raises(LeaseLost):
            ledger.write(*ledger.plan([7], [Mark.PENDING]))
    assert not cell.redis.exists(f"{O}:ids")


def nothing_comes_of(cell: Cell, words: bytes, permit: Permit | None = None) -> None:
    """Say it, and find the process ended, no word of anybody in the answer, and the store as it was."""
    before = cell.everything()
    with cell.line(permit) as (line, proxy, ended):
        line.sendall(words)
        line.shutdown(socket.SHUT_WR)
        eventually(ended.is_set)
        assert proxy.has_refused
        answered = line.makefile("rb").read()
    assert CANARY not in answered
    assert cell.everything() == before
