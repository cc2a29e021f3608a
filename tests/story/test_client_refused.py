"""The host's own OAuth client is refused while imports are under way: they wait, and go on when it is put right."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from servers.fixtures import StartServer
from stand_in import Google
from story.house import House, house
from waiting import eventually

from app.sentences import sentence
from app.stores import connect
from emulator.servers.instance import Server
from jobs.discarding import Revocation
from jobs.errors import IllegalTransition
from jobs.migration import Migration, State
from jobs.requests import cancel, history, read, resume
from jobs.standing import standing
from web.operator.needs import needs_of

WAITS = "google-client-refused"


@dataclass(frozen=True)
class Place:
    home: House
    google: Google
    server: Server

    def begun(self, account: str) -> str:
        """Begin an import that is at its messages for a while."""
        self.google.control("accounts", {"address": account, "synthetic": 600, "body_bytes": 300})
        self.google.fault("hang", account=account, method="messages.get", seconds=0.5, times=0)
        migration = self.home.launch(self.server.new_user(), account=account)
        self.home.wait(migration, State.COPYING, seconds=60)
        return migration

    def secret(self, text: str) -> None:
        (self.home.folder / "client-secret").write_text(text)

    def mended(self) -> None:
        self.secret("demo-secret")
        self.google.control("faults", {}, verb="DELETE")

    def refused(self, migration: str) -> Migration:
        return self.until(migration, lambda now: now.reason == WAITS)

    def until(self, migration: str, holds: Callable[[Migration], bool]) -> Migration:
        eventually(lambda: holds(read(self.home.state, migration)))
        return read(self.home.state, migration)

    def grants(self, account: str) -> int:
        return sum(row["account"] == account for row in self.google.control("grants")["grants"])

    def told(self, event: str) -> list[str]:
        lines = (json.loads(line) for line in self.home.logs().splitlines() if line.startswith("{"))
        return [line["level"] for line in lines if line["event"] == event]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, start_server: StartServer) -> Iterator[Place]:
    folder, dovecot_server = tmp_path_factory.mktemp("refused"), start_server("dovecot")
    with Google() as google, house(folder, google, dovecot_server, worker={"threads": 4, "slice_seconds": 2}) as home:
        home.start_worker()
        yield Place(home, google, dovecot_server)


def test_a_rotated_secret_holds_imports_up_and_harms_none(place: Place) -> None:
    home = place.home
    both = [place.begun(f"rotated{number}@gmail.example") for number in range(2)]
    place.secret("rotated")
    for migration in both:
        held = place.refused(migration)
        assert (held.state, held.phase) == (State.WAITING, State.COPYING)

    def needs() -> list[tuple[str, bool, int]]:
        with connect(home.redis_store.broker_url) as broker:
            found = needs_of(standing(home.state, broker), sentence, audit_broken=False)
        return [(need.kind, need.grave, need.count) for need in found]

    eventually(lambda: needs() == [("google-client", True, 2)])  # either may be trying again just now
    eventually(lambda: place.told(WAITS) == ["error"])
    place.mended()
    for migration in both:
        place.until(migration, lambda now: now.state is not State.WAITING)
        assert home.wait(migration, seconds=90).state is State.DONE, home.logs()[-2000:]
        assert {change.state for change in history(home.state, migration)}.isdisjoint({State.FAILED, State.PAUSED})
        assert home.report(migration).adds_up
    assert place.told(WAITS) == ["error"], "one line for the whole of it"


TOKEN = {"kind": "backendError", "method": "oauth.token"}
ROWS: dict[str, tuple[dict[str, object], State, str]] = {
    "stranger": ({"reason": "unauthorized_client"}, State.WAITING, WAITS),
    "secret": ({"reason": "invalid_client", "status": 401}, State.WAITING, WAITS),
    "plain": ({**TOKEN, "status": 401, "body": "html"}, State.WAITING, WAITS),
    "policy": ({"reason": "admin_policy_enforced"}, State.FAILED, "google-refused"),
    "restricted": ({"reason": "access_denied", "status": 403}, State.FAILED, "google-refused"),
    "signin": ({"reason": "invalid_grant", "subtype": "invalid_rapt"}, State.PAUSED, "reconnect-needed"),
    "limit": ({"reason": "rate_limit_exceeded", "status": 429}, State.WAITING, "google-down"),
    "outage": ({"reason": "invalid_client", "status": 503}, State.WAITING, "google-down"),
    "gateway": ({**TOKEN, "status": 502, "body": "html"}, State.WAITING, "google-down"),
    "portal": ({**TOKEN, "status": 200, "body": "html"}, State.WAITING, "google-down"),
}


def test_each_account_is_told_what_google_says_of_it_and_what_waits_goes_on(place: Place) -> None:
    home, begun = place.home, {}
    for row, (fault, _, _) in ROWS.items():
        account = f"{row}@gmail.example"
        place.google.control("accounts", {"address": account, "synthetic": 3, "body_bytes": 300})
        place.google.fault(**{"kind": "oauthError", **fault}, account=account, times=0)  # type: ignore[arg-type]
        begun[row] = home.launch(place.server.new_user(), account=account)
    for row, (_, state, reason) in ROWS.items():
        place.until(begun[row], lambda now: (now.state, now.reason) == (state, reason))  # noqa: B023 - used at once
    place.mended()
    for row, (_, state, _) in ROWS.items():
        if state is State.WAITING:
            with suppress(IllegalTransition):  # it has gone on by itself
                resume(home.state, begun[row])
            assert home.wait(begun[row], seconds=90).state is State.DONE, row


def test_a_project_without_the_api_is_waited_for_too(place: Place) -> None:
    place.google.fault("accessNotConfigured", method="labels.list", times=0)
    migration = place.home.launch(place.server.new_user())
    assert place.refused(migration).phase is State.PLANNING
    place.mended()
    assert place.home.wait(migration, seconds=90).state is State.DONE


def test_who_cancels_meanwhile_is_rid_of_the_access_without_our_client(place: Place) -> None:
    account = "cancels@gmail.example"
    migration = place.begun(account)
    place.secret("rotated")
    place.refused(migration)
    cancel(place.home.state, migration)
    assert place.home.wait(migration, seconds=60).state is State.CANCELLED
    assert place.grants(account) == 0
    assert Revocation.read(place.home.state, migration).confirmed
    place.mended()


def test_a_secret_that_cannot_be_read_is_as_good_as_a_wrong_one(place: Place) -> None:
    migration = place.begun("unreadable@gmail.example")
    file: Path = place.home.folder / "client-secret"
    file.unlink()
    assert place.refused(migration).state is State.WAITING
    place.mended()
    assert place.home.wait(migration, seconds=90).state is State.DONE
