import re
import time
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import idp
import pytest
from front_desk import Visitor, enlist, roster_of, seated
from servers.trickling import BODY, HEADERS, trickling

from app.config import Config
from app.console import provider_of
from app.stores import Stores
from jobs import audit
from jobs.audit import Act
from web.operator import accounts
from web.operator import session as sessions
from web.operator.account import Account
from web.operator.asked import Asked, ask
from web.operator.provider import KeyUnknown
from web.operator.rights import Role
from web.operator.sso import SingleSignOn, SsoAway


def sent_out(visitor: Visitor, path: str = "/signin/sso", **form: str) -> str:
    """Press the button; return where the page leads."""
    answer = visitor.post(path, **form)
    assert answer.status == 200, answer.text
    found = re.search(r'class="button" href="([^"]+)"', answer.text)
    assert found
    return found[1].replace("&amp;", "&")


def comes_in(visitor: Visitor, provider: idp.Provider) -> Any:
    return visitor.get(provider.visit(sent_out(visitor)))


def account_in(stores: Stores) -> Account:
    (found,), _ = accounts.everybody(roster_of(stores))
    return found


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "Ed25519"])
def test_who_is_vouched_for_comes_in(algorithm: str, provider: idp.Provider, stores: Stores, url: str) -> None:
    provider.algorithm = algorithm
    visitor = Visitor(url)
    assert comes_in(visitor, provider).place == "/"
    account = account_in(stores)
    assert (account.name, account.role, account.via) == ("ann", Role.OPERATOR, "sso")
    assert visitor.get("/step-up").status == 200
    assert [entry.act for entry in audit.entries(stores.state)] == [Act.MEMBER_ADDED, Act.SIGNED_IN]


def test_who_comes_back_is_the_same_member(provider: idp.Provider, stores: Stores, url: str) -> None:
    for name in ("ann", "ann-married"):
        provider.said = {"preferred_username": name}
        assert comes_in(Visitor(url), provider).place == "/"
    assert account_in(stores).name == "ann-married"


def test_the_session_gets_a_new_id_when_its_browser_comes_back(
    provider: idp.Provider, stores: Stores, url: str
) -> None:
    visitor = Visitor(url)
    address = sent_out(visitor)
    before = visitor.session
    visitor.get(provider.visit(address))
    assert visitor.session not in {"", before}
    assert sessions.find(stores.state, before) is None


WRONG = {
    "one factor": {"amr": ["pwd"]},
    "no word of factors": {"amr": None},
    "factors that are no list": {"amr": "mfa"},
    "another acr": {"amr": None, "acr": "mfa"},
    "another nonce": {"nonce": "of another sign-in"},
    "no nonce": {"nonce": None},
    "another audience": {"aud": "another-client"},
    "another audience that presents us": {"aud": "another-client", "azp": idp.CLIENT},
    "an audience beside ours, and another presenter": {"aud": [idp.CLIENT, "another"], "azp": "another"},
    "another issuer": {"iss": "https://login.example"},
    "no subject": {"sub": None},
    "an end that is over": {"exp": int(time.time()) - 600},
    "no end": {"exp": None},
    "made in the future": {"iat": int(time.time()) + 1_000_000},
    "no role": {"groups": ["everybody"]},
    "a role that is no list of words": {"groups": {"mail-admins": True}},
    "no groups": {"groups": None},
}


@pytest.mark.parametrize("said", WRONG.values(), ids=WRONG)
def test_who_is_not_vouched_for_as_he_must_be_stays_out(
    said: dict[str, Any], provider: idp.Provider, stores: Stores, url: str
) -> None:
    provider.said = said
    visitor = Visitor(url)
    answer = comes_in(visitor, provider)
    assert (answer.status, "Not signed in" in answer.text) == (403, True)
    assert visitor.get("/step-up").place == "/signin"
    assert accounts.everybody(roster_of(stores)) == ([], [])


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_token_that_is_not_signed_by_the_provider_lets_nobody_in(
    algorithm: str, provider: idp.Provider, url: str
) -> None:
    provider.algorithm = algorithm
    assert comes_in(Visitor(url), provider).status == 403


def test_a_token_signed_by_a_key_that_is_not_published_lets_nobody_in(provider: idp.Provider, url: str) -> None:
    provider.published, provider.algorithm = ("RS256",), "RS256"
    other, idp.KEYS["RS256"] = idp.KEYS["RS256"], idp.RSAKey.generate_key(2048)
    try:
        visitor = Visitor(url)
        address = sent_out(visitor)
        path = provider.visit(address)
        assert visitor.get(path).status == 403
    finally:
        idp.KEYS["RS256"] = other


def test_an_answer_is_taken_once(provider: idp.Provider, url: str) -> None:
    visitor = Visitor(url)
    path = provider.visit(sent_out(visitor))
    assert visitor.get(path).status == 303
    asked = provider.tokens
    assert visitor.get(path).status == 403
    assert provider.tokens == asked, "the provider is not even asked"


def test_an_answer_that_was_refused_is_not_taken_either(provider: idp.Provider, url: str) -> None:
    visitor = Visitor(url)
    path = provider.visit(sent_out(visitor))
    assert visitor.get(re.sub(r"code=[^&]+", "error=access_denied", path)).status == 403
    assert visitor.get(path).status == 403
    assert provider.tokens == 0


def test_an_answer_is_for_the_browser_that_asked(provider: idp.Provider, url: str) -> None:
    path = provider.visit(sent_out(Visitor(url)))
    other = Visitor(url)
    sent_out(other)
    for visitor in (other, Visitor(url)):
        assert visitor.get(path).status == 403
    assert provider.tokens == 0


def test_a_state_that_nobody_made_is_refused(provider: idp.Provider, url: str) -> None:
    visitor = Visitor(url)
    sent_out(visitor)
    for query in ("", "code=a", "code=a&state=b", "state=&code="):
        assert visitor.get(f"/signin/sso/return?{query}").status == 403
    assert provider.tokens == 0


def test_another_providers_answer_is_refused(provider: idp.Provider, url: str) -> None:
    visitor = Visitor(url)
    path = provider.visit(sent_out(visitor))
    assert visitor.get(re.sub(r"iss=[^&]+", "iss=https%3A%2F%2Flogin.example", path)).status == 403
    assert provider.tokens == 0


def test_a_code_that_the_provider_does_not_take_lets_nobody_in(provider: idp.Provider, url: str) -> None:
    visitor = Visitor(url)
    path = provider.visit(sent_out(visitor))
    provider.codes.clear()
    assert visitor.get(path).status == 403


def test_a_key_that_is_new_at_the_provider_is_fetched(
    provider: idp.Provider, stores: Stores, console_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    sso = SingleSignOn(provider_of(console_config))
    session = sessions.begin(stores.state, "", sessions.Stage.AWAY)

    def vouched() -> str:
        asked = ask(roster_of(stores), session, "/", stepping_up=False)
        code = parse_qs(urlsplit(provider.visit(sso.address(asked))).query)["code"][0]
        return sso.vouched(asked, code).subject

    provider.published = ("RS256",)
    subject = vouched()
    provider.published, provider.algorithm = ("ES256",), "ES256"
    with pytest.raises(KeyUnknown):
        vouched()
    monkeypatch.setattr("web.operator.sso._AGAIN_SECONDS", 0)
    assert vouched() == subject


def test_a_provider_that_calls_itself_otherwise_is_not_used(
    provider: idp.Provider, stores: Stores, console_config: Config
) -> None:
    configured = replace(provider_of(console_config), issuer=f"{provider.url}/")
    asked = ask(roster_of(stores), sessions.begin(stores.state, "", sessions.Stage.AWAY), "/", stepping_up=False)
    with pytest.raises(SsoAway):
        SingleSignOn(configured).address(asked)


def test_an_acr_is_asked_for_and_counts(provider: idp.Provider, stores: Stores, console_config: Config) -> None:
    sso = SingleSignOn(
        replace(provider_of(console_config), acr="mfa", amr=frozenset(), role_claim="realm_access.roles")
    )
    asked = ask(roster_of(stores), sessions.begin(stores.state, "", sessions.Stage.AWAY), "/", stepping_up=False)
    provider.said = {"acr": "mfa", "realm_access": {"roles": ["mail-viewers"]}}
    code = parse_qs(urlsplit(provider.visit(sso.address(asked))).query)["code"][0]
    assert provider.asked[-1]["acr_values"] == "mfa"
    assert sso.vouched(asked, code).role is Role.VIEWER


def test_a_refusal_at_the_provider_is_told(provider: idp.Provider, url: str) -> None:
    provider.refuses = "access_denied"
    answer = comes_in(Visitor(url), provider)
    assert (answer.status, "It was refused there" in answer.text) == (403, True)


def test_the_highest_role_that_is_named_counts_and_a_change_ends_older_sessions(
    provider: idp.Provider, stores: Stores, url: str
) -> None:
    first, second = Visitor(url), Visitor(url)
    comes_in(first, provider)
    provider.said = {"groups": ["mail-viewers", "mail-admins"]}
    comes_in(second, provider)
    assert account_in(stores).role is Role.ADMIN
    assert second.get("/people").status == 200
    assert first.get("/people").place == "/signin"


def test_a_member_that_is_removed_is_out_at_once_and_may_come_back_by_his_role(
    provider: idp.Provider, stores: Stores, url: str
) -> None:
    ann, boss = Visitor(url), seated(stores, url, enlist(stores, "boss", Role.ADMIN))
    comes_in(ann, provider)
    (member,) = (one.id for one in accounts.everybody(roster_of(stores))[0] if one.via == "sso")
    assert boss.post(f"/people/{member}/role", role="admin").status == 409
    assert boss.post(f"/people/{member}/reset").status == 409
    assert boss.post(f"/people/{member}/remove").place == "/people"
    assert ann.get("/step-up").place == "/signin"
    assert comes_in(ann, provider).place == "/"


def test_a_local_name_is_not_taken_over_by_single_sign_on(provider: idp.Provider, stores: Stores, url: str) -> None:
    enlist(stores, "ann", Role.ADMIN)
    visitor = Visitor(url)
    comes_in(visitor, provider)
    assert visitor.get("/people").status == 403


def test_signing_in_long_ago_there_is_no_fresh_second_factor_here(
    provider: idp.Provider, stores: Stores, url: str
) -> None:
    provider.said = {"groups": ["mail-admins"], "auth_time": int(time.time()) - 3600}
    visitor = Visitor(url)
    comes_in(visitor, provider)
    assert visitor.post("/people", name="bob", role="viewer").place.startswith("/step-up?")
    provider.said = {"groups": ["mail-admins"]}
    address = sent_out(visitor, "/step-up/sso", back="/people")
    assert visitor.get(provider.visit(address)).place == "/people"
    assert (provider.asked[-1]["prompt"], provider.asked[-1]["max_age"]) == ("login", "0")
    assert visitor.post("/people", name="bob", role="viewer").status == 200
    assert Act.STEPPED_UP in {entry.act for entry in audit.entries(stores.state)}


STALE = {
    "an old proof": {"auth_time": int(time.time()) - 900},
    "no time of proof": {"auth_time": None},
    "somebody else": {"sub": "another"},
    "one factor": {"amr": ["pwd"]},
}


@pytest.mark.parametrize("said", STALE.values(), ids=STALE)
def test_stepping_up_takes_a_fresh_proof_of_the_same_person(
    said: dict[str, Any], provider: idp.Provider, url: str
) -> None:
    admin = {"groups": ["mail-admins"], "auth_time": int(time.time()) - 3600}
    provider.said = admin
    visitor = Visitor(url)
    comes_in(visitor, provider)
    provider.said = {"groups": ["mail-admins"], **said}
    assert visitor.get(provider.visit(sent_out(visitor, "/step-up/sso"))).status == 403
    assert visitor.post("/people", name="bob", role="viewer").place.startswith("/step-up?")


def test_a_member_who_signs_in_elsewhere_cannot_step_up_by_a_code(provider: idp.Provider, url: str) -> None:
    provider.said = {"auth_time": 0}
    visitor = Visitor(url)
    comes_in(visitor, provider)
    assert visitor.post("/step-up", code="123456").status == 403


@pytest.mark.parametrize("said", [HEADERS, BODY])
def test_a_provider_whose_answer_trickles_is_away(
    said: tuple[bytes, bytes], console_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.operator.sso._SECONDS", 1.0)
    with trickling(said) as place:
        asked = SingleSignOn(replace(provider_of(console_config), issuer=place))
        with pytest.raises(SsoAway):
            asked.address(Asked("state", "nonce", "verifier", "", stepping_up=False, back="/"))
