"""The console's pages about imports over real HTTP: what they say first, what they do, and what they refuse."""

import html
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from audit_chains import KEY, chain, lay
from audit_keeping import keep
from browser import Answer
from consents import stores_in
from front_desk import Visitor, config_of, enlist, open_console, seated
from night import NAMES, Night, populate

from app.stores import Stores
from jobs import audit, permission, requests
from jobs.audit import CUSTOMER, Act, Shelf
from jobs.audit.keeper import Keeper, locked
from jobs.audit.places import OPEN
from jobs.migration import State, part_key
from jobs.permission import Field
from jobs.slice import failed
from migrator.outcome import Mark
from web.operator.rights import Role


@dataclass(frozen=True)
class Desk:
    """A console that has just been started, an operator at it, and what lies in its stores."""

    stores: Stores
    url: str
    ann: Visitor
    night: Night

    def page(self, path: str) -> str:
        answer = self.ann.get(path)
        assert answer.status == 200, answer
        return html.unescape(re.sub(r"\s+", " ", answer.text))

    def acts(self, migration: str) -> list[tuple[bool, str, str]]:
        """Return whether it was the staff, what was done, and to what, without the customer's start."""
        found = audit.entries(self.stores.state, migration)
        return [(e.actor.is_staff, str(e.act), e.code) for e in found if e.act is not Act.STARTED]

    def another(self, role: Role, stepped_up: float = 0.0) -> Visitor:
        member = enlist(self.stores, f"{role}-{stepped_up:.0f}", role)
        return seated(self.stores, self.url, member, stepped_up=stepped_up)


@pytest.fixture
def desk(stores: Stores, tmp_path: Path) -> Iterator[Desk]:
    """A console of its own for each test: what it has seen a moment ago is of that test's stores."""
    config = config_of(stores, tmp_path)
    there = config.mailbox.model_copy(update={"host": "imap.example.net"})
    with open_console(config.model_copy(update={"mailbox": there}), stores) as url:
        yield Desk(stores, url, seated(stores, url, enlist(stores, "ann")), Night(stores.state))


def refused(desk: Desk, ago: float = 3600) -> str:
    return desk.night.step(desk.night.copying(ago), failed("login-refused", resumable=True), ago / 2)


def break_audit_log(stores: Stores) -> None:
    """Have it as the keeper leaves it when nothing can be appended any more."""
    stores.state.set("audit:broken", "0" * 64 + " {}", ex=60)


def test_what_needs_a_person_comes_first_the_gravest_on_top(desk: Desk) -> None:
    populate(desk.night)
    page = desk.page("/")
    needs = re.findall(r'<li class="(grave|mild)"> <a href="([^"]*)">([^<]*)</a> <p>([^<]*)</p>', page)
    assert [row[0] for row in needs] == ["grave", "grave", "mild", "mild"]
    assert needs[0][1:3] == ("/imports?state=failed&code=login-refused", "2 imports stopped: login-refused")
    assert "resume" in needs[0][3]
    assert page.index("What needs you") < page.index("Queue") < page.index("Workers")


def test_when_nothing_is_wrong_it_says_so(desk: Desk) -> None:
    desk.night.worker("a1" * 8)
    assert "Nothing. Everything goes on by itself." in desk.page("/")


def test_work_without_a_living_worker_is_said_before_all_else(desk: Desk) -> None:
    desk.night.made()
    desk.night.worker("a1" * 8, ago=600)
    page = desk.page("/")
    assert "No worker is alive, and 1 import is not at the end" in page
    assert "10 min ago: not alive" in page


def test_a_worker_that_cannot_start_processes_is_said(desk: Desk) -> None:
    desk.night.worker("a1" * 8)
    desk.night.worker("b1" * 8, busy=0, trouble="no-process")
    page = desk.page("/")
    assert "1 worker cannot start processes, on worker-b.example" in page
    assert "ago: cannot start processes (no-process)" in page


def test_work_that_waits_too_long_for_a_slice_is_said(desk: Desk) -> None:
    desk.night.made(ago=1_200)
    desk.night.worker("a1" * 8)
    assert "1 import waits for a slice, the longest 20 min" in desk.page("/")


def test_the_charts_are_told_in_words_and_numbers_too(desk: Desk) -> None:
    populate(desk.night)
    page = desk.page("/")
    assert page.count("<svg") == page.count("<title id=") == page.count("<desc id=") >= 3
    assert 'aria-labelledby="messages-title messages-desc"' in page
    assert re.search(r"<tr><th scope=\"row\">\d\d:\d\d</th><td>\d{3}</td><td>\d0</td>", page)


def test_the_list_finds_by_state_age_code_and_mail_server(desk: Desk) -> None:
    ids = populate(desk.night)

    def listed(query: str) -> set[str]:
        rows = set(re.findall(r'href="/imports/([0-9a-f]{32})"', desk.page(f"/imports?{query}")))
        return {name for name, one in ids.items() if one in rows}

    assert listed("state=failed") == {"refused", "refused too", "hopeless"}
    assert listed("state=failed&state=paused&code=login-refused") == {"refused", "refused too"}
    assert listed("older=2h&state=paused") == {"reconnect"}
    assert listed("host=imap.example.net") == set(ids)
    assert listed("host=imap.elsewhere.example") == set()
    assert "'b' is no condition" in desk.page("/imports?host=a+b")
    assert "write 30m, 2h or 3d" in desk.page("/imports?older=soon")


def test_the_list_comes_in_pages_of_fifty(desk: Desk) -> None:
    for number in range(51):
        requests.create(desk.stores.state, f"c{number}", now=desk.night.now - 100 + number)
    first, second = desk.page("/imports"), desk.page("/imports?page=2")
    assert [page.count('<input type="checkbox" id="id-') for page in (first, second)] == [50, 1]
    assert "Page 1 of 2" in first
    assert "c50" in second


def test_many_are_resumed_after_a_page_that_says_what_will_happen(desk: Desk) -> None:
    populate(desk.night)
    asked = desk.page("/imports/bulk?what=resume&which=all&state=failed")
    assert "Resume 2 imports?" in asked
    assert "These are left as they are" in asked  # the one that failed for good
    ids = re.search(r'name="ids" value="([0-9a-f ]*)"', asked)
    assert ids
    done = desk.ann.post("/imports/bulk", what="resume", ids=f"{ids[1]} {'f' * 32}")
    assert "Resume: done for 2 imports" in done.text
    assert "There is no such import any more." in done.text
    assert {requests.read(desk.stores.state, one).state for one in ids[1].split()} == {State.COPYING}
    assert all((True, "resumed", "") in desk.acts(one) for one in ids[1].split())


def test_an_act_for_thousands_fits_into_one_form(desk: Desk) -> None:
    ids = " ".join(f"{number:032x}" for number in range(10_000))
    answer = desk.ann.post("/imports/bulk", what="resume", ids=ids)
    assert (answer.status, "Left out: 10,000 imports" in answer.text) == (200, True)


def test_ticked_ones_alone_are_meant_unless_all_are_chosen(desk: Desk) -> None:
    one, other = refused(desk), refused(desk)
    assert "Cancel 1 import?" in desk.page(f"/imports/bulk?what=cancel&id={one}&state=failed")
    assert "No import was ticked" in desk.page("/imports/bulk?what=cancel&state=failed")
    assert other not in desk.page(f"/imports/bulk?what=cancel&id={one}")


@pytest.mark.parametrize(
    ("what", "after", "act"),
    [
        ("resume", State.COPYING, "resumed"),
        ("cancel", State.FINISHING, "cancelled"),
        ("expire", State.FINISHING, "expired"),
    ],
)
def test_an_act_is_done_once_the_audit_log_knows(desk: Desk, what: str, after: State, act: str) -> None:
    migration = refused(desk)
    answer = desk.ann.post(f"/imports/{migration}/act", what=what)
    assert (answer.status, answer.place) == (303, f"/imports/{migration}")
    assert requests.read(desk.stores.state, migration).state is after
    assert (True, act, "") in desk.acts(migration)


def test_an_act_that_cannot_be_written_down_is_not_done(desk: Desk) -> None:
    migration = refused(desk)
    break_audit_log(desk.stores)
    answer = desk.ann.post(f"/imports/{migration}/act", what="resume")
    assert (answer.status, "nothing is done unlogged" in answer.text) == (503, True)
    bulk = desk.ann.post("/imports/bulk", what="resume", ids=migration)
    assert "The audit log is damaged, so nothing is done" in bulk.text
    assert requests.read(desk.stores.state, migration).state is State.FAILED
    assert "The audit log is damaged" in desk.page("/")


def test_a_look_at_an_import_that_cannot_be_written_down_shows_nothing(desk: Desk) -> None:
    migration = refused(desk)
    break_audit_log(desk.stores)
    answer = desk.ann.get(f"/imports/{migration}")
    assert answer.status == 503
    assert "login-refused" not in answer.text


def test_opening_an_import_is_written_down_once_for_each_member(desk: Desk) -> None:
    migration = refused(desk)
    for visitor in (desk.ann, desk.ann, desk.another(Role.VIEWER)):
        assert visitor.get(f"/imports/{migration}").status == 200
    assert desk.acts(migration) == [(True, "looked", ""), (True, "looked", "")]


def test_a_viewer_sees_no_buttons(desk: Desk) -> None:
    migration = refused(desk)
    permission.give(desk.stores.state, migration, Field)
    page = desk.another(Role.VIEWER).get(f"/imports/{migration}").text
    assert "login-refused" in page
    assert re.findall(r'<form [^>]*action="([^"]*)"', page) == ["/signout"]


def test_an_act_whose_second_factor_is_stale_is_not_done(desk: Desk) -> None:
    migration = refused(desk)
    answer = desk.another(Role.OPERATOR, stepped_up=301).post(f"/imports/{migration}/act", what="resume")
    assert answer.place.startswith("/step-up?")
    assert migration in answer.place
    assert requests.read(desk.stores.state, migration).state is State.FAILED


def test_without_permission_no_name_no_sum_by_outcome_no_word_and_no_history(desk: Desk) -> None:
    migration = copied(desk)
    for page in (desk.page(f"/imports/{migration}"), desk.ann.post(f"/imports/{migration}/look").text):
        assert "Grandma" not in page
        assert "Bills" not in page
        assert "skipped" not in page
        assert "bare newlines" not in page
        assert not re.search(r"<ol class=\"changes\">\s*<li", page)
        assert [name for name in ("Inbox", "Sent", "Archive", "2 further folders") if name not in page] == []
    assert not [act for act in desk.acts(migration) if act[1] == "permission-used"]


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        (Field.FOLDER_NAMES, "Grandma"),
        (Field.REPORT, "skipped (spam)"),
        (Field.FAILURE_WORDS, "bare newlines"),
        (Field.HISTORY, 'class="changes"'),
    ],
)
def test_what_the_customer_allows_is_shown_and_nothing_else_and_written_down_before(
    desk: Desk, field: Field, shown: str
) -> None:
    migration = copied(desk)
    permission.give(desk.stores.state, migration, [field])
    assert shown not in desk.page(f"/imports/{migration}")
    page = desk.ann.post(f"/imports/{migration}/look").text
    words = ("Grandma", "skipped (spam)", "bare newlines", 'class="changes"')
    assert [word for word in words if word in page] == [shown]
    assert desk.acts(migration)[-1] == (True, "permission-used", field)


def copied(desk: Desk) -> str:
    migration = desk.night.copying()
    marks = {Mark.COPIED: 90, Mark.SKIPPED_SPAM: 8, Mark.FAILED_REFUSED: 2}
    desk.night.filed(migration, dict(zip(NAMES, (30, 20, 10, 20, 9, 1), strict=True)), marks)
    reasons = part_key(migration, "reasons")
    desk.stores.state.hset(reasons, mapping={"98": "bare-newlines", "99": "bare-newlines"})
    desk.stores.state.expire(reasons, 3600)
    return migration


def test_the_customer_is_asked_answers_and_the_case_is_resolved(desk: Desk) -> None:
    migration, state = copied(desk), desk.stores.state
    place = f"/imports/{migration}"
    assert desk.ann.post(f"{place}/ask", field="folder-names").place == place
    assert "and has not answered" in desk.page(place)
    assert desk.acts(migration)[0] == (True, "permission-asked", "")
    permission.give(state, migration, [Field.FOLDER_NAMES])
    page = desk.page(place)
    assert re.search(r"He lets you see more for another <strong>(23 h 59 min|1 d)</strong>", page)
    assert "has not answered" not in page
    assert desk.ann.post(f"{place}/resolve").place == place
    assert permission.held(state, migration) is None
    assert desk.acts(migration)[-1] == (True, "permission-ended", "")


def test_the_audit_log_is_searched_the_newest_first(desk: Desk, tmp_path: Path) -> None:
    migration = refused(desk)
    desk.ann.post(f"/imports/{migration}/act", what="resume")
    for number in range(60):
        audit.append(desk.stores.state, CUSTOMER, Act.PAUSED, f"{number:032x}")
    assert "has not been verified yet" in desk.page("/audit")
    keep(desk.stores.state, tmp_path)
    page = desk.page("/audit")
    assert "Whole." in page
    numbers = [int(found.replace(",", "")) for found in re.findall(r'<th scope="row">([\d,]+)</th>', page)]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == 50
    older = re.search(r'href="/audit\?([^"]*before=\d+)"', page)
    assert older
    assert len(re.findall(r'<th scope="row">', desk.page(f"/audit?{older[1]}"))) == numbers[-1] - 1
    assert len(re.findall(r'<th scope="row">', desk.page(f"/audit?migration={migration[:10]}&actor=staff"))) == 1
    today = time.strftime("%Y-%m-%d", time.gmtime())
    assert len(re.findall(r'<th scope="row">', desk.page(f"/audit?act=resumed&day={today}"))) == 1
    assert "No entry was found" in desk.page("/audit?day=2020-01-01")
    assert "There is no such act" in desk.page("/audit?act=eaten")


def test_a_broken_chain_is_red_with_the_number_of_the_entry_and_what_to_do(desk: Desk, tmp_path: Path) -> None:
    for number in range(5):
        audit.append(desk.stores.state, CUSTOMER, Act.PAUSED, f"{number:032x}")
    keep(desk.stores.state, tmp_path)
    line = desk.stores.state.lindex(OPEN, 2)
    desk.stores.state.lset(OPEN, 2, line.replace(b"paused", b"resumed"))
    keep(desk.stores.state, tmp_path)
    page = desk.page("/audit")
    assert "Damaged: 1 flaw" in page
    assert "Entry 3 was altered." in page
    assert "Keep a copy of the state store now" in page
    assert "An entry could not be read" in page


def test_verifying_asks_the_keeper_and_is_written_down(desk: Desk, tmp_path: Path) -> None:
    state = desk.stores.state
    with locked(tmp_path):
        keeper = Keeper(state, tmp_path, KEY)
        assert keeper.look()
        assert keeper.look() is None
        assert desk.ann.post("/audit/verify").place == "/audit"
        assert keeper.look()
        assert [entry.act for entry in audit.entries(state)][-1] == Act.VERIFYING
        break_audit_log(desk.stores)
        assert desk.ann.post("/audit/verify").place == "/audit"
        state.delete("audit:open")
        keeper.look()
        assert "Damaged" in desk.page("/audit")


def test_closed_days_are_searched_with_the_rest(desk: Desk, tmp_path: Path) -> None:
    now, folder = int(time.time()), tmp_path / "audit"
    lay(desk.stores.state, chain([now - 86400 * 2] * 3 + [now] * 2))
    keep(desk.stores.state, folder)
    assert Shelf(folder).files()
    assert len(re.findall(r'<th scope="row">', desk.page("/audit"))) == 6  # and the one of the member who looks
    day = time.strftime("%Y-%m-%d", time.gmtime(now - 86400 * 2))
    assert len(re.findall(r'<th scope="row">', desk.page(f"/audit?day={day}"))) == 3
    assert len(re.findall(r'<th scope="row">', desk.page("/audit?before=3"))) == 2


def test_what_is_held_is_counted_and_what_ought_not_to_be_is_marked(desk: Desk) -> None:
    populate(desk.night)
    desk.stores.state.set("nobody:wrote:this:down", "x")
    page = desk.page("/data")
    assert '<p class="mark bad"><strong>1</strong> keys outside the table' in page
    assert '<p class="mark bad"><strong>1</strong> keys without an end' in page
    assert re.search(
        r"ids of all migrations and when to end or purge them <code>jobs:ends</code></th><td>1</td><td>1</td>", page
    )
    desk.stores.state.delete("nobody:wrote:this:down")


def test_live_parts_are_looked_for_once_for_all_screens(desk: Desk) -> None:
    desk.night.made()
    desk.stores.state.config_resetstat()
    for visitor in (desk.ann, desk.ann, desk.another(Role.VIEWER)):
        assert visitor.get("/overview/live", HX_Request="true").status == 200
    assert desk.stores.state.info("commandstats")["cmdstat_zcount"]["calls"] == 1


@pytest.mark.parametrize("path", ["/imports/nothing", f"/imports/{'f' * 32}", f"/imports/{'f' * 32}/live"])
def test_an_import_that_is_gone_is_not_found(desk: Desk, path: str) -> None:
    answer: Answer = desk.ann.get(path)
    assert answer.status in {404, 422}
    assert "<h1>" in answer.text


def test_without_its_store_the_console_says_so(tmp_path: Path) -> None:
    with stores_in(tmp_path) as stores, open_console(config_of(stores, tmp_path), stores) as url:
        ann = seated(stores, url, enlist(stores, "ann"))
        stores.state.shutdown(nosave=True)
        answer = ann.get("/")
    assert answer.status == 503
    assert "The store is busy, please try again" in answer.text
