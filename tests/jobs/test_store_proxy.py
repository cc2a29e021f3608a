"""The proxy before the state store: stuck, flooding and dying processes, and a store that is away."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from waiting import eventually

from jobs import storeproxy
from jobs.broker import open_state
from jobs.migration import part_key, record_key
from jobs.pace import BURST_SECONDS, SHARE, Pace
from jobs.permits import LEDGER_PARTS, Permit, for_slice, permit, reading_ledger, sealing
from jobs.retention import KEPT
from jobs.storeline import client_over
from jobs.storeproxy import DURABLE, Access, Proxy, serving
from jobs.storetrouble import is_away
from migrator.ledger import TTL, Ledger
from migrator.quota import PROFILES, Meter
from oauth.vault import Safe

ID = "a" * 32


@contextmanager
def line_of(redis: Redis, permit: Permit) -> Iterator[tuple[socket.socket, Proxy]]:
    with serving(Access(redis, permit), lambda: None) as proxy, proxy.line.dup() as line:
        proxy.line.close()
        yield line, proxy


@pytest.fixture
def slice_s(redis: Redis) -> Permit:
    redis.hset(record_key(ID), "token", "t")
    redis.expire(record_key(ID), TTL)
    return for_slice(ID, "t", Meter(redis, "p:a", PROFILES["new"], calls=part_key(ID, "calls")))


def proxies() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "store-proxy"]


def test_a_process_that_reads_no_answers_holds_up_nobody_else(redis: Redis, slice_s: Permit) -> None:
    redis.set(part_key(ID, "map"), b"x" * (8 << 20), ex=TTL)
    asked = b"*2\r\n$3\r\nGET\r\n$%d\r\n%b\r\n" % (len(part_key(ID, "map")), part_key(ID, "map").encode())
    with line_of(redis, slice_s) as (stuck, _), line_of(redis, slice_s) as (line, _), client_over(line.dup()) as store:
        stuck.sendall(asked * 100)
        for _ in range(100):
            assert Ledger(store, ID, "t").fields("folders") == {}
    eventually(lambda: not proxies())


def test_a_proxy_ends_with_its_process(redis: Redis, slice_s: Permit) -> None:
    with line_of(redis, slice_s) as (line, proxy):
        assert len(proxies()) == 1
        line.close()
        eventually(lambda: not proxies())
        assert not proxy.has_refused


def test_a_process_says_so_much_and_no_more(redis: Redis, slice_s: Permit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storeproxy, "MOST_ASKED", 1000)
    with line_of(redis, slice_s) as (line, proxy), client_over(line.dup()) as store:
        ledger = Ledger(store, ID, "t")
        ledger.note("map", "x" * 100)
        with pytest.raises(RedisError) as refused:
            ledger.note("map", "x" * 1000)
        assert is_away(refused.value), "the slice ends as if the store were full, and the next one goes on"
        assert not proxy.has_refused
    assert redis.strlen(part_key(ID, "map")) == len("x" * 100) + 2


def test_a_store_that_is_away_is_away_for_the_process_too(slice_s: Permit, tmp_path: object) -> None:
    with (
        open_state(f"unix://{tmp_path}/none.sock", 0.2) as nowhere,
        line_of(nowhere, slice_s) as (line, proxy),
        client_over(line.dup()) as store,
    ):
        with pytest.raises(RedisError) as away:
            Ledger(store, ID, "t").total()
        assert is_away(away.value)
        assert not proxy.has_refused


def test_a_fault_of_ours_comes_without_its_text(redis: Redis, slice_s: Permit) -> None:
    redis.set(part_key(ID, "folders"), "no hash", ex=TTL)
    with line_of(redis, slice_s) as (line, _), client_over(line.dup()) as store:
        with pytest.raises(RedisError, match=r"^ResponseError$") as fault:
            Ledger(store, ID, "t").folders()
        assert not is_away(fault.value)


def test_a_line_that_was_cut_is_a_store_that_is_away() -> None:
    with serving(None, lambda: None) as proxy, client_over(proxy.line) as store:
        with pytest.raises(RedisConnectionError) as cut:
            store.get("x")
        assert is_away(cut.value)


def test_secrets_are_sealed_in_one_and_the_disk_is_waited_for(redis: Redis) -> None:
    with line_of(redis, permit(sealing(ID), waits=True)) as (line, _), client_over(line.dup()) as store:
        Safe(store, ID, b"k" * 32).seal(grant=b"a", tokens=b"b")
        assert store.execute_command(DURABLE) == 1  # type: ignore[no-untyped-call]
    assert Safe(redis, ID, b"k" * 32).open("tokens") == b"b"
    assert 0 < int(redis.ttl(part_key(ID, "sealed"))) <= TTL  # type: ignore[arg-type]


def test_a_script_the_store_has_forgotten_is_told_anew(redis: Redis, slice_s: Permit) -> None:
    with line_of(redis, slice_s) as (line, _), client_over(line.dup()) as store:
        for _ in range(2):
            redis.script_flush()
            Ledger(store, ID, "t").note("map", 1)
    assert redis.get(part_key(ID, "map")) == b"1"


def test_every_part_a_slice_writes_is_in_the_table() -> None:
    rows = {row.pattern for row in KEPT}
    assert {f"mig:{{<id>}}:{part}" for part in LEDGER_PARTS} <= rows
    assert reading_ledger(ID)[b"GET"]([part_key(ID, "undo").encode()]) is False


def test_who_takes_much_of_the_store_gets_half_of_the_time() -> None:
    now = [0.0]
    pace = Pace(lambda: now[0])
    waited, worked = 0.0, 0.0
    while now[0] < 1000:
        pace.took(1.0)
        pause = pace.pause()
        waited, worked = waited + pause, worked + 1.0
        now[0] += 1.0 + pause
    assert worked == pytest.approx(1000 * SHARE + BURST_SECONDS, rel=0.05)
    now[0] += 3600
    pace.took(BURST_SECONDS)
    assert pace.pause() == 0.0


def test_a_store_that_hung_for_long_is_charged_to_nobody() -> None:
    pace = Pace(lambda: 0.0)
    pace.took(60.0)
    assert pace.pause() == 0.0
