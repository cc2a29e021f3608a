"""Pages: a thousand customers watch their imports on one server process, and others still get their pages at once."""

import http.client
import json
import random
import resource
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tenacity import Retrying, retry_if_exception_type, retry_if_result, stop_after_delay, wait_fixed

from app.config import Config, load
from app.stores import Stores, open_stores
from bench.figures import Goal, judge, show
from bench.google import ROOT
from bench.parts import workplace
from bench.processes import cpu_seconds, peak_mib
from bench.watchers import Heard
from emulator.servers.instance import free_ports
from jobs import requests
from jobs.migration import record_key
from web import session as sessions
from web.session import COOKIE, Entered

_LIMIT_MS = 150.0
_MOVING = 100
"""Imports that get on in any one second: what some twenty workers do."""

_START_SECONDS = 60
_PAUSE = 0.05
"""Seconds between two page loads: twenty a second, beside the open pages."""


@dataclass(frozen=True, slots=True)
class Customer:
    """One who watches: the cookie, and the import."""

    cookie: str
    migration: str


def pages(watchers: int, loads: int) -> bool:
    """Open so many progress pages, load pages meanwhile, print how long that took; True when the goal is met."""
    _allow_files(2 * watchers + 500)
    with workplace() as folder, _serving(folder) as (config, stores, process):
        customers = [_customer(stores, number) for number in range(watchers)]
        place = ("127.0.0.1", config.web.port)
        alone = [_load(place, config, *page) for page in _visits(customers, loads)]
        with _watched(config, customers) as heard, _moving(stores, customers):
            before, begun, cpu = heard(), time.monotonic(), cpu_seconds(process)
            beside = [_load(place, config, *page) for page in _visits(customers, loads)]
            after, seconds, cpu = heard(), time.monotonic() - begun, cpu_seconds(process) - cpu
        peak = peak_mib(process)
    if after.open < watchers:
        raise RuntimeError(f"only {after.open} of {watchers} pages stayed open")
    show(
        f"{watchers:,} open progress pages on one server process, {_MOVING} imports moving each second",
        ("pages loaded", "loads", "p50 ms", "p95 ms", "longest ms", ""),
        [_row("while nobody watches", alone), _row("while all watch", beside)],
    )
    rate = (after.events - before.events) / seconds
    print(f"\n{rate:,.0f} events a second; the server took {cpu / seconds:.2f} cores, {peak:,.0f} MiB")
    return judge([Goal("p95 of page loads meanwhile", _p95(beside), "at most", _LIMIT_MS, "ms")])


def _row(name: str, times: Sequence[float]) -> tuple[str, ...]:
    return (name, str(len(times)), f"{statistics.median(times):.0f}", f"{_p95(times):.0f}", f"{max(times):.0f}", "")


def _p95(times: Sequence[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def _allow_files(count: int) -> None:
    """Let this process and the server have so many connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


def _customer(stores: Stores, number: int) -> Customer:
    """Let a customer in and begin an import; no worker runs, so it is the benchmark that moves it."""
    name = f"customer-{number}"
    migration = requests.create(stores.state, name).id
    session = sessions.enter(stores.state, "", Entered(name, f"{name}@host.example"), (migration,))
    return Customer(session.id, migration)


def _visits(customers: Sequence[Customer], loads: int) -> Iterator[tuple[Customer, str]]:
    """Give pages as people load them: the start, their import, an import's part; one after the other, with pauses."""
    dice, pause = random.Random(7), threading.Event()
    for number in range(loads):
        customer = dice.choice(customers)
        yield customer, ("/", f"/imports/{customer.migration}", f"/imports/{customer.migration}/standing")[number % 3]
        pause.wait(_PAUSE)


def _load(place: tuple[str, int], config: Config, customer: Customer, path: str) -> float:
    """Load a page over a new connection; return the milliseconds until all of it was there."""
    begun = time.monotonic()
    connection = http.client.HTTPConnection(*place, timeout=60)
    try:
        connection.request("GET", path, headers=_headers(config, customer))
        answer = connection.getresponse()
        answer.read()
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise RuntimeError(f"{path} was answered {answer.status}")
    return 1000 * (time.monotonic() - begun)


def _headers(config: Config, customer: Customer) -> dict[str, str]:
    return {"Host": _host(config), "Cookie": f"{COOKIE}={customer.cookie}"}


def _host(config: Config) -> str:
    return config.web.url.removeprefix("http://")


@contextmanager
def _watched(config: Config, customers: Sequence[Customer]) -> Iterator[Callable[[], Heard]]:
    """Keep every customer's page open, from a process of its own; the value tells what came so far."""
    command = [sys.executable, "-m", "bench.watchers"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told, answers = process.stdin, process.stdout

        def heard() -> Heard:
            told.write("\n")
            told.flush()
            return Heard(**json.loads(answers.readline()))

        rows = [(one.cookie, one.migration) for one in customers]
        told.write(json.dumps({"port": config.web.port, "host": _host(config), "customers": rows}) + "\n")
        try:
            _until(lambda: heard().open == len(customers))
            yield heard
        finally:
            told.close()


@contextmanager
def _moving(stores: Stores, customers: Sequence[Customer]) -> Iterator[None]:
    """Move some imports each second until the block ends, as a worker's slices do."""
    over, dice = threading.Event(), random.Random(11)
    ticks = iter(partial(over.wait, 1.0), True)  # noqa: FBT003 - the sentinel: the block has ended

    def move() -> None:
        for _ in ticks:
            with stores.state.pipeline(transaction=False) as asked:
                for customer in dice.sample(customers, min(_MOVING, len(customers))):
                    record = record_key(customer.migration)
                    asked.hset(record, "progress_at", time.time())
                    asked.hincrby(f"{record}:counts", "bytes", 50_000)
                asked.execute()

    thread = threading.Thread(target=move)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def _serving(folder: Path) -> Iterator[tuple[Config, Stores, int]]:
    """Run the web server as it is installed, beside stores of its own; the last value is its process id."""
    port = free_ports(1)[0]
    (folder / "client-secret").write_text("demo-secret")
    path = folder / "config.toml"
    path.write_text(
        f'[google]\nclient_id = "demo-client"\nclient_secret_file = "{folder / "client-secret"}"\n'
        f'[store]\ndirectory = "{folder / "state"}"\n'
        f'[web]\nurl = "http://127.0.0.1:{port}"\nport = {port}\n'
        '[signin]\nhosts = { "host.example" = { host = "localhost" } }\n'
    )
    config = load(path)
    command = [sys.executable, "-m", "app", "--config", str(path), "web"]
    with open_stores(config.store) as stores, (folder / "web.log").open("w") as log:
        with subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log) as process:
            try:
                _reach(process, port, folder / "web.log")
                yield config, stores, process.pid
            finally:
                process.terminate()
        stores.state.close()
        stores.keys.close()


def _reach(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    """Wait until the server listens; raises `RuntimeError` with what it said when it ended instead."""
    for attempt in Retrying(
        retry=retry_if_exception_type(ConnectionRefusedError),
        stop=stop_after_delay(_START_SECONDS),
        wait=wait_fixed(0.05),
        reraise=True,
    ):
        with attempt:
            if process.poll() is not None:
                raise RuntimeError(f"the web server did not start: {log.read_text()}")
            socket.create_connection(("127.0.0.1", port), 10).close()


def _until(holds: Callable[[], bool]) -> None:
    """Wait until something holds; raises `tenacity.RetryError` when it does not within two minutes."""
    Retrying(retry=retry_if_result(lambda held: not held), stop=stop_after_delay(120), wait=wait_fixed(0.2))(holds)
