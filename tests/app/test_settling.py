"""Consents that end unsettled: nothing is revoked that may be an import's, and nothing is left alive unnoticed."""

import contextlib
import multiprocessing.forkserver as multiprocessings
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from connections import acts, running_import
from consents import config_for, consented, grants, names
from engine import ADDRESS, calls
from front import Answer, Front, Rule, altered, front, page, raw, said
from redis import Redis
from stand_in import Google

from app.config import Config
from app.connecting import connect
from app.settling import settle_due, settling
from app.stores import Stores
from jobs import accounts, exchanges, requests
from jobs.errors import AccountBusy
from jobs.exchanges import Standing
from jobs.migration import State, new_id, part_key
from jobs.standing import standing
from oauth.errors import AnswerLost, AnswerPending, GiveBackPending, GrantError
from oauth.grant import SCOPE
from oauth.pending import Purpose
from oauth.revocation import is_dead

PROFILE = "/gmail/v1/users/me/profile"
UNAVAILABLE = said(503, error={"code": 503, "message": "Backend Error", "errors": [{"reason": "backendError"}]})


@pytest.fixture
def before(google: Google) -> Iterator[Front]:
    with front(google.url) as it:
        yield it


@pytest.fixture
def config(google: Google, stores: Stores, before: Front, tmp_path: Path) -> Config:
    usual = config_for(google, stores, tmp_path)
    places = {"api": before.url, "token_uri": f"{before.url}/token", "revoke_uri": f"{before.url}/revoke"}
    return usual.model_copy(update={"google": usual.google.model_copy(update=places)})


def exchanged(change: Rule) -> Rule:
    """Return a rule for the exchange of a code alone, not for refreshes."""

    def rule(form: dict[str, str], forward: Callable[[], object]) -> object:
        return change(form, forward) if form["grant_type"] == "authorization_code" else forward()  # type: ignore[arg-type]

    return rule  # type: ignore[return-value]


def lost(_: object, forward: Callable[[], object]) -> None:
    """Google grants, and its answer is lost."""
    forward()


def at_first(rule: Rule) -> Rule:
    """Return a rule for the first request alone."""
    once = iter([rule])

    def first(form: dict[str, str], forward: Callable[[], Answer]) -> Answer | None:
        asked = next(once, None)
        return asked(form, forward) if asked else forward()

    return first


def make_due(stores: Stores) -> None:
    """Have every exchange looked after now."""
    for one in exchanges.every(stores.state):
        exchanges.put_off(stores.state, one, one.standing, 0)


FAILING: dict[str, tuple[str, Rule]] = {
    "unticked": ("/token", exchanged(lambda _, forward: altered(forward(), scope="openid"))),
    "one scope more": ("/token", exchanged(lambda _, forward: altered(forward(), scope=f"{SCOPE} openid"))),
    "no refresh token": ("/token", exchanged(lambda _, forward: altered(forward(), drop=("refresh_token",)))),
    "profile unavailable": (PROFILE, lambda _f, _: UNAVAILABLE),
    "profile forbidden": (PROFILE, lambda _f, _: said(403, error={"errors": [{"reason": "domainPolicy"}]})),
    "profile of no Gmail": (
        PROFILE,
        lambda _f, _: said(
            400, error={"message": "Mail service not enabled", "errors": [{"reason": "failedPrecondition"}]}
        ),
    ),
    "answer lost": ("/token", exchanged(lost)),
}


@pytest.mark.parametrize(("path", "rule"), FAILING.values(), ids=FAILING)
def test_a_second_consent_that_fails_leaves_the_running_import_alone(
    path: str, rule: Rule, google: Google, config: Config, stores: Stores, before: Front, migration: str
) -> None:
    other, grant = running_import(stores, google)
    asked = consented(google, config, stores, Purpose(migration))
    before.rules[path] = rule
    with pytest.raises((GrantError, AccountBusy)):
        connect(config, stores, *asked)
    before.rules.clear()
    for _ in range(3):
        make_due(stores)
        settle_due(config, stores)
    assert "oauth.revoke" not in calls(google)
    assert not is_dead(config.client, grant)
    assert requests.read(stores.state, other).state is State.PLANNING
    assert accounts.holds(stores.state, stores.vault, other, ADDRESS)


def test_what_lies_behind_an_import_is_given_back_when_that_has_ended(
    google: Google, config: Config, stores: Stores, migration: str
) -> None:
    other, _ = running_import(stores, google)
    with pytest.raises(AccountBusy):
        connect(config, stores, *consented(google, config, stores, Purpose(migration)))
    stores.state.hset(f"mig:{{{other}}}", "state", str(State.CANCELLED))
    make_due(stores)
    settle_due(config, stores)
    assert grants(google) == [], "revoking one ends both"
    assert exchanges.read(stores.state, migration) is None
    assert not stores.vault.holds(migration)


def test_what_an_import_has_ended_already_is_forgotten(
    google: Google, config: Config, stores: Stores, migration: str
) -> None:
    running_import(stores, google)
    with pytest.raises(AccountBusy):
        connect(config, stores, *consented(google, config, stores, Purpose(migration)))
    google.control("grants", {}, verb="DELETE")
    make_due(stores)
    settle_due(config, stores)
    assert exchanges.read(stores.state, migration) is None
    assert not stores.state.exists(part_key(migration, "sealed"))


def test_whose_access_it_is_is_asked_again_while_somebody_else_imports(
    google: Google, config: Config, stores: Stores, before: Front, migration: str
) -> None:
    google.control("accounts", {"address": "other@gmail.example"})
    _, grant = running_import(stores, google, "other@gmail.example")
    asked = consented(google, config, stores, Purpose(migration))
    before.rules[PROFILE] = lambda _f, _: UNAVAILABLE
    with pytest.raises(GiveBackPending):
        connect(config, stores, *asked)
    assert [one.standing for one in exchanges.unsettled(stores.state)] == [Standing.UNKNOWN]
    make_due(stores)
    settle_due(config, stores)
    assert len(grants(google)) == 2, "Google still does not say"
    before.rules.clear()
    make_due(stores)
    settle_due(config, stores)
    assert [row["account"] for row in grants(google)] == ["other@gmail.example"]
    assert not is_dead(config.client, grant)
    assert exchanges.unsettled(stores.state) == ()


def test_where_nobody_imports_anything_unknown_access_is_given_back_at_once(
    google: Google, config: Config, stores: Stores, before: Front, migration: str
) -> None:
    asked = consented(google, config, stores, Purpose(migration))
    before.rules[PROFILE] = lambda _f, _: UNAVAILABLE
    with pytest.raises(GrantError) as refused:
        connect(config, stores, *asked)
    assert refused.value.code == "google-down"
    assert (grants(google), names(stores)) == ([], set())


def test_an_answer_that_is_lost_is_told_at_once(
    google: Google, config: Config, stores: Stores, before: Front, migration: str
) -> None:
    asked = consented(google, config, stores, Purpose(migration))
    before.rules["/token"] = at_first(exchanged(lost))
    with pytest.raises(AnswerLost):
        connect(config, stores, *asked)
    assert len(grants(google)) == 1
    assert acts(stores)[-1] == ("revocation-unconfirmed", "answer-lost")
    record = requests.read(stores.state, migration)
    assert (record.state, record.ending) == (State.FINISHING, State.CANCELLED)
    with Redis.from_url(stores.urls.broker) as broker:
        assert standing(stores.state, broker).unconfirmed == 1


def test_the_same_code_is_asked_for_once_more(
    google: Google, config: Config, stores: Stores, before: Front, migration: str
) -> None:
    asked = consented(google, config, stores, Purpose(migration))
    before.rules["/token"] = at_first(lambda _f, _: None)
    connected = connect(config, stores, *asked)
    assert connected.address == ADDRESS
    assert len(grants(google)) == 1


@pytest.mark.parametrize(
    "answer",
    [page(502), raw(503), page(200), raw(200, b"[]"), raw(200, b'"ok"'), raw(200, b"null"), raw(200, b"{}"), None],
    ids=["502 page", "503 empty", "200 page", "list", "string", "null", "object", "cut"],
)
def test_no_answer_to_a_code_is_asked_again_later_and_given_back(
    answer: object, google: Google, config: Config, stores: Stores, before: Front, migration: str
) -> None:
    asked = consented(google, config, stores, Purpose(migration))
    before.rules["/token"] = exchanged(lambda _f, _: answer)  # type: ignore[arg-type, return-value]
    with pytest.raises(AnswerPending):
        connect(config, stores, *asked)
    assert [one.standing for one in exchanges.unsettled(stores.state)] == [Standing.OPEN]
    before.rules.clear()
    make_due(stores)
    settle_due(config, stores)
    assert calls(google)["oauth.token"] == 1
    assert (grants(google), names(stores)) == ([], set())


@pytest.mark.parametrize(
    "changes",
    [{"expires_in": "soon"}, {"expires_in": None}, {"token_type": None}, {"scope": None}, {"access_token": ""}],
    ids=str,
)
def test_a_grant_in_an_odd_form_is_a_grant(
    changes: dict[str, object], google: Google, config: Config, stores: Stores, before: Front, migration: str
) -> None:
    drop = tuple(name for name, value in changes.items() if value is None)
    asked = consented(google, config, stores, Purpose(migration))
    before.rules["/token"] = exchanged(lambda _, forward: altered(forward(), drop, **changes))
    assert connect(config, stores, *asked).address == ADDRESS


def test_a_code_that_stays_without_an_answer_is_handed_over_in_the_end(
    google: Google, config: Config, stores: Stores, before: Front, migration: str
) -> None:
    asked = consented(google, config, stores, Purpose(migration))
    before.rules["/token"] = exchanged(lambda _f, _: page(502))
    with pytest.raises(AnswerPending):
        connect(config, stores, *asked)
    pending = exchanges.read(stores.state, migration)
    assert pending is not None
    for _ in range(7):
        exchanges.put_off(stores.state, pending, Standing.OPEN, 0)
        pending = exchanges.read(stores.state, migration) or pending
    settle_due(config, stores)
    assert requests.read(stores.state, migration).ending == State.CANCELLED
    assert exchanges.unsettled(stores.state) == ()


def test_a_key_store_that_was_lost_leaves_it_unconfirmed(
    google: Google, config: Config, stores: Stores, migration: str
) -> None:
    running_import(stores, google)
    with pytest.raises(AccountBusy):
        connect(config, stores, *consented(google, config, stores, Purpose(migration)))
    stores.keys.flushall()
    make_due(stores)
    settle_due(config, stores)
    assert requests.read(stores.state, migration).ending == State.CANCELLED


def children_of(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_bytes().rpartition(b")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
    return found


class Killed(Exception):
    """Stands for the death of the parent."""


def dying(_: object) -> dict[str, object]:
    raise Killed


@pytest.mark.parametrize("when", ["before it is sent", "while it is sent", "after the answer"])
def test_whatever_dies_while_a_code_is_exchanged_leaves_no_access(
    when: str, google: Google, config: Config, stores: Stores, before: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    purpose = Purpose(new_id())
    asked = consented(google, config, stores, purpose)
    if when == "before it is sent":
        monkeypatch.setattr("app.connecting.obtained", lambda *_: dying(_))
    elif when == "after the answer":
        monkeypatch.setattr("app.judging.Judge.hear", lambda *_: dying(_))
    else:
        monkeypatch.setattr("app.judging.Judge.failed", lambda *_: dying(_))
        before.rules["/token"] = exchanged(lambda _f, _: None)
    with pytest.raises(Killed):
        connect(config, stores, *asked)
    monkeypatch.undo()
    before.rules.clear()
    make_due(stores)
    settle_due(config, stores)
    assert (grants(google), names(stores)) == ([], set())


def test_a_code_that_was_sent_before_everything_died_is_not_forgotten(
    google: Google, config: Config, stores: Stores, before: Front, migration: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = consented(google, config, stores, Purpose(migration))
    before.rules["/token"] = exchanged(lost)
    monkeypatch.setattr("app.judging.Judge.failed", lambda *_: dying(_))
    with pytest.raises(Killed):
        connect(config, stores, *asked)
    before.rules.clear()
    for _ in range(2):  # at the first look the process that sent it might still hear the answer
        make_due(stores)
        settle_due(config, stores)
    assert len(grants(google)) == 1, "Google granted, and nobody heard it"
    assert requests.read(stores.state, migration).ending == State.CANCELLED
    with Redis.from_url(stores.urls.broker) as broker:
        assert standing(stores.state, broker).unconfirmed == 1


@pytest.mark.parametrize(("when", "code"), [("before", "answer-pending"), ("after", "not-connected")])
def test_a_process_that_dies_leaves_the_customer_with_what_is_known(
    when: str, code: str, google: Google, config: Config, stores: Stores, before: Front, migration: str
) -> None:
    def kill(_form: object, _forward: object) -> None:
        for child in children_of(multiprocessings._forkserver._forkserver_pid):  # type: ignore[attr-defined]
            os.kill(child, signal.SIGKILL)

    asked = consented(google, config, stores, Purpose(migration))
    before.rules["/token" if when == "before" else PROFILE] = kill
    with pytest.raises(GrantError) as refused:
        connect(config, stores, *asked)
    assert refused.value.code == code
    assert [one.standing for one in exchanges.unsettled(stores.state)] == [Standing.OPEN]


def test_a_grant_whose_import_never_got_a_record_is_given_back(
    google: Google, config: Config, stores: Stores, migration: str
) -> None:
    connect(config, stores, *consented(google, config, stores, Purpose(migration)))
    settle_due(config, stores)
    assert len(grants(google)) == 1, "its time has not come"
    make_due(stores)
    settle_due(config, stores)
    assert (grants(google), names(stores)) == ([], set())


def test_an_import_with_a_record_keeps_its_grant(
    google: Google, config: Config, stores: Stores, migration: str
) -> None:
    connect(config, stores, *consented(google, config, stores, Purpose(migration)))
    requests.create(stores.state, "c1", migration_id=migration)
    assert exchanges.read(stores.state, migration) is None
    assert len(grants(google)) == 1


def test_the_worker_looks_by_itself(
    google: Google, config: Config, stores: Stores, migration: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.settling._EVERY_SECONDS", 0.05)
    connect(config, stores, *consented(google, config, stores, Purpose(migration)))
    make_due(stores)
    stop = threading.Event()
    with settling(config, stores, stop):
        for _ in range(600):
            if not grants(google):
                break
            stop.wait(0.1)
    assert grants(google) == []
