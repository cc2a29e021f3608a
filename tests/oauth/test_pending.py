import hashlib
import json
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from engine import calls, pressed
from redis import Redis
from stand_in import Google
from vaults import WORKERS

from oauth import consent, pending
from oauth.errors import CodeRefused, ConsentNotOurs
from oauth.grant import SCOPE, Client
from oauth.keyring import KeyRing
from oauth.pending import Pending, Purpose
from oauth.vault import Vault, WorkersVault

REDIRECT = "http://127.0.0.1:1/back"
PURPOSE = Purpose("m1", expected="ann@example.com")
Stores = tuple[Redis, Redis]


@pytest.fixture
def keys(stores: Stores) -> Redis:
    return stores[1]


Begin = Callable[..., str]


@pytest.fixture
def begin(keys: Redis, vault: Vault, client: Client) -> Begin:
    def begun(session: str = "session", purpose: Purpose = PURPOSE) -> str:
        return pending.begin(keys, vault, client, REDIRECT, session, purpose)

    return begun


def state_in(url: str) -> str:
    return parse_qs(urlsplit(url).query)["state"][0]


def test_the_answer_brings_back_what_the_consent_was_for(
    begin: Begin, keys: Redis, vault: Vault, google: Google, client: Client
) -> None:
    url = begin()
    answer = pressed(google, url)
    taken = pending.take(keys, vault, "session", answer)
    assert taken.purpose == PURPOSE
    assert consent.exchange(client, taken.consent, consent.code_of(taken.consent, answer)).refresh_token
    assert google.control("grants")["grants"][0]["scopes"] == [SCOPE]


def test_an_answer_is_taken_once(begin: Begin, keys: Redis, vault: Vault, google: Google) -> None:
    answer = pressed(google, begin())
    pending.take(keys, vault, "session", answer)
    with pytest.raises(ConsentNotOurs):
        pending.take(keys, vault, "session", answer)
    assert list(keys.scan_iter()) == []


def test_another_session_gets_nothing_and_burns_the_consent(
    begin: Begin, keys: Redis, vault: Vault, google: Google
) -> None:
    answer = pressed(google, begin(session="victim"))
    for session in ("attacker", "", "victim"):
        with pytest.raises(ConsentNotOurs):
            pending.take(keys, vault, session, answer)
    assert "oauth.token" not in calls(google)


def test_a_session_cannot_take_the_answer_of_another_of_its_consents_twice(
    begin: Begin, keys: Redis, vault: Vault, google: Google
) -> None:
    first, second = (pressed(google, begin(purpose=Purpose(name))) for name in ("m1", "m2"))
    assert pending.take(keys, vault, "session", second).purpose.migration == "m2"
    assert pending.take(keys, vault, "session", first).purpose.migration == "m1"


def test_after_ten_minutes_nobody_waits_for_the_answer(begin: Begin, keys: Redis, vault: Vault, google: Google) -> None:
    answer = pressed(google, begin())
    (name,) = keys.scan_iter()
    assert 590 < keys.ttl(name) <= 600
    keys.pexpireat(name, 1)
    with pytest.raises(ConsentNotOurs):
        pending.take(keys, vault, "session", answer)


@pytest.mark.parametrize("answer", ["", "/", "?state=", "?code=x", "?state=guessed&code=x", "http://[", "?state=%ff"])
def test_what_answers_no_consent_is_not_ours(begin: Begin, keys: Redis, vault: Vault, answer: str) -> None:
    begin()
    with pytest.raises(ConsentNotOurs):
        pending.take(keys, vault, "session", answer)
    assert len(list(keys.scan_iter())) == 1, "the one that waits goes on waiting"


def test_codes_exchanged_crosswise_are_refused_by_google_and_used_up(
    begin: Begin, keys: Redis, vault: Vault, google: Google, client: Client
) -> None:
    urls = [begin(), begin()]
    answers = [pressed(google, url) for url in urls]
    codes = [parse_qs(urlsplit(answer).query)["code"][0] for answer in answers]
    for answer, theirs in zip(answers, reversed(codes), strict=True):
        taken = pending.take(keys, vault, "session", answer)
        with pytest.raises(CodeRefused):
            consent.exchange(client, taken.consent, theirs)
    assert google.control("grants")["grants"] == []


def test_the_state_is_compared_even_when_it_lies_under_the_right_name(begin: Begin, keys: Redis, vault: Vault) -> None:
    url = begin()
    (old,) = keys.scan_iter()
    row = json.loads(vault.unwrap(old.decode(), keys.get(old) or b""))
    other = f"consent:{hashlib.sha256(b'other').hexdigest()}"
    keys.set(other, vault.wrap(other, json.dumps(row).encode()), ex=60)
    assert state_in(url) == row["consent"]["state"]
    with pytest.raises(ConsentNotOurs):
        pending.take(keys, vault, "session", f"{REDIRECT}?state=other&code=x")


def test_a_consent_moved_under_another_name_does_not_open(begin: Begin, keys: Redis, vault: Vault) -> None:
    begin()
    (old,) = keys.scan_iter()
    keys.rename(old, f"consent:{hashlib.sha256(b'other').hexdigest()}")
    with pytest.raises(ConsentNotOurs):
        pending.take(keys, vault, "session", f"{REDIRECT}?state=other&code=x")


def test_another_master_key_opens_no_consent(begin: Begin, keys: Redis) -> None:
    url = begin()
    with pytest.raises(ConsentNotOurs):
        pending.take(
            keys,
            WorkersVault(keys, KeyRing({"k2": b"x" * 32}), WORKERS),
            "session",
            f"{REDIRECT}?state={state_in(url)}",
        )


def test_the_key_store_shows_neither_state_nor_verifier_nor_session_nor_address(
    begin: Begin, keys: Redis, vault: Vault
) -> None:
    url = begin(session="session-canary")
    kept = b"".join(name + (keys.get(name) or b"") for name in keys.scan_iter())
    taken = pending.take(keys, vault, "session-canary", f"{REDIRECT}?state={state_in(url)}")
    for secret in ("session-canary", state_in(url), taken.consent.verifier, "ann@example.com"):
        assert secret.encode() not in kept
    assert "ann@example.com" not in repr(taken)
    assert taken.consent.verifier not in repr(taken)


def test_of_the_session_only_a_digest_is_kept_even_inside(begin: Begin, keys: Redis, vault: Vault) -> None:
    begin(session="session-canary")
    (name,) = keys.scan_iter()
    assert b"session-canary" not in vault.unwrap(name.decode(), keys.get(name) or b"")


def test_a_pending_consent_is_a_value(begin: Begin, keys: Redis, vault: Vault) -> None:
    url = begin(purpose=Purpose("m7", reconnect=True))
    taken = pending.take(keys, vault, "session", f"{REDIRECT}?state={state_in(url)}")
    assert isinstance(taken, Pending)
    assert taken.purpose == Purpose("m7", reconnect=True)
    assert taken.consent.url == url
