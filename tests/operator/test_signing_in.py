import re
import threading
import time

import pytest
from argon2 import PasswordHasher
from consents import everything
from front_desk import PASSWORD, Visitor, altered, code_now, enlist, roster_of, seated, shown_in

from app.stores import Stores
from jobs import audit
from jobs.audit import TERMINAL, Act
from web.limits import EVERYBODY, seconds_to_wait
from web.operator import accounts, codes, members, passwords
from web.operator import session as sessions
from web.operator.account import REST_SECONDS, TRIES, tried_factor
from web.operator.counting import BY_CLIENT, BY_SITE, KNOWN
from web.operator.rights import Role
from web.operator.session import Stage
from web.operator.signin import WRONG
from web.operator.timecodes import STEP_SECONDS
from web.operator.trying import factor_given, let_halfway


def acts(stores: Stores) -> list[str]:
    return [entry.act for entry in audit.entries(stores.state)]


def test_name_password_and_code_let_a_member_in(stores: Stores, url: str) -> None:
    ann = enlist(stores, "ann", Role.ADMIN)
    visitor = Visitor(url)
    assert visitor.give_password("Ann").place == "/signin/code"
    halfway = visitor.session
    assert visitor.get("/people").place == "/signin/code"
    assert visitor.give_code(code_now(ann)).place == "/"
    assert visitor.session not in {"", halfway}
    assert sessions.find(stores.state, halfway) is None
    assert "ann" in visitor.get("/people").text
    assert acts(stores)[-1] == Act.SIGNED_IN


def test_a_name_a_password_and_a_resting_account_are_refused_alike(stores: Stores, url: str) -> None:
    enlist(stores, "ann")
    enlist(stores, "bob", rests_until=time.time() + 900)
    members.add(roster_of(stores), TERMINAL, "carl", Role.VIEWER)
    tries = {"nobody": PASSWORD, "ann": "some other words", "bob": PASSWORD, "carl": PASSWORD, "": ""}
    answers = {
        name: Visitor(url, f"192.0.2.{n}").give_password(name, word) for n, (name, word) in enumerate(tries.items())
    }
    told = {
        (answer.status, answer.text.replace(f'value="{name}"', 'value=""'), frozenset(answer.headers))
        for name, answer in answers.items()
    }
    assert len(told) == 1
    assert answers["nobody"].status == 403
    assert "set-cookie" not in answers["bob"].headers


def test_a_name_that_does_not_exist_costs_as_much_as_one_that_does(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    enlist(stores, "ann")
    verified: list[str] = []
    hasher = passwords._HASHER

    class Counting:
        def verify(self, known: str, password: str) -> bool:
            verified.append(known[: known.rindex("$", 0, known.rindex("$"))])
            return hasher.verify(known, password)

    monkeypatch.setattr(passwords, "_HASHER", Counting())
    for name in ("ann", "nobody"):
        assert let_halfway(roster_of(stores), name, "some other words") is None
    assert len(verified) == 2
    assert verified[0] == verified[1], "the same parameters, so the same time"


def test_a_code_is_taken_once(stores: Stores, url: str) -> None:
    ann = enlist(stores, "ann")
    code = code_now(ann)
    first, second = Visitor(url), Visitor(url)
    for visitor in (first, second):
        visitor.give_password("ann")
    assert first.give_code(code).status == 303
    assert second.give_code(code).status == 403
    assert second.give_code(code_now(ann, steps=1)).status == 303


def test_a_code_before_the_last_one_taken_is_refused(stores: Stores, url: str) -> None:
    ann = enlist(stores, "ann")
    visitor = Visitor(url)
    visitor.give_password("ann")
    assert visitor.give_code(code_now(ann, steps=1)).status == 303
    again = Visitor(url)
    again.give_password("ann")
    assert again.give_code(code_now(ann)).status == 403


@pytest.mark.parametrize("steps", [-3, 3])
def test_a_code_of_another_time_is_refused(steps: int, stores: Stores) -> None:
    ann = enlist(stores, "ann")
    assert factor_given(roster_of(stores), ann, code_now(ann, steps=steps)) is None


def test_of_many_requests_with_one_code_one_gets_in(stores: Stores) -> None:
    ann = enlist(stores, "ann")
    code, roster, barrier = code_now(ann), roster_of(stores), threading.Barrier(8)
    won: list[bool] = []

    def one() -> None:
        barrier.wait()
        won.append(factor_given(roster, ann, code) is not None)

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True]


def test_ten_wrong_tries_from_elsewhere_do_not_keep_the_owner_out(stores: Stores, url: str) -> None:
    ann = enlist(stores, "ann")
    wrong = [Visitor(url, "203.0.113.9").give_password(name, "some other words").status for name in ["ann", "Ann"] * 6]
    assert wrong == [403] * 10 + [429] * 2
    assert Visitor(url, "203.0.113.9").give_password("ann").status == 429
    owner = Visitor(url, "192.0.2.9")
    assert owner.give_password("ann").status == 303
    assert owner.give_code(code_now(ann)).status == 303


def test_many_ipv6_networks_of_one_site_share_their_tries(stores: Stores, url: str) -> None:
    enlist(stores, "ann")
    for _ in range(BY_SITE.most):
        seconds_to_wait(stores.state, BY_SITE, stores.vault.pseudonyms("2001:db8:1::/48")[0])
    assert Visitor(url, "2001:db8:1:7::1").give_password("ann").status == 429
    assert Visitor(url, "2001:db8:2:7::1").give_password("ann").status == 303


def test_ten_wrong_codes_from_elsewhere_do_not_keep_the_owner_out(stores: Stores, url: str) -> None:
    ann, thief, owner = enlist(stores, "ann"), Visitor(url, "203.0.113.9"), Visitor(url, "192.0.2.9")
    thief.give_password("ann")
    assert [thief.give_code("000000x").status for _ in range(11)] == [403] * 10 + [429]
    owner.give_password("ann")
    assert owner.give_code(code_now(ann)).status == 303


def test_a_name_that_does_not_exist_is_counted_like_one_that_does(stores: Stores, url: str) -> None:
    enlist(stores, "ann")
    tries = {
        name: [Visitor(url, f"203.0.113.{n}").give_password(name, "x").status for _ in range(11)]
        for n, name in enumerate(("ann", "nobody"))
    }
    assert tries["ann"] == tries["nobody"] == [403] * 10 + [429]


def test_so_many_wrong_tries_of_strangers_have_the_account_rest_for_strangers(stores: Stores, url: str) -> None:
    ann, roster, owner = enlist(stores, "ann"), roster_of(stores), Visitor(url)
    owner.give_password("ann")
    owner.give_code(code_now(ann))
    ann = altered(stores, ann, wrong=TRIES - 1)
    assert Visitor(url, "203.0.113.1").give_password("ann", "some other words").status == 403
    assert Visitor(url, "203.0.113.2").give_password("ann").status == 403, "it rests, and says nothing else"
    resting = accounts.find(roster, ann.id)
    assert resting
    assert REST_SECONDS - 60 < resting.rests_until - time.time() <= REST_SECONDS
    assert owner.give_password("ann").status == 303, "from a browser that signed in before"
    assert owner.give_code(code_now(ann, steps=1)).status == 303
    altered(stores, ann, rests_until=time.time() - 1)
    assert let_halfway(roster, "ann", PASSWORD)


def test_a_known_browser_has_tries_of_its_own_until_the_account_is_another(stores: Stores, url: str) -> None:
    ann, owner = enlist(stores, "ann"), Visitor(url)
    owner.give_password("ann")
    owner.give_code(code_now(ann))
    held = {KNOWN: owner.cookies[KNOWN]}
    tries = [Visitor(url, "192.0.2.1", dict(held)).give_password("ann", "x").status for _ in range(11)]
    assert tries == [403] * 10 + [429]
    found = accounts.find(roster_of(stores), ann.id)
    assert found
    assert found.wrong == 0
    assert Visitor(url, "192.0.2.1").give_password("ann").status == 303
    altered(stores, ann, epoch=accounts.new_epoch(), rests_until=time.time() + 900)
    assert Visitor(url, "192.0.2.1", dict(held)).give_password("ann").status == 403, "a stranger from now on"


def test_stepping_up_has_a_counter_of_its_own(stores: Stores, url: str) -> None:
    ann = enlist(stores, "ann", wrong=TRIES, rests_until=time.time() + 900)
    known, other = seated(stores, url, ann), seated(stores, url, ann, client="203.0.113.9")
    for _ in range(BY_CLIENT.most):
        seconds_to_wait(stores.state, BY_CLIENT, stores.vault.pseudonyms(known.client)[0])
    assert [other.post("/step-up", code="000000x").status for _ in range(11)] == [403] * 10 + [429]
    assert known.post("/step-up", code=code_now(ann)).status == 303
    found = accounts.find(roster_of(stores), ann.id)
    assert found
    assert (found.wrong, found.is_resting(time.time())) == (TRIES, True), "strangers' tries are another matter"


def test_a_code_that_is_spent_is_no_wrong_try(stores: Stores, url: str) -> None:
    ann = enlist(stores, "ann")
    code, visitor = code_now(ann), Visitor(url)
    visitor.give_password("ann")
    assert visitor.give_code(code).status == 303
    again = Visitor(url, "203.0.113.9")
    again.give_password("ann")
    assert [again.give_code(code).status for _ in range(12)] == [403] * 12
    found = accounts.find(roster_of(stores), ann.id)
    assert found
    assert found.wrong == 0
    assert again.give_code(code_now(ann, steps=1)).status == 303
    stale = seated(stores, url, found, stepped_up=900)
    assert [stale.post("/step-up", code=code).status for _ in range(12)] == [403] * 12


def test_wrong_passwords_and_wrong_codes_are_counted_together(stores: Stores) -> None:
    ann, roster = enlist(stores, "ann", wrong=TRIES - 1), roster_of(stores)
    assert let_halfway(roster, "ann", PASSWORD), "the right password alone forgives nothing"
    assert factor_given(roster, ann, "000000x") is None
    assert factor_given(roster, ann, code_now(ann)) is None, "it rests"


def test_the_right_code_forgives_what_was_wrong_before(stores: Stores) -> None:
    ann, roster = enlist(stores, "ann", wrong=TRIES - 1), roster_of(stores)
    assert factor_given(roster, ann, code_now(ann)) == "code"
    found = accounts.find(roster, ann.id)
    assert found
    assert found.wrong == 0


def test_who_goes_on_guessing_waits_twice_as_long_each_time(stores: Stores) -> None:
    account, now, rests = enlist(stores, "ann"), 1e9, []
    for _ in range(8 * TRIES):
        account, _ = tried_factor(account, "wrong", now)
        if account.is_resting(now):
            rests.append(account.rests_until - now)
            now = account.rests_until
    assert rests == [900, 1800, 3600, 7200, 14400, 28800, 28800, 28800]


def test_an_admin_lifts_the_rest(stores: Stores, url: str) -> None:
    boss = seated(stores, url, enlist(stores, "boss", Role.ADMIN))
    ann = enlist(stores, "ann", wrong=TRIES, rests_until=time.time() + 900)
    assert "rests until" in boss.get("/people").text
    assert "Let the person try again" in boss.get(f"/people/{ann.id}").text
    assert boss.post(f"/people/{ann.id}/unlock").place == "/people"
    assert Visitor(url).give_password("ann").status == 303


def test_a_recovery_code_stands_in_once(stores: Stores, url: str) -> None:
    papers = codes.new_recovery_codes()
    enlist(stores, "ann", recovery=tuple(map(codes.digest_of, papers)))
    for visitor, status in ((Visitor(url), 303), (Visitor(url), 403)):
        visitor.give_password("ann")
        assert visitor.give_code(papers[3].upper().replace("-", " ")).status == status
    assert acts(stores)[-2:] == [Act.RECOVERY_CODE_USED, Act.SIGNED_IN]


def test_who_tries_too_often_from_one_place_is_told_to_wait(stores: Stores, url: str) -> None:
    enlist(stores, "ann")
    visitor = Visitor(url, "198.51.100.7")
    answers = [visitor.post("/enrol", code="no such code") for _ in range(31)]
    assert [answer.status for answer in answers] == [403] * 30 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert visitor.give_password("ann").status == 429
    assert Visitor(url, "198.51.100.8").give_password("ann").status == 303


@pytest.mark.parametrize("path", ["/signin", "/signin/code", "/enrol", "/enrol/factor", "/signin/sso"])
def test_every_place_to_guess_at_counts_the_tries(path: str, stores: Stores, url: str) -> None:
    ann = enlist(stores, "ann")
    chosen = sessions.Enrolment("none", "x", "x")
    stage = {"/signin/code": Stage.HALFWAY, "/enrol/factor": Stage.ENROLLING}.get(path, Stage.IN)
    if stage is Stage.ENROLLING:
        ann = altered(stores, ann, enrol_code="none", enrol_until=time.time() + 60)
    session = sessions.begin(stores.state, "", stage, ann, enrolment=chosen)
    visitor = Visitor(url, "198.51.100.9", {sessions.COOKIE: session.id})
    for _ in range(BY_CLIENT.most):
        seconds_to_wait(stores.state, BY_CLIENT, stores.vault.pseudonyms(visitor.client)[0])
    assert visitor.post(path).status == 429


def test_wrong_passwords_from_everywhere_together_have_an_end(stores: Stores, url: str) -> None:
    ann, owner, name = enlist(stores, "ann"), Visitor(url), stores.vault.pseudonyms(EVERYBODY)[0]
    owner.give_password("ann")
    owner.give_code(code_now(ann))
    held = {KNOWN: owner.cookies[KNOWN]}
    for _ in range(WRONG.most - 1):
        seconds_to_wait(stores.state, WRONG, name)
    answers = [Visitor(url, f"198.51.100.{n}").give_password("nobody", "x") for n in range(3)]
    assert [answer.status for answer in answers] == [403, 503, 503]
    assert 0 < int(answers[-1].headers["retry-after"]) <= WRONG.seconds
    assert Visitor(url, "198.51.100.9", held).give_password("ann").status == 303, "whose browser is known"


def test_a_password_kept_under_older_parameters_is_kept_under_todays(stores: Stores) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    ann, roster = enlist(stores, "ann", password=old), roster_of(stores)
    assert let_halfway(roster, "ann", PASSWORD)
    found = accounts.find(roster, ann.id)
    assert found
    assert not passwords.is_outdated(found.password)
    assert let_halfway(roster, "ann", PASSWORD)


def test_without_an_audit_log_nobody_is_let_in(stores: Stores, url: str) -> None:
    ann = enlist(stores, "ann")
    visitor = Visitor(url)
    visitor.give_password("ann")
    stores.state.set("audit:broken", "damaged")
    answer = visitor.give_code(code_now(ann))
    assert (answer.status, "audit log" in answer.text) == (503, True)
    assert visitor.get("/people").place == "/signin/code"


def test_refused_tries_leave_no_trace_in_the_audit_log(stores: Stores, url: str) -> None:
    enlist(stores, "ann")
    before = acts(stores)
    visitor = Visitor(url)
    visitor.give_password("ann", "some other words")
    visitor.give_password("nobody")
    visitor.give_password("ann")
    visitor.give_code("123456")
    assert acts(stores) == before


def test_the_store_shows_no_name_password_secret_or_code(stores: Stores, url: str) -> None:
    ann = enlist(stores, "anneliese", recovery=tuple(map(codes.digest_of, codes.new_recovery_codes())))
    visitor = Visitor(url)
    visitor.give_password("anneliese")
    visitor.give_code(code_now(ann))
    held = everything(stores.state)
    for secret in ("anneliese", ann.secret, ann.password, visitor.session, *ann.recovery):
        assert secret.encode() not in held


def test_signing_out_ends_the_session(stores: Stores, url: str) -> None:
    boss = seated(stores, url, enlist(stores, "boss", Role.ADMIN))
    assert boss.get("/people").status == 200
    assert boss.post("/signout").place == "/signin"
    assert boss.get("/people").place == "/signin"


def test_who_has_signed_in_is_led_on_from_the_pages_of_signing_in(stores: Stores, url: str) -> None:
    boss = seated(stores, url, enlist(stores, "boss", Role.ADMIN))
    assert boss.get("/signin").place == "/"
    assert boss.get("/signin/code").place == "/"


def test_a_half_signed_in_session_ends_after_five_minutes(stores: Stores, url: str) -> None:
    seated(stores, url, enlist(stores, "ann"), Stage.HALFWAY)
    (name,) = stores.state.scan_iter("staff:session:*")
    assert 290 < stores.state.ttl(name) <= 300


def test_the_window_of_a_code_is_one_step_to_each_side() -> None:
    assert STEP_SECONDS == 30
    assert re.fullmatch(r"[a-z2-7]{4}(-[a-z2-7]{4}){3}", codes.new_recovery_codes()[0])
    assert shown_in("x=1", r"x=(\d)") == "1"
