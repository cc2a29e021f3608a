"""The doctor on real parts: one sound installation, and many that are really broken in one place."""

import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from doctor_breaks import BAD, BROKEN, Broken, keys_in_a_log, master_key_for_all_eyes, no_worker_while_work_waits
from doctor_place import PLANTED, Place, Servers, findings_in, sound
from servers.fixtures import StartServer
from stand_in import Google

from app import embedded
from app.checks.program import program
from app.storeurls import name_of
from emulator.servers.certificates import Authority, Certificate
from emulator.servers.dovecot import dovecot
from jobs.heartbeats import beat, this_worker


@pytest.fixture(scope="module")
def servers(
    tmp_path_factory: pytest.TempPathFactory,
    start_server: StartServer,
) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("doctor")
    with (
        Google(client_secret=PLANTED) as google,
        embedded.start(folder / "redis") as state,
        embedded.start(folder / "keys", persistent=False) as keys,
    ):
        yield Servers(state, keys, google, start_server("dovecot"))


@pytest.fixture
def place(servers: Servers, tmp_path: Path) -> Iterator[Place]:
    with sound(servers, tmp_path) as place:
        yield place


def test_a_sound_installation_is_all_ok(place: Place) -> None:
    result = place.doctor()
    found = findings_in(place.doctor("--json"))
    assert {name: one for name, one in found.items() if one["verdict"] != "ok"} == {}
    assert result.exit_code == 0
    assert f"{len(found)} ok, 0 to look at, 0 bad" in result.output
    assert max(map(len, result.output.splitlines())) <= 80


@pytest.mark.parametrize(("broken", "name", "verdict", "way_out"), BROKEN, ids=[row[0].__name__ for row in BROKEN])
def test_what_is_broken_is_found_and_the_way_out_is_said(
    place: Place, broken: Broken, name: str, verdict: str, way_out: str
) -> None:
    with broken(place):
        said = place.doctor("--json")
    one = findings_in(said)[name]
    assert (one["verdict"], way_out in one["way_out"]) == (verdict, True), one
    assert said.exit_code == (1 if verdict == BAD else 0), said.output
    assert PLANTED not in said.output


# ---- what takes a server of its own ------------------------------------------------------------------------------


class _Answer(BaseHTTPRequestHandler):
    """Answers every HEAD; `date_offset` seconds from the right time."""

    date_offset = 0.0

    def do_HEAD(self) -> None:
        self.send_response(404)
        self.end_headers()

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string((timestamp or time.time()) + self.date_offset)

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - as its base names it


@contextmanager
def answering(certificate: Certificate | None = None, date_offset: float = 0.0) -> Iterator[str]:
    """Run a web server in Google's place; give its address."""
    handler = type("Answer", (_Answer,), {"date_offset": date_offset})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.chain, certificate.key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"{'https' if certificate else 'http'}://localhost:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_who_answers_in_googles_place_is_not_believed(place: Place, server_certificate: Certificate) -> None:
    with answering(server_certificate) as url:
        place.set("google", api=url)
        one = findings_in(place.doctor("--json"))["google.api"]
    assert (one["verdict"], "unknown authority" in one["found"]) == ("bad", True)


def test_a_store_behind_tls_that_is_not_trusted_or_not_there_is_found(
    place: Place, server_certificate: Certificate
) -> None:
    for certificate, found, way_out in (
        (server_certificate, "unknown authority", "store.ca_file"),
        (None, "does not speak TLS", "Mend the port in store.url"),
    ):
        with answering(certificate) as url:
            place.set("store", url=f"rediss://{url.partition('//')[2]}/0")
            one = findings_in(place.doctor("--json"))["state store"]
        assert (one["verdict"], found in one["found"], way_out in one["way_out"]) == ("bad", True, True), one


def test_a_clock_that_google_disagrees_with_is_found(place: Place) -> None:
    with answering(date_offset=-90) as url:
        place.set("google", api=url)
        one = findings_in(place.doctor("--json"))["google.api: clock"]
    assert (one["verdict"], "NTP" in one["way_out"]) == ("bad", True)
    assert re.fullmatch(r"differs by (89|90) s from this machine's", one["found"]), "it is told in whole seconds"


@pytest.mark.parametrize(
    ("days", "verdict", "found"), [(-1, "bad", "has expired"), (3, "warn", "ends in 2 days")], ids=["expired", "soon"]
)
def test_a_mail_servers_certificate_at_its_end_is_found(
    place: Place, test_authority: Authority, days: int, verdict: str, found: str
) -> None:
    with dovecot(test_authority.certify(f"doctor{days}", days=days)) as server:
        place.set("mailbox", port=server.tls_port)
        one = findings_in(place.doctor("--json"))["mailbox"]
    assert (one["verdict"], found in one["found"], "Renew" in one["way_out"]) == (verdict, True, True)


def test_each_of_several_key_stores_is_looked_at(place: Place) -> None:
    with embedded.start(place.folder / "older") as persistent:
        place.set("store", keys_url=[place.servers.keys.url, persistent.url])
        found = findings_in(place.doctor("--json"))
    assert found["key store: kept on disk"]["verdict"] == "ok"
    name = f"key store {name_of(persistent.url)}"
    assert found[f"{name}: kept on disk"]["verdict"] == "bad"
    assert found[f"{name}: apart"]["verdict"] == "ok"


@pytest.mark.parametrize("role", ["worker", "console"])
def test_what_a_role_may_not_look_at_is_said_and_hides_nothing_else(place: Place, role: str) -> None:
    place.set("store", url=place.servers.state.url_as(role), keys_url=place.servers.keys.url_as(role))
    said = place.doctor("--json")
    found = findings_in(said)
    assert (said.exit_code, "check" in found) == (0, False), said.output
    warned = {name for name, one in found.items() if one["verdict"] == "warn"}
    assert warned == {"state store: settings", "key store: settings", "key store: clock"}
    assert {found[name]["way_out"].partition(":")[0] for name in warned} == {"Let its user look"}


def test_packages_other_than_the_locked_ones_are_named(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("redis==0.0.1 \\\n    --hash=sha256:00\nnot-installed-here==1.0\n")
    *_, one = program(lock)
    assert (one.verdict, one.found.startswith("other versions than the tested ones: redis ")) == ("warn", True)
    assert "not-installed-here" not in one.found


def test_embedded_stores_that_do_not_run_are_no_fault_of_anything_else(place: Place) -> None:
    place.rows["store"] = {"directory": place.folder / "nothing"}
    said = place.doctor("--json")
    found = findings_in(said)
    assert (said.exit_code, found["stores"]["verdict"]) == (0, "warn")
    assert "migrator worker" in found["stores"]["way_out"]
    assert not (place.folder / "nothing").exists(), "the doctor makes nothing"


def test_a_check_that_cannot_be_made_hides_no_other(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.doctor.google", lambda _: 1 / 0)
    found = findings_in(place.doctor("--json"))
    assert found["check"]["found"] == "could not be made (ZeroDivisionError)"
    assert found["mailbox"]["verdict"] == "ok"


def test_a_person_sees_what_is_bad_with_its_way_out_in_eighty_columns(place: Place) -> None:
    with keys_in_a_log(place), master_key_for_all_eyes(place), no_worker_while_work_waits(place):
        said = place.doctor()
    assert said.exit_code == 1
    lines = said.output.splitlines()
    assert max(len(line) for line in lines if str(place.folder) not in line) <= 80
    assert f"{place.folder}/master.key" in said.output.split(), "a path stays in one piece"
    assert lines[-1].endswith("0 to look at, 3 bad")


def test_a_health_check_asks_whether_a_worker_of_this_machine_lives(place: Place) -> None:
    assert place.doctor("--worker").exit_code == 0
    place.state.flushall()
    beat(place.state, replace(this_worker(2), host="another-machine"))
    beat(place.state, replace(this_worker(2), seen_at=time.time() - 60))
    beat(place.state, replace(this_worker(2), trouble="no-process"))
    said = place.doctor("--worker")
    assert (said.exit_code, "no worker of this machine" in said.output) == (1, True)
