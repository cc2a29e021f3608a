"""What Prometheus is told, over HTTP, of a real store."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import tenacity
from audit_keeping import keep
from redis import Redis
from scraping import ROOT, exporter, get, numbers, promtool

from app import embedded
from app.config import Config
from app.metrics import CODES, CONSENT_CODES, OTHER
from emulator.servers.instance import free_ports
from jobs import audit
from jobs.audit.places import OPEN
from jobs.broker import Sender, make_sender
from jobs.flow import TOTAL, count_dead
from jobs.fullness import POOLS, Load, tell
from jobs.heartbeats import beat, this_worker
from jobs.migration import State, part_key, record_key
from jobs.requests import create
from jobs.slice import failed, wait
from jobs.surveys import ask
from jobs.tickets import claim, release
from migrator.quota import PROJECT_PER_MINUTE
from web.pools import KINDS

CUSTOMER = "customer-canary"
HOSTILE = 'nobody@example.org"} 1\nforged 9 #'


@dataclass(frozen=True)
class Place:
    """An installation whose stores run."""

    state: Redis
    config: Config
    sender: Sender

    def scrape(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        """Return what an exporter tells that has just started."""
        return numbers(self.text())

    def text(self) -> str:
        with exporter(self.config) as url:
            status, text = get(f"{url}/metrics")
        assert status == 200
        return text


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Redis, Sender]]:
    folder = tmp_path_factory.mktemp("metrics")
    with (
        embedded.start(folder / "redis") as state,
        embedded.start(folder / "keys", persistent=False),
        Redis.from_url(state.url) as client,
    ):
        yield folder, client, make_sender(state.broker_url)


@pytest.fixture
def place(stores: tuple[Path, Redis, Sender]) -> Place:
    folder, state, sender = stores
    state.flushall()
    config = Config.model_validate({"store": {"directory": folder}, "google": {"project": "ours"}})
    return Place(state, config, sender)


def resting(redis: Redis, end: object) -> str:
    """Return the id of an import whose slice ended so."""
    migration = create(redis, CUSTOMER).id
    claimed = claim(redis, 10)
    assert claimed is not None
    release(redis, claimed.id, claimed.token, end)  # type: ignore[arg-type]
    return migration


def test_the_numbers_are_those_of_the_installation(place: Place, tmp_path: Path) -> None:
    beat(place.state, this_worker(4))
    beat(place.state, replace(this_worker(8), trouble="no-descriptors"))
    for _ in range(2):
        resting(place.state, failed("login-refused", resumable=True))
    resting(place.state, wait(2e9, "google-down"))
    create(place.state, CUSTOMER)
    count_dead(place.state, 3)
    audit.append(place.state, audit.TERMINAL, audit.Act.PAUSED)
    keep(place.state, tmp_path)
    told = place.scrape()
    assert {labels: count for (name, labels), count in told.items() if name == "migrator_imports" and count} == {
        (("state", "failed"),): 2, (("state", "waiting"),): 1, (("state", "planning"),): 1
    }  # fmt: skip
    assert told["migrator_imports_held_up", (("code", "login-refused"), ("state", "failed"))] == 2
    assert told["migrator_errors_total", (("code", "google-down"),)] == 1
    plain = {name: value for (name, labels), value in told.items() if not labels}
    wanted = {"migrator_ready": 1, "migrator_due": 1, "migrator_workers_alive": 2, "migrator_slices_capacity": 4}
    wanted["migrator_workers_in_trouble"] = 1
    wanted |= {"migrator_dead_tickets_total": 3, "migrator_retention_overdue": 0, "migrator_audit_whole": 1}
    assert {name: plain[name] for name in wanted} == wanted
    assert abs(plain["migrator_worker_last_seen_timestamp_seconds"] - time.time()) < 600
    assert plain["migrator_quota_units_limit"] == PROJECT_PER_MINUTE


def test_pools_of_all_living_processes_are_told_together(place: Place) -> None:
    tell(place.state, "one", {"sign-in": Load(8, 3, 8), HOSTILE: Load(1, 1, 1)})
    tell(place.state, "two", {"sign-in": Load(1, 0, 8), "survey": Load(2, 5, 4)})
    seconds, _ = place.state.time()
    place.state.hset(POOLS, "dead", json.dumps([seconds - 40, {"sign-in": [8, 8, 8]}]))
    told = place.scrape()
    found = {
        (name.removeprefix("migrator_pool_"), dict(labels)["pool"]): value
        for (name, labels), value in told.items()
        if name.startswith("migrator_pool_") and value
    }
    assert found == {
        ("working", "sign-in"): 9, ("waiting", "sign-in"): 3, ("places", "sign-in"): 16,
        ("working", "survey"): 2, ("waiting", "survey"): 5, ("places", "survey"): 4,
    }  # fmt: skip
    assert {dict(labels)["pool"] for name, labels in told if name == "migrator_pool_working"} == set(KINDS)
    tell(place.state, "two", {})
    assert set(place.state.hkeys(POOLS)) == {b"one", b"two"}, "who has not been heard of is forgotten"


def test_an_account_that_no_worker_has_taken_waits_to_be_looked_over(place: Place) -> None:
    tell(place.state, "one", {"survey": Load(4, 1, 4)})
    ask(place.state, place.sender, create(place.state, CUSTOMER, start=False).id)
    assert place.scrape()["migrator_pool_waiting", (("pool", "survey"),)] == 2


def test_every_series_is_there_before_anything_happens(place: Place) -> None:
    told = place.scrape()
    assert {dict(labels)["state"] for name, labels in told if name == "migrator_imports"} == set(State)
    assert {dict(labels)["code"] for name, labels in told if name == "migrator_errors_total"} == CODES | {OTHER}
    assert {value for (name, _), value in told.items() if name == "migrator_errors_total"} == {0}


def test_no_label_says_what_was_not_known_before(place: Place) -> None:
    for _ in range(2):
        migration = resting(place.state, failed("login-refused", resumable=True))
        place.state.hset(record_key(migration), "reason", HOSTILE)
    place.state.hset(TOTAL, mapping={f"code:{HOSTILE}": 5, "code:another": 2, f"consent:{HOSTILE}": 4})
    last = int(time.time()) // 60 * 60
    for minute in (last - 60, last):
        place.state.hset(f"used:{minute}", mapping={HOSTILE: 7, "ours": 3})
    told = place.scrape()
    assert told["migrator_imports_held_up", (("code", OTHER), ("state", "failed"))] == 2
    assert told["migrator_errors_total", (("code", OTHER),)] == 7
    assert told["migrator_consents_failed_total", (("code", OTHER),)] == 4
    assert told["migrator_quota_units", (("project", OTHER),)] == 7
    values = {value for _, labels in told for name, value in labels if name != "version"}
    assert values <= CODES | CONSENT_CODES | {OTHER, "ours"} | set(State) | set(KINDS)


def test_nothing_is_told_of_one_import_or_one_customer(place: Place) -> None:
    migration = resting(place.state, failed("login-refused", resumable=True))
    place.state.hset(part_key(migration, "folders"), "3", "folder-canary")
    place.state.hset(TOTAL, mapping={"messages": 40, "bytes": 123_456_789, "shown_bytes": 120_000_000})
    text = place.text()
    assert [one for one in (migration, "canary", "123456789") if one in text] == []
    assert numbers(text)["migrator_bytes_total", ()] == 120_000_000


def test_however_often_it_is_asked_the_store_is_looked_at_every_two_seconds(place: Place) -> None:
    place.state.config_resetstat()
    begun = time.monotonic()
    with exporter(place.config) as url:
        for _ in range(15):
            assert get(f"{url}/metrics")[0] == 200
    looks = place.state.info("commandstats")["cmdstat_zcount"]["calls"]  # asked once for what is overdue
    assert 1 <= looks <= 1 + (time.monotonic() - begun) / 2


def test_an_audit_log_that_is_not_what_was_written_is_told(place: Place, tmp_path: Path) -> None:
    audit.append(place.state, audit.TERMINAL, audit.Act.PAUSED)
    keep(place.state, tmp_path)
    place.state.delete(OPEN)
    keep(place.state, tmp_path)
    assert place.scrape()["migrator_audit_whole", ()] == 0


def test_prometheus_own_tool_finds_nothing_wrong_with_names_and_format(place: Place) -> None:
    beat(place.state, this_worker(4))
    resting(place.state, failed("login-refused", resumable=True))
    assert promtool("check", "metrics", told=place.text()) == ""


def test_without_its_store_nothing_is_told_but_that(tmp_path: Path) -> None:
    config = Config.model_validate({"store": {"directory": tmp_path}})
    with (
        embedded.start(tmp_path / "redis") as state,
        embedded.start(tmp_path / "keys", persistent=False),
        exporter(config) as url,
    ):
        assert [get(url + place)[0] for place in ("/healthz", "/readyz")] == [200, 200]
        state.stop()
        assert get(f"{url}/metrics") == (503, "a store does not answer\n")
        assert get(f"{url}/healthz") == (200, "ok\n")


def test_the_command_serves_until_it_is_told_to_stop(place: Place, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    folder = place.config.store.directory
    file = tmp_path / "config.toml"
    file.write_text(f'[store]\ndirectory = "{folder}"\n[metrics]\nport = {port}\n')
    assert not (folder / "master.key").exists(), "it needs no key"
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "--config", str(file), "metrics"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    waiting = tenacity.Retrying(stop=tenacity.stop_after_delay(60), wait=tenacity.wait_fixed(0.1), reraise=True)
    status, text = waiting(get, f"http://127.0.0.1:{port}/metrics")
    process.send_signal(signal.SIGTERM)
    said, log = process.communicate(timeout=60)
    assert (status, "migrator_build_info{version=" in text, process.returncode, said) == (200, True, 0, "")
    assert [line for line in log.splitlines() if '"level": "info"' not in line] == []
