"""The audit log on the stores as deploy/ runs them: each role appends, and can do nothing else to it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from audit_chains import KEY
from audit_keeping import Kept
from redis import Redis
from redis.exceptions import NoPermissionError, RedisError
from servers.guarded import Guarded

from jobs import audit
from jobs.audit import Act
from jobs.audit.keeper import Keeper, locked
from jobs.audit.places import BROKEN, HOME, NEWEST, OPEN, VERDICT, inbox, of_one

ROLES = ("web", "worker", "console")
MIGRATION = "5f" * 16
KEYS = (NEWEST, OPEN, VERDICT, HOME, BROKEN, of_one(MIGRATION), *map(inbox, ("web", "worker", "console", "other")))

# Everything a hostile program might send to lose, change, move or replace a key, or to keep others from appending.
# KEY is a key of the log, OWN one that the role may write.
COMMANDS = (
    *("DEL KEY", "UNLINK KEY", "GETDEL KEY", "GETEX KEY PX 1", "EXPIRE KEY 0", "PEXPIRE KEY 1", "EXPIREAT KEY 1"),
    *("PERSIST KEY", "RENAME KEY OWN", "RENAMENX KEY OWN", "RENAME OWN KEY", "RENAMENX OWN KEY", "MOVE KEY 1"),
    *("COPY OWN KEY REPLACE", "SET KEY x", "SETNX KEY x", "SETEX KEY 1 x", "PSETEX KEY 1 x", "GETSET KEY x"),
    *("MSET KEY x", "MSETNX KEY x", "APPEND KEY x", "SETRANGE KEY 0 x", "SETBIT KEY 0 1", "BITOP NOT KEY OWN"),
    *("BITFIELD KEY SET u8 0 1", "INCR KEY", "DECR KEY", "LPUSH KEY x", "LPUSHX KEY x", "RPUSHX KEY x", "LPOP KEY"),
    *("RPOP KEY", "LMPOP 1 KEY LEFT", "BLMPOP 1 1 KEY LEFT", "BLPOP KEY 1", "BRPOP KEY 1", "LSET KEY 0 x"),
    *("LREM KEY 0 x", "LTRIM KEY 1 0", "LINSERT KEY BEFORE x y", "RPOPLPUSH KEY OWN", "RPOPLPUSH OWN KEY"),
    *("BRPOPLPUSH OWN KEY 1", "LMOVE KEY OWN LEFT LEFT", "LMOVE OWN KEY LEFT LEFT", "BLMOVE OWN KEY LEFT LEFT 1"),
    *("SADD KEY x", "SPOP KEY", "SREM KEY x", "SMOVE KEY OWN x", "SUNIONSTORE KEY OWN", "SINTERSTORE KEY OWN"),
    *("SDIFFSTORE KEY OWN", "ZADD KEY 1 x", "ZREM KEY x", "ZUNIONSTORE KEY 1 OWN", "ZINTERSTORE KEY 1 OWN"),
    *("ZRANGESTORE KEY OWN 0 -1", "ZPOPMIN KEY", "HSET KEY a b", "HDEL KEY a", "HINCRBY KEY a 1", "PFADD KEY x"),
    *("PFMERGE KEY OWN", "GEOADD KEY 1 1 x", "GEOSEARCHSTORE KEY OWN FROMLONLAT 1 1 BYRADIUS 1 m"),
    *("SORT OWN STORE KEY", "SORT KEY STORE OWN", "RESTORE KEY 0 x REPLACE", "MIGRATE 127.0.0.1 1 KEY 0 10"),
    *("XADD KEY MAXLEN 1 * a b", "XADD KEY 18446744073709551615-1 a b", "XTRIM KEY MAXLEN 0", "XDEL KEY 1-1"),
    *("XSETID KEY 9-9", "XGROUP CREATE KEY g 0 MKSTREAM", "FLUSHDB", "FLUSHALL", "SWAPDB 0 1", "DEBUG SEGFAULT"),
    *("CONFIG SET maxmemory 1", "REPLICAOF 127.0.0.1 1", "FAILOVER", "SHUTDOWN NOSAVE", "ACL SETUSER web allkeys"),
    *("CLIENT PAUSE 100000", "SAVE", "MODULE LIST"),
)


REFUSED = re.compile(r"NoPermissionError|user executing the script can't|not allowed|Unknown Redis command")


@pytest.fixture
def kept(guarded: Guarded, tmp_path: Path) -> Iterator[Kept]:
    """A log with entries of every role, of which one has not been taken yet."""
    with guarded.client("keeper") as keeper, locked(tmp_path / "audit"):
        kept = Kept(keeper, tmp_path / "audit")
        write_all(guarded)
        assert kept.look().holds  # type: ignore[union-attr]
        write_all(guarded)
        yield kept


def write_all(guarded: Guarded) -> None:
    for role in ROLES:
        with guarded.client(role) as client:
            audit.append(client, audit.WORKER, Act.OPENED, MIGRATION)


def all_of_it(guarded: Guarded) -> dict[bytes, bytes]:
    with guarded.client("admin") as admin:
        return {key: admin.dump(key) for key in admin.keys("audit:*")}


def test_each_role_appends_as_itself_and_reads_the_log(guarded: Guarded, kept: Kept) -> None:
    for role in ROLES:
        with guarded.client(role) as client:
            assert {entry.by for entry in audit.entries(client)} == set(ROLES)
            assert len(list(audit.entries(client, MIGRATION))) == 6
            assert audit.checkpoint(client).number == 3
            assert audit.verdict(client).holds  # type: ignore[union-attr]
    assert kept.look() is None or kept.verify().holds
    assert guarded.refusals() == []


def tries(client: Redis, words: list[str]) -> Iterator[str]:
    """Send a command as it is, from a script that hides its key, and from one that names it; give the answers."""
    ways: list[list[str]] = [words, ["EVAL", "return redis.call(unpack(ARGV))", "0", *words]]
    ways += [["EVAL", "return redis.call(unpack(ARGV))", "1", key, *words] for key in KEYS if key in words]
    for way in ways:
        try:
            yield str(client.execute_command(*way))
        except RedisError as error:
            yield f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("role", ROLES)
def test_no_role_can_lose_change_or_replace_anything_of_the_log(guarded: Guarded, kept: Kept, role: str) -> None:
    own = {"web": "web:session:x", "worker": "jobs:x", "console": "staff:x"}[role]
    before = all_of_it(guarded)
    with guarded.client(role) as client:
        asked = [
            [{"KEY": key, "OWN": own}.get(word, word) for word in command.split()]
            for key in KEYS
            for command in COMMANDS
        ]
        tried = [(words, answer) for words in asked for answer in tries(client, words)]
    assert sorted({(words[0], answer) for words, answer in tried if not REFUSED.search(answer)}) == []
    assert all_of_it(guarded) == before
    assert kept.look() is None or kept.verify().holds


@pytest.mark.parametrize("role", ROLES)
def test_no_role_appends_as_another(guarded: Guarded, role: str) -> None:
    with guarded.client(role) as client:
        for other in (*ROLES, "other"):
            if other != role:
                with pytest.raises(NoPermissionError):
                    client.rpush(inbox(other), "x")
        for key in (NEWEST, OPEN, of_one(MIGRATION), BROKEN):
            with pytest.raises(NoPermissionError):
                client.rpush(key, "x")


@pytest.mark.parametrize("role", ROLES)
def test_the_worst_a_role_can_append_costs_nobody_else_an_entry(guarded: Guarded, kept: Kept, role: str) -> None:
    with guarded.client(role) as client:
        waiting = [line for writer in ROLES for line in client.lrange(inbox(writer), 0, -1)]
        client.rpush(inbox(role), *waiting, b"\xff" * 5000, "x", "", waiting[0] + b" ")
    write_all(guarded)
    kept.look()
    found = list(audit.entries(kept.redis))
    assert [entry.by for entry in found if entry.by in ROLES and entry.by != role].count("web") in {0, 3}
    for other in ROLES:
        if other != role:
            assert sum(entry.by == other for entry in found) == 3
    assert kept.verify().holds


def test_the_keeper_reaches_nothing_but_the_log(guarded: Guarded) -> None:
    with guarded.client("keeper") as keeper:
        for command in (
            "GET web:session:x",
            "SET mig:{a} x",
            "GET mig:{a}:sealed",
            "DEL jobs:due",
            "FLUSHDB",
            "KEYS *",
        ):
            with pytest.raises(NoPermissionError):
                keeper.execute_command(*command.split())


def test_the_keeper_needs_no_more_than_it_may(guarded: Guarded, tmp_path: Path) -> None:
    with guarded.client("keeper") as redis, locked(tmp_path / "audit"):
        kept = Kept(redis, tmp_path / "audit")
        kept.days_ago(2, 1)
        write_all(guarded)
        assert Keeper(redis, kept.folder, KEY, settled_seconds=0).look().holds  # type: ignore[union-attr]
        assert len(kept.shelf.paths()) == 2
    assert guarded.refusals() == []
