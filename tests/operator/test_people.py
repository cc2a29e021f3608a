import time

import pytest
from front_desk import Visitor, altered, code_now, enlist, roster_of, seated, shown_in
from vaults import fixed_vault

from app.stores import Stores
from jobs import audit
from jobs.audit import TERMINAL, Act, staff
from web.operator import accounts, members
from web.operator import session as sessions
from web.operator.accounts import UNUSED_SECONDS, Roster, Unreadable
from web.operator.members import NoSuchMember
from web.operator.rights import STEP_UP_SECONDS, Role
from web.operator.trying import let_halfway

STALE = STEP_UP_SECONDS + 60


def test_an_admin_adds_a_person_who_is_shown_the_code_once(stores: Stores, url: str) -> None:
    boss = seated(stores, url, enlist(stores, "boss", Role.ADMIN))
    answer = boss.post("/people", name="eve@example.org", role="operator")
    code = shown_in(answer.text, r"<code>([a-z2-7-]{39})</code>")
    assert Visitor(url).post("/enrol", code=code).place == "/enrol/password"
    page = boss.get("/people").text
    assert "eve@example.org" in page
    assert code not in page


def test_what_is_done_with_members_is_told_to_the_audit_log_by_opaque_names(stores: Stores, url: str) -> None:
    account, ann = enlist(stores, "boss", Role.ADMIN), enlist(stores, "ann")
    boss = seated(stores, url, account)
    boss.post(f"/people/{ann.id}/role", role="viewer")
    boss.post(f"/people/{ann.id}/unlock")
    boss.post(f"/people/{ann.id}/reset")
    boss.post(f"/people/{ann.id}/remove")
    told = [(entry.actor, entry.act, entry.migration, entry.code) for entry in audit.latest(stores.state, 4)]
    assert told == [
        (staff(account.id), Act.MEMBER_ROLE_CHANGED, ann.id, "viewer"),
        (staff(account.id), Act.MEMBER_FREED, ann.id, ""),
        (staff(account.id), Act.MEMBER_RESET, ann.id, ""),
        (staff(account.id), Act.MEMBER_REMOVED, ann.id, ""),
    ]


def test_without_an_audit_log_nothing_is_done(stores: Stores, url: str) -> None:
    boss, ann = seated(stores, url, enlist(stores, "boss", Role.ADMIN)), enlist(stores, "ann")
    stores.state.set("audit:broken", "damaged")
    for act in ("role", "reset", "remove"):
        assert boss.post(f"/people/{ann.id}/{act}", role="admin").status == 503
    assert boss.post("/people", name="eve", role="admin").status == 503
    assert accounts.find(roster_of(stores), ann.id) == ann
    assert accounts.by_sign(roster_of(stores), accounts.local("eve")) is None


def test_another_role_holds_at_once_and_is_signed_in_for_anew(stores: Stores, url: str) -> None:
    boss, ann = seated(stores, url, enlist(stores, "boss", Role.ADMIN)), enlist(stores, "ann", Role.ADMIN)
    visitor = seated(stores, url, ann)
    assert visitor.get("/people").status == 200
    boss.post(f"/people/{ann.id}/role", role="viewer")
    assert visitor.get("/people").place == "/signin"
    assert seated(stores, url, altered(stores, ann)).get("/people").status == 403


def test_who_is_removed_is_out_at_once(stores: Stores, url: str) -> None:
    boss, ann = seated(stores, url, enlist(stores, "boss", Role.ADMIN)), enlist(stores, "ann", Role.ADMIN)
    visitor = seated(stores, url, ann)
    boss.post(f"/people/{ann.id}/remove")
    assert visitor.get("/people").place == "/signin"
    assert Visitor(url).give_password("ann").status == 403
    assert boss.get(f"/people/{ann.id}").status == 404


@pytest.mark.parametrize("act", ["role", "reset", "remove"])
def test_what_is_taken_from_somebody_is_on_the_disk_when_the_admin_is_told(act: str, stores: Stores, url: str) -> None:
    boss, ann = seated(stores, url, enlist(stores, "boss", Role.ADMIN)), enlist(stores, "ann")
    stores.state.config_resetstat()
    boss.post(f"/people/{ann.id}/{act}", role="viewer")
    counted = stores.state.info("commandstats")
    assert isinstance(counted, dict)
    assert counted["cmdstat_waitaof"]["calls"] > 0


def test_nobody_changes_or_removes_himself(stores: Stores, url: str) -> None:
    account = enlist(stores, "boss", Role.ADMIN)
    boss = seated(stores, url, account)
    for act in ("role", "reset", "unlock", "remove"):
        assert boss.post(f"/people/{account.id}/{act}", role="viewer").status == 409
    assert accounts.find(roster_of(stores), account.id) == account


def test_a_name_is_taken_once_whatever_its_capitals(stores: Stores, url: str) -> None:
    boss = seated(stores, url, enlist(stores, "boss", Role.ADMIN))
    enlist(stores, "ann")
    for name in ("Ann", "", "two words", "<b>", "-x", "a" * 65):
        assert boss.post("/people", name=name, role="viewer").status == 422
    assert boss.post("/people", name="eve", role="emperor").status == 422
    boss.post(f"/people/{accounts.everybody(roster_of(stores))[0][0].id}/remove")
    assert boss.post("/people", name="ann", role="viewer").status == 200, "free again"


def test_of_two_who_add_the_same_name_one_does(stores: Stores) -> None:
    roster = roster_of(stores)
    accounts.add(roster, accounts.new("ann", Role.VIEWER, "local"), accounts.local("ann"))
    with pytest.raises(accounts.NameTaken):
        accounts.add(roster, accounts.new("Ann", Role.ADMIN, "local"), accounts.local("Ann"))
    assert [account.role for account in accounts.everybody(roster)[0]] == [Role.VIEWER]


def test_what_is_done_with_somebody_who_is_gone_meanwhile_brings_nobody_back(stores: Stores) -> None:
    roster, ann = roster_of(stores), enlist(stores, "ann")
    stores.state.delete(f"staff:account:{ann.id}")
    assert accounts.change(roster, ann.id, lambda one: (one, True)) is None
    with pytest.raises(NoSuchMember):
        members.set_role(roster, TERMINAL, ann.id, Role.ADMIN)
    assert accounts.everybody(roster) == ([], [])
    assert stores.state.smembers("staff:all") == set()
    assert not stores.state.exists(f"staff:account:{ann.id}")


def test_a_stale_second_factor_leads_to_stepping_up_and_back_and_nothing_is_done(stores: Stores, url: str) -> None:
    account, ann = enlist(stores, "boss", Role.ADMIN), enlist(stores, "ann")
    boss = seated(stores, url, account, stepped_up=STALE)
    place = boss.post(f"/people/{ann.id}/remove").place
    assert place == f"/step-up?back=%2Fpeople%2F{ann.id}"
    page, before = boss.get(place), boss.session
    assert f'name="back" value="/people/{ann.id}"' in page.text
    assert boss.post("/step-up", code="123456", back=f"/people/{ann.id}").status == 403
    assert boss.post("/step-up", code=code_now(account), back=f"/people/{ann.id}").place == f"/people/{ann.id}"
    assert accounts.find(roster_of(stores), ann.id), "the person presses again"
    assert boss.session != before
    assert Visitor(url, cookies={"__Host-operator": before}).get("/people").place == "/signin"
    assert boss.post(f"/people/{ann.id}/remove").place == "/people"
    assert audit.latest(stores.state, 2)[0].act == Act.STEPPED_UP


def test_a_form_says_itself_where_to_come_back_to(stores: Stores, url: str) -> None:
    boss = seated(stores, url, enlist(stores, "boss", Role.ADMIN), stepped_up=STALE)
    assert (
        boss.post("/people", name="eve", back="/imports?state=failed").place
        == "/step-up?back=%2Fimports%3Fstate%3Dfailed"
    )


def test_stepping_up_leads_to_no_place_but_the_consoles_own(stores: Stores, url: str) -> None:
    account = enlist(stores, "boss", Role.ADMIN)
    for place in (
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/\n/evil",
        "javascript:alert(1)",
        "",
        "/@x",
    ):
        altered(stores, account, step=0)
        boss = seated(stores, url, account)
        assert boss.post("/step-up", code=code_now(account), back=place).place == "/"


def test_after_ten_wrong_codes_of_stepping_up_the_right_one_has_to_wait(stores: Stores, url: str) -> None:
    account = enlist(stores, "boss", Role.ADMIN)
    boss = seated(stores, url, account, stepped_up=STALE)
    assert [boss.post("/step-up", code="12345x").status for _ in range(10)] == [403] * 10
    assert boss.post("/step-up", code=code_now(account)).status == 429
    assert boss.get("/people").status == 200, "the session goes on; no act is possible in it"


def test_a_page_that_asks_by_itself_does_not_put_off_the_sessions_end(stores: Stores, url: str) -> None:
    visitor = seated(stores, url, enlist(stores, "ann"))
    (name,) = stores.state.scan_iter("staff:session:*")
    stores.state.expire(name, 100)
    assert visitor.get("/overview/live").status == 200
    assert stores.state.ttl(name) <= 100
    assert visitor.get("/step-up").status == 200
    assert stores.state.ttl(name) > 800


def test_no_session_lasts_longer_than_eight_hours(stores: Stores, url: str) -> None:
    ann = enlist(stores, "ann")
    session = sessions.begin(stores.state, "", sessions.Stage.IN, ann)
    assert (sessions.IDLE_SECONDS, sessions.LONGEST_SECONDS) == (900, 28_800)
    now = time.time()
    assert sessions.find(stores.state, session.id, now=now + 28_700)
    (name,) = stores.state.scan_iter("staff:session:*")
    assert stores.state.ttl(name) <= 101
    for quiet in (True, False):
        assert sessions.find(stores.state, session.id, now=now + 28_801, quiet=quiet) is None
    assert url


def test_an_account_that_nobody_uses_is_gone_after_half_a_year(stores: Stores, url: str) -> None:
    ann = enlist(stores, "ann")
    names = [f"staff:account:{ann.id}", "staff:all", *(key.decode() for key in stores.state.scan_iter("staff:name:*"))]
    for name in names:
        stores.state.expire(name, 1000)
    let_halfway(roster_of(stores), "ann", "some other words")
    assert max(stores.state.ttl(name) for name in names) <= 1000, "guessing keeps no account"
    visitor = Visitor(url)
    visitor.give_password("ann")
    visitor.give_code(code_now(ann))
    assert min(stores.state.ttl(name) for name in names) > UNUSED_SECONDS - 60


def test_after_a_rotation_of_the_master_key_an_account_goes_over_to_the_new_one_by_signing_in(stores: Stores) -> None:
    ann = enlist(stores, "ann")
    old, new = {"old": bytes(32)}, {"new": bytes([1]) * 32}
    before, both, after = (Roster(stores.state, fixed_vault(stores.keys, **keys)) for keys in (old, new | old, new))
    accounts.remove(roster_of(stores), ann.id)
    accounts.add(before, ann, accounts.local("ann"))
    stays = accounts.new("bob", Role.VIEWER, "local")
    accounts.add(before, stays, accounts.local("bob"))
    assert let_halfway(both, "ann", "some words that rest here")
    accounts.used(both, ann, accounts.local("ann"), time.time())
    assert let_halfway(after, "ann", "some words that rest here")
    found, unreadable = accounts.everybody(after)
    assert [account.name for account in found] == ["ann"]
    assert unreadable == [stays.id]
    assert let_halfway(after, "bob", "some words that rest here") is None
    with pytest.raises(Unreadable):
        accounts.find(after, stays.id)
    accounts.remove(after, stays.id)
    assert accounts.everybody(after)[1] == []


def test_an_account_that_cannot_be_read_is_told_to_the_admin(stores: Stores, url: str) -> None:
    boss, ann = seated(stores, url, enlist(stores, "boss", Role.ADMIN)), enlist(stores, "ann")
    visitor = seated(stores, url, ann)
    stores.state.set(f"staff:account:{ann.id}", b"k0:nonsense", keepttl=True)
    assert "master key that is gone" in boss.get("/people").text
    assert boss.get(f"/people/{ann.id}").status == 409
    assert visitor.get("/step-up").place == "/signin"
    assert Visitor(url).give_password("ann").status == 403
    assert boss.post(f"/people/{ann.id}/remove").place == "/people"
