"""Events noted and told to a real HTTP server on the loopback, from a real Redis."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from redis import Redis

from jobs import requests
from jobs.hook import Hook, secret_of, signed_headers
from jobs.kept import HOUR
from jobs.migration import ENDS, State
from jobs.webhooks import DUE, LEASE_SECONDS, Event, deliver_due, deliver_until, needs_attention, next_time, note

SECRET = b"0123456789abcdef0123456789abcdef"
NOW = 1_800_000_000.0


@dataclass
class Panel:
    """The host's side: what it answers, one status after the other, and what it heard."""

    url: str
    statuses: list[int] = field(default_factory=list)
    heard: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def hook(self) -> Hook:
        return Hook(f"{self.url}/hooks?from=migrator", SECRET)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, _, body in self.heard]


@pytest.fixture
def panel() -> Iterator[Panel]:
    found = Panel("")

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.heard.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(found.statuses.pop(0) if found.statuses else 204)
            self.send_header("location", f"{found.url}/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        found.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield found
        server.shutdown()
        thread.join()


def at_once(_: float) -> None:
    """Wait for nothing."""


def noted(redis: Redis, state: State = State.DONE, code: str = "", now: float = NOW) -> str:
    migration = requests.create(redis, "customer-7").id
    assert note(redis, migration, state, code, now=now)
    return migration


def test_an_end_is_told_with_nothing_but_ids_state_and_code(redis: Redis, panel: Panel) -> None:
    migration = noted(redis)
    assert deliver_due(redis, panel.hook, at_once, now=NOW) == 1
    assert panel.events == [
        {
            "type": "migration.ended",
            "timestamp": "2027-01-15T08:00:00.000Z",
            "data": {"migration": migration, "customer": "customer-7", "state": "done", "code": ""},
        }
    ]
    assert panel.heard[0][0] == "/hooks?from=migrator"
    assert deliver_due(redis, panel.hook, at_once, now=NOW + HOUR) == 0
    assert not redis.exists(DUE)


def test_a_post_is_signed_so_that_its_receiver_can_check_it(redis: Redis, panel: Panel) -> None:
    noted(redis, State.FAILED, "login-refused")
    deliver_due(redis, panel.hook, at_once, now=NOW)
    _, headers, body = panel.heard[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["content-type"] == "application/json"
    assert panel.events[0]["type"] == "migration.needs-attention"


def test_the_signature_is_that_of_the_example_of_standard_webhooks() -> None:
    hook = Hook("https://host.example/", secret_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    headers = signed_headers(hook, "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', 1_614_265_330)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("state", "code", "told"),
    [
        *((end, "", True) for end in sorted(ENDS)),
        (State.FAILED, "login-refused", True),
        (State.PAUSED, "reconnect-needed", True),
        (State.PAUSED, "key-lost", True),
        (State.PAUSED, "asked", False),
        (State.PAUSED, "not-started", False),
        (State.WAITING, "mailbox-full", True),
        (State.WAITING, "google-quota", False),
        (State.COPYING, "", False),
        (State.FINISHING, "", False),
    ],
)
def test_ends_and_what_needs_somebody_are_told_and_nothing_else(
    state: State, code: str, redis: Redis, *, told: bool
) -> None:
    assert note(redis, "0" * 32, state, code, now=NOW) is told
    assert redis.zcard(DUE) == told
    assert needs_attention(state, code) is (told and state not in ENDS)


@pytest.mark.parametrize("status", [300, 302, 307, 400, 404, 429, 500, 503])
def test_what_is_not_taken_is_tried_three_times_and_told_later(status: int, redis: Redis, panel: Panel) -> None:
    noted(redis)
    panel.statuses += [status] * 3
    assert deliver_due(redis, panel.hook, at_once, now=NOW) == 0
    assert [path for path, _, _ in panel.heard] == ["/hooks?from=migrator"] * 3, "redirects are not followed"
    assert deliver_due(redis, panel.hook, at_once, now=NOW + 29) == 0
    assert deliver_due(redis, panel.hook, at_once, now=NOW + 31) == 1
    assert len({headers["webhook-id"] for _, headers, _ in panel.heard}) == 1


def test_a_short_trouble_is_over_at_the_next_try(redis: Redis, panel: Panel) -> None:
    noted(redis)
    panel.statuses += [503, 503]
    waits: list[float] = []
    assert deliver_due(redis, panel.hook, waits.append, now=NOW) == 1
    assert waits == [2, 4]


def test_a_host_that_is_away_hears_of_it_when_it_is_back(redis: Redis, panel: Panel) -> None:
    noted(redis)
    assert deliver_due(redis, Hook("http://127.0.0.1:1/", SECRET), at_once, now=NOW) == 0
    assert deliver_due(redis, panel.hook, at_once, now=NOW + 60) == 1


def test_the_pause_between_rounds_doubles_up_to_an_hour() -> None:
    event = Event("0" * 32, State.DONE, "", NOW)
    assert [next_time(event, NOW + age) - NOW - age for age in (0, 30, 60, 120, 5000)] == [30, 30, 60, 120, 3600]


def test_after_a_day_it_is_told_no_more(redis: Redis, panel: Panel) -> None:
    noted(redis)
    assert deliver_due(redis, panel.hook, at_once, now=NOW + 24 * HOUR + 1) == 1
    assert panel.heard == []
    assert not redis.exists(DUE)


def test_of_a_migration_that_was_erased_nothing_is_told(redis: Redis, panel: Panel) -> None:
    note(redis, "0" * 32, State.DONE, "", now=NOW)
    deliver_due(redis, panel.hook, at_once, now=NOW)
    assert panel.heard == []
    assert not redis.exists(DUE)


def test_a_worker_that_dies_while_it_tells_leaves_it_to_another(redis: Redis, panel: Panel) -> None:
    noted(redis)

    class Died(Exception):
        pass

    def die(_: float) -> None:
        raise Died

    panel.statuses.append(500)
    with pytest.raises(Died):
        deliver_due(redis, panel.hook, die, now=NOW)
    assert deliver_due(redis, panel.hook, at_once, now=NOW + LEASE_SECONDS - 1) == 0
    assert deliver_due(redis, panel.hook, at_once, now=NOW + LEASE_SECONDS) == 1


def test_events_have_an_end_date_and_without_a_teller_they_do_not_pile_up(redis: Redis) -> None:
    noted(redis, now=NOW)
    noted(redis, now=NOW + 25 * HOUR)
    assert redis.zcard(DUE) == 1
    assert 0 < redis.ttl(DUE) <= 72 * HOUR


def test_the_thread_tells_and_ends_when_it_is_stopped(redis: Redis, panel: Panel) -> None:
    for _ in range(3):
        noted(redis, now=time.time())
    stop = threading.Event()
    thread = threading.Thread(target=deliver_until, args=(stop, redis, panel.hook, 0.05))
    thread.start()
    stop.wait(1.0)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    assert len(panel.heard) == 3


def test_an_event_is_read_as_it_was_written() -> None:
    for event in (Event("0" * 32, State.DONE, "", NOW), Event("1" * 32, State.FAILED, "internal-error:KeyError", 1.5)):
        assert Event.read(str(event)) == event


@pytest.mark.parametrize(
    "url", ["http://host.example/", "https://", "ftp://host.example/", "https://u:p@host.example/", "x", "https:///x"]
)
def test_an_address_that_is_not_https_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Hook(url, SECRET)


def test_a_short_secret_is_refused_and_none_is_shown() -> None:
    with pytest.raises(ValueError, match="24 bytes"):
        Hook("https://host.example/", b"short")
    assert "0123" not in repr(Hook("https://host.example/", SECRET))
    for text in ("", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!"):
        with pytest.raises(ValueError, match="whsec_"):
            secret_of(text)
