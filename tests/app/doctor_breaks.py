"""Set-ups that are really broken, each in one place: running servers with other settings, files that are not there."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from audit_keeping import keep
from doctor_place import PLANTED, Place
from promise.clock import Clock, clear_up
from redis import Redis
from waiting import eventually

from app import embedded
from emulator.servers.instance import free_ports
from jobs.audit import Verdict
from jobs.audit.check import publish
from jobs.audit.places import OPEN
from jobs.heartbeats import beat, this_worker
from jobs.requests import create
from oauth.workerskeys import add_pair

Broken = Callable[[Place], AbstractContextManager[None]]


@contextmanager
def configured(store: Redis, **settings: str) -> Iterator[None]:
    """Give a running server other settings."""
    names = {name.replace("_", "-"): value for name, value in settings.items()}
    before = {name: store.config_get(name)[name] for name in names}
    for name, value in names.items():
        store.config_set(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            store.config_set(name, value)


def keys_in_a_log(place: Place) -> AbstractContextManager[None]:
    return configured(place.keys, appendonly="yes")


def keys_in_snapshots(place: Place) -> AbstractContextManager[None]:
    return configured(place.keys, save="900 1")


def state_without_a_log(place: Place) -> AbstractContextManager[None]:
    return configured(place.state, appendonly="no")


def state_that_is_never_flushed(place: Place) -> AbstractContextManager[None]:
    return configured(place.state, appendfsync="no")


def state_that_evicts(place: Place) -> AbstractContextManager[None]:
    return configured(place.state, maxmemory_policy="allkeys-lru")


def state_nearly_full(place: Place) -> AbstractContextManager[None]:
    return configured(place.state, maxmemory=str(int(place.state.info()["used_memory"] * 1.1)))


def slow_log_that_keeps_arguments(place: Place) -> AbstractContextManager[None]:
    return configured(place.state, slowlog_max_len="128", slowlog_log_slower_than="10000")


@contextmanager
def keys_beside_the_state(place: Place) -> Iterator[None]:
    place.set("store", keys_url=place.servers.state.url.replace("db=0", "db=2"))
    yield


@contextmanager
def broker_in_the_state(place: Place) -> Iterator[None]:
    place.set("store", broker_url=place.servers.state.url)
    yield


@contextmanager
def store_not_running(place: Place) -> Iterator[None]:
    (port,) = free_ports(1)
    place.set("store", url=f"redis://127.0.0.1:{port}/0")
    yield


@contextmanager
def store_with_another_password(place: Place) -> Iterator[None]:
    with configured(place.keys, requirepass="right"):
        place.set("store", keys_url=f"{place.servers.keys.url}&password={PLANTED}")
        yield


@contextmanager
def store_that_tells_nothing(place: Place) -> Iterator[None]:
    place.state.acl_setuser(
        "narrow", enabled=True, nopass=True, keys=["*"], categories=["+@all", "-@admin"], commands=["-info"]
    )
    place.set("store", url=f"{place.servers.state.url.partition('&')[0]}&username=narrow&password=x")
    try:
        yield
    finally:
        place.state.acl_deluser("narrow")


@contextmanager
def store_with_a_wrong_clock(place: Place) -> Iterator[None]:
    clock = Clock(place.folder / "clock")
    clock._file.write_text("+3600")
    with clock.started():
        store = embedded.start(place.folder / "late", persistent=False)
    with store:
        place.set("store", keys_url=store.url)
        yield
    clear_up(store.pid)


@contextmanager
def key_store_with_a_replica(place: Place) -> Iterator[None]:
    (port,) = free_ports(1)
    with (
        configured(place.keys, port=str(port)),
        embedded.start(place.folder / "copy", persistent=False) as copy,
        Redis.from_url(copy.url) as replica,
    ):
        told = place.keys.connection_pool.connection_kwargs
        replica.config_set("masteruser", told["username"])
        replica.config_set("masterauth", told["password"])
        replica.replicaof("127.0.0.1", str(port))
        eventually(lambda: place.keys.info()["connected_slaves"] == 1)
        yield
        replica.replicaof("NO", "ONE")
    eventually(lambda: place.keys.info()["connected_slaves"] == 0)


@contextmanager
def master_key_for_all_eyes(place: Place) -> Iterator[None]:
    (place.folder / "master.key").chmod(0o644)
    yield


@contextmanager
def master_key_gone(place: Place) -> Iterator[None]:
    (place.folder / "master.key").unlink()
    yield


@contextmanager
def master_key_that_is_none(place: Place) -> Iterator[None]:
    (place.folder / "master.key").write_text(f"k1 {PLANTED}\n")
    yield


@contextmanager
def workers_key_for_all_eyes(place: Place) -> Iterator[None]:
    (place.folder / "workers.key").chmod(0o644)
    yield


@contextmanager
def workers_keys_gone(place: Place) -> Iterator[None]:
    for name in ("workers.key", "workers.pub"):
        (place.folder / name).unlink()
    yield


@contextmanager
def workers_key_that_is_none(place: Place) -> Iterator[None]:
    (place.folder / "workers.key").write_text(f"w1 {PLANTED}\n")
    yield


@contextmanager
def workers_public_key_of_another_pair(place: Place) -> Iterator[None]:
    add_pair(place.folder / "elsewhere.key", place.folder / "workers.pub")
    yield


@contextmanager
def receipt_key_that_is_none(place: Place) -> Iterator[None]:
    (place.folder / "receipt.key").write_text(PLANTED)
    yield


@contextmanager
def client_secret_empty(place: Place) -> Iterator[None]:
    (place.folder / "client-secret").write_text("\n")
    yield


@contextmanager
def client_secret_rotated(place: Place) -> Iterator[None]:
    (place.folder / "rotated").write_text("rotated")
    (place.folder / "rotated").chmod(0o600)
    place.set("google", client_secret_file=str(place.folder / "rotated"))
    yield


@contextmanager
def no_client(place: Place) -> Iterator[None]:
    place.set("google", client_id="")
    yield


@contextmanager
def no_mail_server(place: Place) -> Iterator[None]:
    place.set("mailbox", host="")
    yield


@contextmanager
def mail_server_unknown(place: Place) -> Iterator[None]:
    place.set("mailbox", host="imap.invalid")
    yield


@contextmanager
def mail_server_of_an_unknown_authority(place: Place) -> Iterator[None]:
    place.set("mailbox", ca_file="")
    yield


@contextmanager
def mail_server_away(place: Place) -> Iterator[None]:
    (port,) = free_ports(1)
    place.set("mailbox", port=port)
    yield


@contextmanager
def mail_server_in_the_clear(place: Place) -> Iterator[None]:
    place.set("mailbox", port=place.servers.mail.port)
    yield


@contextmanager
def google_away(place: Place) -> Iterator[None]:
    (port,) = free_ports(1)
    place.set("google", token_uri=f"http://127.0.0.1:{port}/token")
    yield


@contextmanager
def a_proxy(place: Place) -> Iterator[None]:
    assert place
    os.environ["https_proxy"] = "http://proxy.invalid:3128"
    try:
        yield
    finally:
        del os.environ["https_proxy"]


@contextmanager
def no_worker_while_work_waits(place: Place) -> Iterator[None]:
    place.state.flushall()
    create(place.state, "c1")
    yield


@contextmanager
def worker_without_processes(place: Place) -> Iterator[None]:
    beat(place.state, replace(this_worker(2), trouble="no-scratch"))
    yield


@contextmanager
def worker_of_another_version(place: Place) -> Iterator[None]:
    beat(place.state, replace(this_worker(2), version="0.0.9"))
    yield


@contextmanager
def queue_stuck(place: Place) -> Iterator[None]:
    create(place.state, "c1", now=time.time() - 3600)
    yield


@contextmanager
def retention_overdue(place: Place) -> Iterator[None]:
    create(place.state, "c1", now=time.time() - 71.5 * 3600)
    yield


@contextmanager
def audit_log_altered(place: Place) -> Iterator[None]:
    line = place.state.lindex(OPEN, 0)
    assert isinstance(line, bytes)
    place.state.lset(OPEN, 0, line.replace(b"terminal", b"customer"))
    keep(place.state, place.folder / "audit")
    yield


@contextmanager
def audit_log_not_kept(place: Place) -> Iterator[None]:
    publish(place.state, Verdict(1, 1, (), 0, at=int(time.time()) - 3600), 600)
    yield


@contextmanager
def pages_in_the_clear(place: Place) -> Iterator[None]:
    place.set("web", url="http://import.example.org")
    yield


@contextmanager
def pages_without_an_address(place: Place) -> Iterator[None]:
    place.set("web", url="https://import.invalid")
    yield


@contextmanager
def hook_away(place: Place) -> Iterator[None]:
    (port,) = free_ports(1)
    place.rows["hook"] = {"url": f"https://localhost:{port}/hook"}
    yield


@contextmanager
def pages_behind_a_proxy_unnamed(place: Place) -> Iterator[None]:
    place.set("web", client_header="")
    yield


@contextmanager
def console_behind_a_proxy_unnamed(place: Place) -> Iterator[None]:
    place.rows["console"] = {"url": "https://localhost:444"}
    yield


@contextmanager
def store_urls_missing(place: Place) -> Iterator[None]:
    place.set("store", keys_url="")
    yield


BAD, WARN = "bad", "warn"
BROKEN: list[tuple[Broken, str, str, str]] = [
    (keys_in_a_log, "key store: kept on disk", BAD, "appendonly no"),
    (keys_in_snapshots, "key store: kept on disk", BAD, 'save ""'),
    (key_store_with_a_replica, "key store: replicas", BAD, "Take the replica away"),
    (keys_beside_the_state, "key store: apart", BAD, "Run a second server"),
    (broker_in_the_state, "broker: apart", BAD, "another database"),
    (state_without_a_log, "state store: kept on disk", BAD, "appendonly yes"),
    (state_that_is_never_flushed, "state store: kept on disk", BAD, "appendfsync everysec"),
    (state_that_evicts, "state store: memory", BAD, "noeviction"),
    (state_nearly_full, "state store: memory", WARN, "Raise `maxmemory`"),
    (slow_log_that_keeps_arguments, "state store: slow log", WARN, "slowlog-max-len 0"),
    (store_not_running, "state store", BAD, "Start it"),
    (store_with_another_password, "key store", BAD, "user and password"),
    (store_that_tells_nothing, "state store: settings", WARN, "ACL SETUSER"),
    (store_with_a_wrong_clock, "key store: clock", BAD, "NTP"),
    (store_urls_missing, "stores", BAD, "store.keys_url"),
    (master_key_for_all_eyes, "master key", BAD, "chmod 600"),
    (master_key_gone, "master key", BAD, "backup"),
    (master_key_that_is_none, "master key", BAD, "backup"),
    (workers_key_for_all_eyes, "workers' key", BAD, "chmod 600"),
    (workers_keys_gone, "workers' key", BAD, "backup"),
    (workers_key_that_is_none, "workers' key", BAD, "backup"),
    (workers_public_key_of_another_pair, "workers' key", BAD, "new pair"),
    (receipt_key_that_is_none, "receipt key", BAD, "openssl genpkey"),
    (client_secret_empty, "google.client_secret_file", BAD, "Write the secret"),
    (no_client, "OAuth client", BAD, "Make an OAuth client"),
    (client_secret_rotated, "OAuth client at Google", BAD, "google.client_id and the secret"),
    (google_away, "google.token_uri", BAD, "google.token_uri"),
    (a_proxy, "proxy", WARN, "unset it"),
    (no_mail_server, "mailbox", BAD, "mailbox.host"),
    (mail_server_unknown, "mailbox", BAD, "mailbox.host"),
    (mail_server_of_an_unknown_authority, "mailbox", BAD, "mailbox.ca_file"),
    (mail_server_away, "mailbox", BAD, "Start it"),
    (mail_server_in_the_clear, "mailbox", BAD, "port and tls"),
    (no_worker_while_work_waits, "workers", BAD, "migrator worker"),
    (worker_without_processes, "workers: processes", BAD, "is it there, its own, and not full?"),
    (worker_of_another_version, "workers: version", WARN, "Restart the workers"),
    (queue_stuck, "queue", WARN, "more workers"),
    (retention_overdue, "retention", BAD, "Start a worker"),
    (audit_log_altered, "audit log", BAD, "migrator audit verify"),
    (audit_log_not_kept, "audit log", WARN, "audit-elsewhere"),
    (pages_in_the_clear, "web.url", BAD, "end TLS"),
    (pages_without_an_address, "web.url", BAD, "DNS"),
    (pages_behind_a_proxy_unnamed, "web.client_header", WARN, "deploy/proxy/"),
    (console_behind_a_proxy_unnamed, "console.client_header", WARN, "deploy/proxy/"),
    (hook_away, "hook.url", BAD, "hook.url"),
]
