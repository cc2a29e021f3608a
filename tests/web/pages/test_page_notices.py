"""Every code a customer can meet has words for customers, and a way on."""

import pytest
from scenery import HOST, SCRIPT, migration

import app.sentences
from jobs.migration import State
from oauth.errors import GrantError
from web.notices import notice_page, signin_page
from web.views import states
from web.views.notices import ALIKE, NOTICES, notice_of, words_for
from web.views.progress import words_of
from web.views.whynot import WORDS

OURS = {
    *("child-killed", "out-of-memory", "slice-overtime", "audit-broken", "egress-refused"),
    *("lease-lost", "worker-lost"),
}
"""Reasons of `failed` about which only the operator can do something: the customer is given the code."""

SOON = {"key-store-away", "store-away", "audit-busy"}
"""Reasons to wait that mean nothing to a customer: he is told when it goes on."""

NO_REASONS = {"folder-refused", "account-busy"}
"""The first is told of a message, the second of a consent; no import stands for them."""

AT_A_TERMINAL = {"grant-unreadable", "master-key-unusable", "workers-key-unusable"}
"""Only the command line takes files; the pages tell of them as an error of ours."""

TOLD = states.WAITING.keys() | states.PAUSED.keys() | states.FAILED.keys()


def test_every_reason_has_words_for_customers() -> None:
    assert app.sentences._SENTENCES.keys() == TOLD & app.sentences._SENTENCES.keys() | OURS | SOON | NO_REASONS
    assert not TOLD & (OURS | SOON | NO_REASONS)


@pytest.mark.parametrize("code", sorted(OURS))
def test_what_only_we_can_put_right_is_called_so(code: str) -> None:
    assert words_of(migration(State.FAILED, reason=code, resumable=True)) == states.FAILED_ELSE


@pytest.mark.parametrize("code", sorted(SOON))
def test_what_goes_on_by_itself_is_called_so(code: str) -> None:
    assert words_of(migration(State.WAITING, reason=code)) == states.WAITING_ELSE


def test_every_refusal_of_a_consent_has_words_for_customers() -> None:
    assert app.sentences._CONSENTS.keys() - AT_A_TERMINAL <= NOTICES.keys() | ALIKE.keys()
    codes = {kind.code for kind in GrantError.__subclasses__()}
    assert codes - AT_A_TERMINAL <= NOTICES.keys() | ALIKE.keys()


def test_every_failure_of_a_message_has_words_for_customers() -> None:
    assert app.sentences._FAILURES.keys() == WORDS.keys()


def test_no_word_for_operators_reaches_a_customer() -> None:
    for said in NOTICES.values():
        assert not {"worker", "Redis", "log;", "configuration", "resume", "store"} & set(said.words.split())


@pytest.mark.parametrize("code", sorted(NOTICES))
def test_a_notice_has_a_status_of_its_own_and_a_way_on_or_says_what_to_do(code: str) -> None:
    said = NOTICES[code]
    answer = notice_page(HOST, code)
    assert answer.status_code == said.status
    assert "{" not in words_for(code, HOST)
    page = notice_of(HOST, code)
    assert bool(page.place) == bool(page.place_words)
    assert page.place or any(word in page.words for word in ("try again", "wait", "press", "tell"))


def test_codes_that_come_to_the_same_lead_to_a_notice() -> None:
    assert set(ALIKE.values()) <= NOTICES.keys()
    assert not ALIKE.keys() & NOTICES.keys()


def test_an_unknown_code_is_an_error_of_ours() -> None:
    assert notice_page(HOST, "never-heard-of").status_code == 500
    assert notice_of(HOST, SCRIPT) == notice_of(HOST, "error")


def test_the_way_on_and_the_time_to_wait_can_be_named() -> None:
    assert 'href="/imports/1"' in bytes(notice_page(HOST, "not-ended", place="/imports/1").body).decode()
    assert notice_page(HOST, "too-often", seconds=42).headers["retry-after"] == "42"
    assert "retry-after" not in notice_page(HOST, "not-found").headers


def test_access_that_was_not_given_back_leads_to_google() -> None:
    page = bytes(notice_page(HOST, "not-given-back").body).decode()
    assert 'href="https://myaccount.google.com/connections"' in page
    assert "noreferrer" in page


def test_every_refused_sign_in_looks_alike_but_for_the_address_that_was_typed() -> None:
    first = bytes(signin_page(HOST, refused=True, address="a@x").body)
    second = bytes(signin_page(HOST, refused=True, address="b@y").body)
    assert first.replace(b"a@x", b"") == second.replace(b"b@y", b"")
    assert b"password" in first
    assert signin_page(HOST, refused=True).status_code == 403
    assert signin_page(HOST).status_code == 200
