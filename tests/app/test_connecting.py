import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from consents import OTHER_SCOPES, code_in, config_for, consented, grants, names, stores_in
from engine import ADDRESS, calls
from redis.exceptions import RedisError
from stand_in import Google
from structlog.testing import capture_logs

import app.connecting
from app.config import Config
from app.connecting import connect, connect_file
from app.stores import Stores
from jobs import accounts, audit, nursery, requests
from jobs.errors import AccountBusy, IllegalTransition, UnknownMigration
from jobs.launch import grant_of
from jobs.migration import State, new_id
from jobs.slice import paused
from jobs.tickets import claim, release
from oauth.errors import (
    CodeRefused,
    ConsentDenied,
    GoogleSilent,
    GrantError,
    GrantUnreadable,
    KeyLost,
    NoRefreshToken,
    NotConnected,
    NotGivenBack,
    ScopeMismatch,
    WrongAccount,
)
from oauth.grant import Grant
from oauth.pending import Pending, Purpose
from oauth.revocation import is_dead
from oauth.vault import Safe

OTHER = "other@gmail.example"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    nursery.preload((app.connecting.__name__,))
    with stores_in(tmp_path_factory.mktemp("connecting")) as stores:
        yield stores


@pytest.fixture
def stores(running: Stores) -> Stores:
    running.state.flushall()
    running.keys.flushall()
    return running


@pytest.fixture
def config(google: Google, stores: Stores, tmp_path: Path) -> Config:
    return config_for(google, stores, tmp_path)


@pytest.fixture
def migration() -> str:
    return new_id()


def sealed(stores: Stores, migration: str) -> Grant:
    return grant_of(Safe(stores.state, migration, stores.vault.key(migration)))


def acts(stores: Stores) -> list[tuple[str, str]]:
    return [(str(entry.act), entry.code) for entry in audit.entries(stores.state)]


def running_import(stores: Stores, google: Google, address: str = ADDRESS) -> tuple[str, Grant]:
    """Begin an import of the account, as if it had been connected before."""
    migration, grant = new_id(), Grant(google.grant(account=address)["refresh_token"])
    accounts.claim(stores.state, stores.vault, migration, address)
    Safe(stores.state, migration, stores.vault.make(migration)).seal(grant=grant.to_bytes())
    requests.create(stores.state, "c1", migration_id=migration)
    return migration, grant


def rests(stores: Stores, migration: str) -> None:
    """Let a slice of the import end because its grant is dead."""
    claimed = claim(stores.state, 10)
    assert claimed is not None
    assert claimed.id == migration
    release(stores.state, claimed.id, claimed.token, paused("reconnect-needed"))


def test_a_consent_becomes_a_sealed_grant_of_the_account_that_consented(
    google: Google, config: Config, stores: Stores, migration: str
) -> None:
    connected = connect(config, stores, *consented(google, config, stores, Purpose(migration)))
    assert (connected.migration, connected.address) == (migration, ADDRESS)
    assert not is_dead(config.client, sealed(stores, migration))
    assert accounts.holds(stores.state, stores.vault, migration, ADDRESS)
    assert acts(stores) == [("granted", "")]
    assert stores.state.hgetall(f"mig:{{{migration}}}:calls") == {b"users.getProfile": b"1"}
    assert ADDRESS not in repr(connected)


def test_connecting_starts_nothing(google: Google, config: Config, stores: Stores, migration: str) -> None:
    connect(config, stores, *consented(google, config, stores, Purpose(migration)))
    with pytest.raises(UnknownMigration):
        requests.read(stores.state, migration)
    assert claim(stores.state, 10) is None


@pytest.mark.parametrize("expected", [ADDRESS, ADDRESS.upper()])
def test_the_expected_account_is_taken_however_it_is_spelled(
    expected: str, google: Google, config: Config, stores: Stores, migration: str
) -> None:
    purpose = Purpose(migration, expected=expected)
    assert connect(config, stores, *consented(google, config, stores, purpose)).address == ADDRESS


@pytest.mark.parametrize(
    "expected", ["ann@gmail.example", "cust.omer@gmail.example", "customer+x@gmail.example", "customer@gmail.com"]
)
def test_another_account_than_the_expected_one_is_given_back(
    expected: str, google: Google, config: Config, stores: Stores, migration: str
) -> None:
    asked = consented(google, config, stores, Purpose(migration, expected=expected))
    with pytest.raises(WrongAccount):
        connect(config, stores, *asked)
    assert calls(google)["oauth.revoke"] == 1
    assert grants(google) == []
    assert names(stores) == set()
    assert acts(stores) == [("grant-refused", "wrong-account")]


def test_a_wrong_account_that_somebody_imports_is_not_revoked_under_him(
    google: Google, config: Config, stores: Stores, migration: str
) -> None:
    other, grant = running_import(stores, google)
    before = names(stores)
    asked = consented(google, config, stores, Purpose(migration, expected=OTHER))
    with pytest.raises(WrongAccount):
        connect(config, stores, *asked)
    assert "oauth.revoke" not in calls(google)
    assert not is_dead(config.client, grant)
    assert names(stores) == before
    assert accounts.holds(stores.state, stores.vault, other, ADDRESS)


def test_an_account_that_is_being_imported_is_busy_and_its_import_keeps_its_access(
    google: Google, config: Config, stores: Stores, migration: str
) -> None:
    _, grant = running_import(stores, google)
    before = names(stores)
    with pytest.raises(AccountBusy):
        connect(config, stores, *consented(google, config, stores, Purpose(migration)))
    assert "oauth.revoke" not in calls(google)
    assert not is_dead(config.client, grant)
    assert names(stores) == before
    assert acts(stores) == [("grant-refused", "account-busy")]


@pytest.mark.parametrize("scopes", OTHER_SCOPES.values(), ids=OTHER_SCOPES)
def test_other_scopes_are_given_back_and_nothing_is_kept(
    scopes: list[str], google: Google, config: Config, stores: Stores, migration: str
) -> None:
    google.control("settings", {"granted_scopes": scopes})
    asked = consented(google, config, stores, Purpose(migration))
    with pytest.raises(ScopeMismatch):
        connect(config, stores, *asked)
    assert calls(google)["oauth.revoke"] == 1
    assert (grants(google), names(stores)) == ([], set())


def test_access_for_an_hour_only_is_given_back(google: Google, config: Config, stores: Stores, migration: str) -> None:
    def online(url: str) -> str:
        return url.replace("access_type=offline", "access_type=online")

    asked = consented(google, config, stores, Purpose(migration), change=online)
    with pytest.raises(NoRefreshToken):
        connect(config, stores, *asked)
    assert calls(google)["oauth.revoke"] == 1
    assert (grants(google), names(stores)) == ([], set())


def test_what_google_does_not_take_back_is_told(google: Google, config: Config, stores: Stores, migration: str) -> None:
    google.fault("backendError", method="oauth.revoke", times=0, status=503)
    asked = consented(google, config, stores, Purpose(migration, expected=OTHER))
    with pytest.raises(NotGivenBack):
        connect(config, stores, *asked)
    assert names(stores) == set()


def test_a_customer_who_denies_is_not_asked_about_at_google(
    google: Google, config: Config, stores: Stores, migration: str
) -> None:
    asked = consented(google, config, stores, Purpose(migration), decision="deny")
    with pytest.raises(ConsentDenied):
        connect(config, stores, *asked)
    assert "oauth.token" not in calls(google)
    assert names(stores) == set()


def test_codes_exchanged_crosswise_give_nothing(google: Google, config: Config, stores: Stores) -> None:
    (first, one), (second, other) = (consented(google, config, stores, Purpose(new_id())) for _ in range(2))
    for pending, mine, theirs in ((first, one, other), (second, other, one)):
        with pytest.raises(CodeRefused):
            connect(config, stores, pending, mine.replace(quote(code_in(mine), ""), quote(code_in(theirs), "")))
    assert (grants(google), names(stores)) == ([], set())


def test_the_same_answer_connects_once(google: Google, config: Config, stores: Stores, migration: str) -> None:
    asked = consented(google, config, stores, Purpose(migration))
    connect(config, stores, *asked)
    again = Pending(asked[0].consent, Purpose(new_id()))
    with pytest.raises(CodeRefused):
        connect(config, stores, again, asked[1])
    assert len(grants(google)) == 1


def test_a_google_that_does_not_say_whose_account_it_is_gets_the_grant_back(
    google: Google, config: Config, stores: Stores, migration: str
) -> None:
    google.fault("accessNotConfigured", method="getProfile", times=0)
    asked = consented(google, config, stores, Purpose(migration))
    with pytest.raises(NotConnected) as refused:
        connect(config, stores, *asked)
    assert refused.value.code == "google-refused"
    assert (grants(google), names(stores)) == ([], set())


def test_an_account_that_somebody_reads_at_full_speed_is_not_revoked_under_him(
    google: Google, config: Config, stores: Stores, migration: str
) -> None:
    _, grant = running_import(stores, google)
    google.fault("userRateLimitExceeded", method="getProfile", times=0)
    with pytest.raises(NotConnected) as refused:
        connect(config, stores, *consented(google, config, stores, Purpose(migration)))
    assert refused.value.code == "google-quota"
    assert "oauth.revoke" not in calls(google)
    assert not is_dead(config.client, grant)


def test_a_process_that_fails_is_told_to_the_log_and_not_to_the_customer(
    google: Google, config: Config, stores: Stores, migration: str
) -> None:
    asked = consented(google, config, stores, Purpose(migration))
    nowhere = config.google.model_copy(update={"client_secret_file": Path("/nowhere")})
    with capture_logs() as told, pytest.raises(NotConnected) as refused:
        connect(config.model_copy(update={"google": nowhere}), stores, *asked)
    assert refused.value.code == "not-connected"
    assert [(row["event"], row["code"], row["migration"]) for row in told] == [
        ("not-connected", "internal-error:ConfigError", migration)
    ]
    assert names(stores) == set()


def test_a_google_without_a_token_endpoint_is_silent(
    google: Google, config: Config, stores: Stores, migration: str
) -> None:
    asked = consented(google, config, stores, Purpose(migration))
    with Google() as other:
        gone = config.google.model_copy(update={"token_uri": f"{other.url}/token"})
    with pytest.raises(GoogleSilent):
        connect(config.model_copy(update={"google": gone}), stores, *asked)
    assert names(stores) == set()


def test_where_nothing_can_be_written_down_nothing_is_kept(
    google: Google, config: Config, stores: Stores, migration: str
) -> None:
    asked = consented(google, config, stores, Purpose(migration))
    stores.state.set("audit:head", "no entry", ex=60)
    with pytest.raises((audit.AuditBroken, RedisError)):
        connect(config, stores, *asked)
    assert (grants(google), names(stores)) == ([], set())


def test_a_file_with_a_grant_is_sealed_like_any_other(
    google: Google, config: Config, stores: Stores, migration: str, tmp_path: Path
) -> None:
    file = tmp_path / "grant.json"
    file.write_text(json.dumps(google.grant()))
    assert connect_file(config, stores, Purpose(migration, expected=ADDRESS), file).address == ADDRESS
    assert sealed(stores, migration).refresh_token == json.loads(file.read_text())["refresh_token"]


@pytest.mark.parametrize("text", [None, "", "{}", '{"refresh_token": ""}'])
def test_a_file_without_a_grant_is_said_to_be_none(
    text: str | None, config: Config, stores: Stores, migration: str, tmp_path: Path
) -> None:
    file = tmp_path / "grant.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(GrantUnreadable):
        connect_file(config, stores, Purpose(migration), file)
    assert names(stores) == set()


def test_a_files_grant_is_left_alive_when_its_account_is_the_wrong_one(
    google: Google, config: Config, stores: Stores, migration: str, tmp_path: Path
) -> None:
    file = tmp_path / "grant.json"
    file.write_text(json.dumps(google.grant()))
    with pytest.raises(WrongAccount):
        connect_file(config, stores, Purpose(migration, expected=OTHER), file)
    assert len(grants(google)) == 1
    assert names(stores) == set()


def test_an_import_that_lost_its_grant_goes_on_with_a_new_one_of_the_same_account(
    google: Google, config: Config, stores: Stores
) -> None:
    migration, dead = running_import(stores, google)
    rests(stores, migration)
    google.control("grants", {}, verb="DELETE")
    connect(config, stores, *consented(google, config, stores, Purpose(migration, reconnect=True)))
    assert requests.read(stores.state, migration).state is State.PLANNING
    assert sealed(stores, migration) != dead
    assert not is_dead(config.client, sealed(stores, migration))
    assert acts(stores) == [("reconnected", "")]


def test_reconnecting_with_another_account_gives_that_one_back_and_changes_nothing(
    google: Google, config: Config, stores: Stores
) -> None:
    google.control("accounts", {"address": OTHER})
    migration, dead = running_import(stores, google, OTHER)
    rests(stores, migration)
    google.control("grants", {}, verb="DELETE")
    before = names(stores)
    asked = consented(google, config, stores, Purpose(migration, reconnect=True))
    with pytest.raises(WrongAccount):
        connect(config, stores, *asked)
    assert calls(google)["oauth.revoke"] == 1
    assert sealed(stores, migration) == dead
    assert requests.read(stores.state, migration).state is State.PAUSED
    assert accounts.holds(stores.state, stores.vault, migration, OTHER)
    told = {f"mig:{{{migration}}}:{part}" for part in ("calls", "hosts")}
    assert names(stores) - told == before, "that Google was asked whose account it is will be in the receipt"


def test_an_import_that_runs_is_not_connected_again(google: Google, config: Config, stores: Stores) -> None:
    migration, _ = running_import(stores, google)
    asked = consented(google, config, stores, Purpose(migration, reconnect=True))
    with pytest.raises(IllegalTransition):
        connect(config, stores, *asked)
    assert "oauth.token" not in calls(google)


def test_an_import_whose_key_is_lost_cannot_be_connected_again(google: Google, config: Config, stores: Stores) -> None:
    migration, _ = running_import(stores, google)
    rests(stores, migration)
    asked = consented(google, config, stores, Purpose(migration, reconnect=True))
    stores.vault.destroy(migration)
    with pytest.raises(KeyLost):
        connect(config, stores, *asked)
    assert "oauth.token" not in calls(google)
    assert not stores.vault.holds(migration)


def test_no_error_shows_a_code_or_an_address(google: Google, config: Config, stores: Stores, migration: str) -> None:
    asked = consented(google, config, stores, Purpose(migration, expected=OTHER))
    with pytest.raises(GrantError) as refused:
        connect(config, stores, *asked)
    shown = f"{refused.value!r} {refused.value} {refused.value.__cause__!r} {refused.value.__context__!r} {asked[0]!r}"
    for secret in (ADDRESS, OTHER, code_in(asked[1]), asked[0].consent.verifier):
        assert secret not in shown


def test_nothing_is_left_in_the_temporary_folder(
    google: Google, config: Config, stores: Stores, migration: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    connect(config, stores, *consented(google, config, stores, Purpose(migration)))
    assert list(folder.iterdir()) == []
