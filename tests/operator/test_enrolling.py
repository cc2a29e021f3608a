import re
import time

import pytest
from front_desk import PASSWORD, Visitor, altered, enlist, roster_of, shown_in
from pyotp import TOTP

from app.stores import Stores
from jobs import audit
from jobs.audit import TERMINAL, Act
from web.operator import accounts, members, passwords
from web.operator.account import Account
from web.operator.account import enrolled as enrolled_by
from web.operator.codes import digest_of
from web.operator.rights import Role
from web.operator.timecodes import STEP_SECONDS, new_secret, step_of


def invited(stores: Stores, name: str = "ann", role: Role = Role.ADMIN) -> tuple[str, str]:
    """Add somebody; return his id and his code."""
    code = members.add(roster_of(stores), TERMINAL, name, role)
    return account_of(stores, name).id, code


def account_of(stores: Stores, name: str = "ann") -> Account:
    account = accounts.by_sign(roster_of(stores), accounts.local(name))
    assert account
    return account


def secret_on(visitor: Visitor) -> str:
    return shown_in(visitor.get("/enrol/factor").text, r"<code>([A-Z2-7 ]+)</code>").replace(" ", "")


def until_the_factor(visitor: Visitor, code: str, password: str = PASSWORD) -> str:
    """Go as far as the second factor; return its secret."""
    assert visitor.post("/enrol", code=code).place == "/enrol/password"
    assert visitor.post("/enrol/password", password=password, again=password).place == "/enrol/factor"
    return secret_on(visitor)


def enrolled(url: str, code: str) -> tuple[Visitor, str, list[str]]:
    """Enrol; return the browser, the secret and the recovery codes."""
    visitor = Visitor(url)
    secret = until_the_factor(visitor, code)
    answer = visitor.post("/enrol/factor", code=TOTP(secret).now())
    assert answer.status == 200, answer.text
    return visitor, secret, re.findall(r"<code>([a-z2-7-]+)</code>", answer.text)


def test_a_code_leads_to_password_second_factor_and_recovery_codes(stores: Stores, url: str) -> None:
    member, code = invited(stores)
    visitor, secret, papers = enrolled(url, code)
    assert len(set(papers)) == 10
    assert visitor.get("/people").status == 200, "signed in"
    assert [entry.act for entry in audit.entries(stores.state)][-2:] == [Act.MEMBER_ENROLLED, Act.SIGNED_IN]
    assert {entry.migration for entry in audit.entries(stores.state) if entry.act in audit.OF_MEMBERS} == {member}
    again = Visitor(url)
    again.give_password("ann")
    step = account_of(stores).step
    assert again.give_code(TOTP(secret).at(step * STEP_SECONDS)).status == 403, "the code of enrolling is used"
    assert again.give_code(TOTP(secret).at((step + 1) * STEP_SECONDS)).place == "/"
    other = Visitor(url)
    other.give_password("ann")
    assert other.give_code(papers[0]).place == "/"


def test_looking_at_the_page_uses_nothing_up(stores: Stores, url: str) -> None:
    _, code = invited(stores)
    for _ in range(3):
        assert Visitor(url).get("/enrol").status == 200
        assert Visitor(url).post("/enrol", code=code).status == 303
    enrolled(url, code)


def test_a_code_enrols_once(stores: Stores, url: str) -> None:
    _, code = invited(stores)
    slow, slower = Visitor(url), Visitor(url)
    secret = until_the_factor(slow, code, "another password that rests")
    until_the_factor(slower, code)
    enrolled(url, code)
    kept = account_of(stores).password
    assert slow.post("/enrol/factor", code=TOTP(secret).now()).place == "/enrol"
    assert Visitor(url).post("/enrol", code=code).status == 403
    assert account_of(stores).password == kept


def test_of_two_who_enrol_at_once_by_one_code_one_gets_in(stores: Stores) -> None:
    member, code = invited(stores)
    roster, now = roster_of(stores), time.time()
    rules = [enrolled_by(digest_of(code), word, new_secret(), 1, (), word, now) for word in ("first", "second")]
    first, second = (accounts.change(roster, member, rule) for rule in rules)
    assert first
    assert second is None
    assert account_of(stores).password == "first"


def test_a_code_ends_after_a_day(stores: Stores, url: str) -> None:
    _, code = invited(stores)
    (name,) = stores.state.scan_iter("staff:enrol:*")
    assert 86_000 < stores.state.ttl(name) <= 86_400
    begun = Visitor(url)
    until_the_factor(begun, code)
    altered(stores, account_of(stores), enrol_until=time.time() - 1)
    assert Visitor(url).post("/enrol", code=code).status == 403
    assert begun.get("/enrol/factor").place == "/enrol"


def test_a_reset_voids_what_was_and_the_code_before(stores: Stores, url: str) -> None:
    member, first = invited(stores)
    second = members.reset(roster_of(stores), TERMINAL, member)
    assert Visitor(url).post("/enrol", code=first).status == 403
    visitor, _, papers = enrolled(url, second)
    third = members.reset(roster_of(stores), TERMINAL, member)
    assert visitor.get("/people").place == "/signin", "the session has ended"
    assert Visitor(url).give_password("ann").status == 403
    assert third not in papers
    enrolled(url, third)


def test_a_resting_account_rests_no_more_after_a_reset(stores: Stores, url: str) -> None:
    ann = enlist(stores, "ann", wrong=10, rests_until=time.time() + 900)
    enrolled(url, members.reset(roster_of(stores), TERMINAL, ann.id))
    assert Visitor(url).give_password("ann").status == 303


@pytest.mark.parametrize(
    ("password", "again", "why"),
    [
        ("short", "short", "12 characters or more"),
        ("a" * 13, "a" * 13, "too easy"),
        ("Ann is my own name", "Ann is my own name", "too easy"),
        (PASSWORD, f"{PASSWORD}!", "not the same"),
        ("", "", "12 characters or more"),
    ],
)
def test_a_password_that_will_not_do_is_refused_with_the_reason(
    password: str, again: str, why: str, stores: Stores, url: str
) -> None:
    _, code = invited(stores)
    visitor = Visitor(url)
    visitor.post("/enrol", code=code)
    answer = visitor.post("/enrol/password", password=password, again=again)
    assert (answer.status, why in answer.text) == (422, True)
    assert visitor.get("/enrol/factor").place == "/enrol/password"
    assert password == "" or password not in answer.text


def test_no_step_of_enrolling_is_left_out(stores: Stores, url: str) -> None:
    _, code = invited(stores)
    visitor = Visitor(url)
    assert visitor.post("/enrol/password", password=PASSWORD, again=PASSWORD).place == "/enrol"
    visitor.post("/enrol", code=code)
    assert visitor.get("/enrol/password").status == 200
    assert visitor.post("/enrol/factor", code="123456").place == "/enrol/password"


def test_a_code_for_an_account_that_cannot_be_read_is_refused(stores: Stores, url: str) -> None:
    member, code = invited(stores)
    stores.state.set(f"staff:account:{member}", b"k0:nonsense", keepttl=True)
    assert Visitor(url).post("/enrol", code=code).status == 403


def test_a_wrong_code_of_the_second_factor_enrols_nobody(stores: Stores, url: str) -> None:
    _, code = invited(stores)
    visitor = Visitor(url)
    secret = until_the_factor(visitor, code)
    assert visitor.post("/enrol/factor", code="12345x").status == 403
    assert not account_of(stores).is_enrolled
    assert secret_on(visitor) == secret, "the same secret, for the authenticator has it"


def test_the_picture_says_what_the_text_says(stores: Stores, url: str) -> None:
    _, code = invited(stores)
    visitor = Visitor(url)
    until_the_factor(visitor, code)
    page = visitor.get("/enrol/factor").text
    assert "<svg" in page
    assert "style=" not in page
    assert "<script" not in page


def test_the_session_gets_a_new_id_at_each_step(stores: Stores, url: str) -> None:
    _, code = invited(stores)
    visitor, ids = Visitor(url), []
    visitor.post("/enrol", code=code)
    ids.append(visitor.session)
    visitor.post("/enrol/password", password=PASSWORD, again=PASSWORD)
    ids.append(visitor.session)
    visitor.post("/enrol/factor", code=TOTP(secret_on(visitor)).now())
    ids.append(visitor.session)
    assert len(set(ids)) == 3


def test_passwords_that_look_alike_are_alike() -> None:
    known = passwords.hashed("Ångström und Wörter")
    assert passwords.fits(known, "Ångström und Wörter")
    assert not passwords.fits(known, "Angström und Wörter")
    assert not passwords.fits("", "the password of nobody")
    assert known.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_the_codes_are_those_of_rfc_6238() -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # the RFC's, appendix B, in base 32
    assert step_of(secret, "287082", 59, 0) == 1
    assert step_of(secret, "081 804", 1111111109, 0) == 1111111109 // 30
    assert step_of(secret, "287082", 59, 1) is None
    assert step_of(new_secret(), "٢٨٧٠٨٢", 59, 0) is None
