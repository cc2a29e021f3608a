from pathlib import Path
from urllib.parse import quote

import pytest
from connections import OTHER, acts, running_import, sealed
from consents import OTHER_SCOPES, code_in, consented, grants, names
from engine import ADDRESS, calls
from redis.exceptions import RedisError
from stand_in import Google
from structlog.testing import capture_logs

from app.config import Config
from app.connecting import connect
from app.stores import Stores
from jobs import accounts, audit, exchanges, requests
from jobs.errors import AccountBusy, UnknownMigration
from jobs.exchanges import Standing
from jobs.migration import State, new_id
from jobs.tickets import claim
from oauth.errors import (
    CodeRefused,
    ConsentDenied,
    GiveBackPending,
    GoogleSilent,
    GrantError,
    NoRefreshToken,
    NotConnected,
    NotGivenBack,
    ScopeMismatch,
    WrongAccount,
)
from oauth.keystores import names_of
from oauth.pending import Pending, Purpose
from oauth.revocation import is_dead


def left(stores: Stores, migration: str, before: set[str]) -> Standing | None:
    """Return what is known of an exchange beside which nothing is left but what lies sealed for it."""
    parts = {f"mig:{{{migration}}}:{part}" for part in ("sealed", "keystore", "calls", "hosts")}
    assert names(stores) - before == {"jobs:exchanges", *names_of(migration), *parts}
    exchange = exchanges.read(stores.state, migration)
    return exchange and exchange.standing


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


@pytest.mark.parametrize("expected", [ADDRESS, ADDRESS.upper(), f" {ADDRESS}.", ADDRESS.replace("@", "+shop@"), " "])
def test_the_expected_account_is_taken_however_it_is_spelled(
    expected: str, google: Google, config: Config, stores: Stores, migration: str
) -> None:
    purpose = Purpose(migration, expected=expected)
    assert connect(config, stores, *consented(google, config, stores, purpose)).address == ADDRESS


@pytest.mark.parametrize("expected", ["ann@gmail.example", "cust.omer@gmail.example", "customer@gmail.com", "customer"])
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
    assert left(stores, migration, before) == Standing.BEHIND
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
    assert left(stores, migration, before) == Standing.BEHIND
    assert acts(stores) == [("grant-refused", "account-busy")]


def test_an_account_is_held_by_one_import_whichever_way_google_says_its_address(stores: Stores) -> None:
    exchanges.begin(stores.state, "one", "c1")
    accounts.claim(stores.state, stores.vault, "one", "ann.smith@gmail.com")
    with pytest.raises(AccountBusy):
        accounts.claim(stores.state, stores.vault, "two", "AnnSmith@googlemail.com")
    assert accounts.holds(stores.state, stores.vault, "one", "annsmith@gmail.com")
    accounts.release(stores.state, "one")
    accounts.claim(stores.state, stores.vault, "two", "annsmith@googlemail.com")


def test_a_hold_of_before_is_still_known_by_googles_own_spelling(stores: Stores, migration: str) -> None:
    address, (name, *_) = "ann.smith@gmail.com", stores.vault.pseudonyms("ann.smith@gmail.com")
    requests.create(stores.state, "c1", migration_id=migration)
    stores.state.set(f"account:{name}", migration, ex=600_000)
    stores.state.set(f"mig:{{{migration}}}:account", name, ex=600_000)
    assert accounts.holds(stores.state, stores.vault, migration, address)
    with pytest.raises(AccountBusy):
        accounts.claim(stores.state, stores.vault, "two", address)


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
    record = requests.read(stores.state, migration)
    assert (record.state, record.ending) == (State.FINISHING, State.CANCELLED), "slices try on"
    assert exchanges.read(stores.state, migration) is None


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


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("mailNotEnabled", "no-gmail"),
        ("failedPrecondition", "no-gmail"),
        ("accessNotConfigured", "google-client-refused"),
        ("domainPolicy", "google-refused"),
        ("accountDisabled", "google-refused"),
        ("insufficientPermissions", "reconnect-needed"),
        ("invalidArgument", "google-down"),
    ],
)
def test_a_google_that_does_not_say_whose_account_it_is_gets_the_grant_back(
    google: Google, config: Config, stores: Stores, migration: str, kind: str, code: str
) -> None:
    google.fault(kind, method="getProfile", times=0)
    asked = consented(google, config, stores, Purpose(migration))
    with pytest.raises(GrantError) as refused:
        connect(config, stores, *asked)
    assert refused.value.code == code
    assert (grants(google), names(stores)) == ([], set())


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("admin_policy_enforced", "google-refused"),
        ("org_internal", "google-refused"),
        ("deleted_client", "google-client-refused"),
        ("invalid_client", "google-client-refused"),
        ("invalid_grant", "code-refused"),
    ],
)
def test_a_code_that_google_does_not_exchange_says_whose_affair_it_is(
    google: Google, config: Config, stores: Stores, migration: str, word: str, code: str
) -> None:
    asked = consented(google, config, stores, Purpose(migration))
    google.fault("oauthError", reason=word)
    with pytest.raises(GrantError) as refused:
        connect(config, stores, *asked)
    assert refused.value.code == code
    assert names(stores) == set()


def test_an_account_that_somebody_reads_at_full_speed_is_not_revoked_under_him(
    google: Google, config: Config, stores: Stores, migration: str
) -> None:
    _, grant = running_import(stores, google)
    google.fault("userRateLimitExceeded", method="getProfile", times=0)
    with pytest.raises(GiveBackPending):
        connect(config, stores, *consented(google, config, stores, Purpose(migration)))
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
    stores.state.set("audit:broken", "no entry", ex=60)
    with pytest.raises((audit.AuditBroken, RedisError)):
        connect(config, stores, *asked)
    assert (grants(google), names(stores)) == ([], set())


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
