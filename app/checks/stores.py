"""The stores: reached, of a good version, one that keeps and one that never does, and clocks that agree."""

import time
from collections.abc import Callable, Iterator

from redis.exceptions import NoPermissionError

from app.checks.clocks import clock, skew_of
from app.checks.finding import Finding, bad, ok, warn
from app.checks.server import Server, look
from app.stores import StoreUrls
from jobs.durable import wait_for_disk

_OLDEST = (6, 2)
_TELLS_OF_DISK = (7, 2)
_FULL = 0.8

_GRANT = "Let its user look: ACL SETUSER <user> +info +config|get +time."


def stores(urls: StoreUrls) -> Iterator[Finding]:
    """Look at all of them, first each by itself."""
    draining = list(urls.key_stores.items())[1:]
    looked = [
        look("state store", "store.url", urls.state),
        look("broker", "store.broker_url", urls.broker),
        look("key store", "store.keys_url", urls.keys),
        *(look(f"key store {name}", "store.keys_url", url) for name, url in draining),
    ]
    yield from (one for one in looked if isinstance(one, Finding))
    state, broker, *keys = (one if isinstance(one, Server) else None for one in looked)
    for server, checks in ((state, _STATE), (broker, _BROKER), *((one, _KEYS) for one in keys)):
        if server:
            yield ok(server.name, server.program)
            yield from (found for check in checks for found in check(server))
    for one in keys:
        yield from _apart(state, one)
    yield from _broker_apart(state, broker)
    for server in (state, broker, *keys):
        if server:
            server.client.close()


def _old(server: Server) -> Iterator[Finding]:
    if server.info and server.version < _OLDEST:
        yield bad(f"{server.name}: version", server.program, "Install Redis 6.2 or newer, or Valkey.")


def _readable(server: Server) -> Iterator[Finding]:
    if not server.info or server.settings is None:
        yield warn(f"{server.name}: settings", "cannot tell: its user may not look at them", _GRANT)


def _keeps(server: Server) -> Iterator[Finding]:
    name = f"{server.name}: kept on disk"
    if not server.info:
        return
    if not server.info.get("aof_enabled"):
        yield bad(
            name, "no append-only file: a restart loses every import", 'Set `appendonly yes` there, and `save ""`.'
        )
        return
    if "err" in {server.info.get("aof_last_write_status"), server.info.get("aof_last_bgrewrite_status")}:
        yield bad(name, "it could not write its append-only file", "Free space on its disk, and look at its log.")
        return
    how = (server.settings or {}).get("appendfsync", "")
    if how == "no":
        yield bad(name, "appendfsync no: a crash loses up to half a minute", "Set `appendfsync everysec` there.")
    elif how == "always" or _gets_to_disk(server):
        yield ok(name, f"append-only file, appendfsync {how}" if how else "append-only file")
    elif server.version < _TELLS_OF_DISK:
        way_out = "Set `appendfsync always` there, or take Redis 7.2 or Valkey 8."
        yield warn(name, "it cannot tell when something is on its disk (WAITAOF)", way_out)
    else:
        way_out = "Look at its disk and its replicas, or let its user ask: ACL SETUSER <user> +waitaof ~durable:mark."
        yield warn(name, "not seen on its disk, and with a replica, within ten seconds", way_out)


def _gets_to_disk(server: Server) -> bool:
    try:
        return wait_for_disk(server.client)
    except NoPermissionError:
        return False


def _never_keeps(server: Server) -> Iterator[Finding]:
    name = f"{server.name}: kept on disk"
    if server.info.get("aof_enabled"):
        way_out = "Set `appendonly no` there and delete its append-only files: they hold keys."
        yield bad(name, "it writes every key to an append-only file", way_out)
    elif server.settings is None:
        return
    elif server.settings.get("save"):
        yield bad(name, "it writes snapshots to disk", 'Set `save ""` there and delete its dump file: it holds keys.')
    else:
        yield ok(name, "never")


def _alone(server: Server) -> Iterator[Finding]:
    if int(server.info.get("connected_slaves", 0)) or server.info.get("role") == "slave":
        way_out = "Take the replica away: a key that is destroyed must be gone in one place."
        yield bad(f"{server.name}: replicas", "another server has a copy of the keys", way_out)


def _writable(server: Server) -> Iterator[Finding]:
    if server.info.get("role") == "slave":
        yield bad(server.name, "it is a replica", f"Name its primary, or your Sentinels, in {server.setting}.")


def _never_evicts(server: Server) -> Iterator[Finding]:
    policy = server.info.get("maxmemory_policy", "")
    if policy and policy != "noeviction":
        way_out = "Set `maxmemory-policy noeviction` there."
        yield bad(f"{server.name}: memory", f"when it is full it throws keys away ({policy})", way_out)
        return
    used, most = int(server.info.get("used_memory", 0)), int(server.info.get("maxmemory", 0))
    if most and used > most * _FULL:
        way_out = "Raise `maxmemory` there, before imports stop."
        yield warn(f"{server.name}: memory", f"{used / most:.0%} of its `maxmemory` is used", way_out)
    elif policy:
        yield ok(f"{server.name}: memory", f"{used / 1e6:.0f} MB, throws nothing away")


def _no_slowlog(server: Server) -> Iterator[Finding]:
    rows = server.settings or {}
    if rows and rows.get("slowlog-max-len") != "0" and rows.get("slowlog-log-slower-than") != "-1":
        way_out = "Set `slowlog-max-len 0` there and `SLOWLOG RESET`."
        yield warn(f"{server.name}: slow log", "it keeps the arguments of slow commands", way_out)


def _clock(server: Server) -> Iterator[Finding]:
    name = f"{server.name}: clock"
    before = time.time()
    try:
        seconds, micro = server.client.time()
    except NoPermissionError:
        yield warn(name, "cannot tell: its user may not ask for the time", _GRANT)
        return
    skew = skew_of(before, time.time(), seconds + micro / 1e6, seconds + micro / 1e6)
    yield from clock(name, skew)


def _apart(state: Server | None, keys: Server | None) -> Iterator[Finding]:
    if state and keys and state.is_same_server(keys):
        way_out = "Run a second server that never writes to disk, and name it in store.keys_url."
        yield bad(f"{keys.name}: apart", "it is the state store's server: its keys lie on disk", way_out)
    elif state and keys and state.info and keys.info:
        yield ok(f"{keys.name}: apart", "a server of its own")


def _broker_apart(state: Server | None, broker: Server | None) -> Iterator[Finding]:
    if state and broker and state.is_same_server(broker) and _database(state) == _database(broker):
        yield bad("broker: apart", "it is the state store's database", "Name another database in store.broker_url.")
    elif state and broker and state.info and broker.info:
        yield ok("broker: apart", "a database of its own")


def _database(server: Server) -> int:
    return int(server.client.connection_pool.connection_kwargs.get("db") or 0)


_Check = Callable[[Server], Iterator[Finding]]

_STATE: tuple[_Check, ...] = (_old, _readable, _writable, _keeps, _never_evicts, _no_slowlog, _clock)
_BROKER: tuple[_Check, ...] = (_old,)
_KEYS: tuple[_Check, ...] = (_old, _readable, _never_keeps, _alone, _never_evicts, _no_slowlog, _clock)
