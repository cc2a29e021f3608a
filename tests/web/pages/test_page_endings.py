"""What the pages after the end say: of messages left behind, of access, of an undo, of data, of permissions."""

from dataclasses import replace

import pytest
from endings import ASKING, ENDED
from hypothesis import given
from hypothesis import strategies as st
from markup import parsed
from scenery import HOST, ID, NOW, migration, receipt, report

from jobs.kept import Sight, Until, Where
from jobs.migration import State
from jobs.notcopied import NotCopied
from jobs.overview import Holding
from jobs.permission import Field, Permission, Question, Use
from jobs.retention import KEPT
from jobs.undowish import Standing
from migrator.errors import MigrationError
from migrator.outcome import Mark
from migrator.undo import Undone
from web.rendering import render
from web.views import mydata
from web.views.done import Done, done, gmail_link
from web.views.permission import FIELDS, permission
from web.views.undo import stopped_by, undo
from web.views.whynot import why
from web.views.wording import plain

LEFT = [mark for mark in Mark if not mark.is_open and not mark.is_in_mailbox]
RECORD = migration(State.DONE, **ENDED)


def page(*rows: NotCopied, revocation: str = "confirmed", account: str = "") -> Done:
    return done(HOST, RECORD, report(), receipt(revocation), rows, NOW, account=account, undo=ASKING)


def test_failed_messages_are_links_into_ones_own_gmail() -> None:
    assert gmail_link("18c0ffee") == "https://mail.google.com/mail/u/0/#all/18c0ffee"
    assert gmail_link("a/../b?c#d", "a+b@gmail.com") == (
        "https://mail.google.com/mail/?authuser=a%2Bb%40gmail.com#all/a%2F..%2Fb%3Fc%23d"
    )
    (group,) = page(NotCopied(Mark.FAILED_REFUSED, "too-large", 1, ("18c0ffee",)), account="a@b.org").originals
    assert [link.url for link in group.originals] == ["https://mail.google.com/mail/?authuser=a%40b.org#all/18c0ffee"]


def test_a_long_list_says_how_many_it_leaves_out() -> None:
    (group,) = page(NotCopied(Mark.SKIPPED_SPAM, "", 1_204, ("1", "2", "3"))).originals
    assert (group.count, len(group.originals), group.more) == ("1,204 messages", 3, "and 1,201 messages more")


def test_links_are_numbered_through_so_that_each_has_a_name_of_its_own() -> None:
    rows = [NotCopied(mark, "", 2, ("1", "2")) for mark in LEFT]
    numbers = [link.number for group in page(*rows).originals for link in group.originals]
    assert numbers == list(range(1, 2 * len(LEFT) + 1))


def test_failures_stand_open_and_what_was_left_out_as_chosen_does_not() -> None:
    rows = [NotCopied(mark, "", 1, ("1",)) for mark in (Mark.FAILED_DAMAGED, Mark.SKIPPED_SPAM)]
    parts = parsed(render("done.html", page(*rows))).all("details")
    assert ["open" in part.attributes for part in parts][:2] == [True, False]


@pytest.mark.parametrize("mark", LEFT)
def test_every_outcome_that_is_no_copy_says_why(mark: Mark) -> None:
    assert why(mark)
    assert why(mark, "never-heard-of") == why(mark)


@pytest.mark.parametrize(
    ("revocation", "words"),
    [("confirmed", "removed at"), ("unconfirmed", "Please act"), ("nothing-held", "held no access")],
)
def test_the_page_says_of_access_what_the_receipt_says(revocation: str, words: str) -> None:
    view = page(revocation=revocation)
    assert view.removal is not None
    assert view.removal.outcome == revocation
    assert words in str(view.removal.words[0])


def test_without_a_receipt_nothing_is_said_of_it() -> None:
    view = done(HOST, migration(State.EXPIRED, **ENDED), report(), None, (), NOW)
    assert (view.removal, view.receipt) == (None, "")
    assert "/receipt" not in render("done.html", view)


def test_our_data_is_gone_a_day_after_the_end() -> None:
    view = done(HOST, migration(State.DONE, ended_at=NOW), report(), receipt(), (), NOW)
    assert 'datetime="2026-11-23T13:55:00+00:00"' in render("done.html", view)


@pytest.mark.parametrize(("offer", "forms"), [("offered", 1), ("asked", 0), ("", 0)])
def test_an_undo_is_offered_once_and_where_there_is_something_to_undo(offer: str, forms: int) -> None:
    view = replace(page(), undo=replace(ASKING, offer=offer))
    assert render("done.html", view).count(f'action="/imports/{ID}/undo"') == forms


def test_what_waits_for_nothing_is_asked_for_no_password() -> None:
    view = replace(page(), undo=replace(ASKING, asks=False))
    assert 'name="password"' not in render("done.html", view)


# --- undo -------------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_account_of_an_undo_adds_up(removed: int, changed: int, missing: int, refused: int) -> None:
    undone = Undone(removed=removed, changed=changed, missing=missing, refused=refused, finished=True)
    view = undo(HOST, ID, Standing("done", undone), removed + changed + missing + refused, ASKING)
    assert sum(int(row.count.replace(",", "")) for row in view.rows) == int(view.sum.replace(",", ""))
    assert [row.kind for row in view.rows] == ["removed", "changed", "missing", "refused"]


@pytest.mark.parametrize(("kind", "asks"), [("none", True), ("running", False), ("done", False), ("stopped", True)])
def test_an_undo_can_be_asked_for_when_none_runs_or_is_done(kind: str, asks: bool) -> None:  # noqa: FBT001
    view = undo(HOST, ID, Standing(kind, Undone()), 10, ASKING)  # type: ignore[arg-type]
    assert (view.asking is not None) == asks
    assert ("hx-get" in render("undo.html", view)) == (kind == "running")


@pytest.mark.parametrize("code", ["login-refused", "mailbox-unreachable", "other-mailbox", "certificate-invalid"])
def test_what_stops_an_undo_is_told_with_the_way_on(code: str) -> None:
    assert stopped_by(code)
    problem = undo(HOST, ID, Standing("stopped", Undone(), code), 10, ASKING).problem
    assert problem
    assert "{" not in problem


def test_what_stops_an_undo_for_a_reason_of_ours_can_be_gone_on_from() -> None:
    problem = undo(HOST, ID, Standing("stopped", Undone(removed=3), "child-killed"), 10, ASKING).problem
    assert "begins where it stopped" in problem


def test_every_code_that_stops_an_undo_is_one_that_is_raised() -> None:
    known = {kind.code for branch in MigrationError.__subclasses__() for kind in branch.__subclasses__()}
    told = {code for code in known if stopped_by(code)}
    assert {"login-refused", "mailbox-unreachable", "connection-lost", "folder-refused", "unknown-host"} <= told


# --- data and permission ----------------------------------------------------------------------------------------------


def test_every_place_and_every_reader_has_words_for_customers() -> None:
    assert set(mydata.SIGHTS) == set(map(str, Sight))
    assert set(mydata.PLACES) == set(map(str, Where))


def test_what_can_be_held_of_an_import_has_a_title() -> None:
    rows = [row for row in KEPT if row.is_of_migration or (row.where is Where.KEYS and "<id>" in row.pattern)]
    rows += [row for row in KEPT if row.pattern in {"account:*", "audit:*"} or row.until is Until.REWRITE]
    assert {str(row.until) for row in rows} == set(map(str, mydata.TITLES))


def test_what_is_held_stands_together_by_how_long_and_by_who_may_see_it() -> None:
    grant = Holding("the grant", str(Where.STATE), str(Sight.WORKER), "", str(Until.END), 1_000, int(NOW) + 60)
    key = replace(grant, holds="its key", where=str(Where.KEYS), ends=str(Until.KEY))
    plan = replace(grant, holds="the plan", bytes=2_000, until=int(NOW) + 120)
    result = replace(grant, holds="the result", sight=str(Sight.CUSTOMER), why="says why", ends=str(Until.DAY_AFTER))
    view = mydata.mydata(HOST, RECORD, (grant, key, plan, result), NOW)
    held = {part.title: [[line.what for line in group.lines] for group in part.groups] for part in view.parts}
    assert held == {
        "For a day after the end": [["the result"]],
        "While the import is under way": [["the grant", "the plan"], ["its key"]],
    }
    told = plain(view.parts[1].groups[0].told)
    assert told == "Seen by our programs alone. Lies in our database: 3 kB. Gone at 1:57\u202fPM UTC, if not before."
    assert plain(view.read) == "Read at 1:55\u202fPM UTC: 5 kB in all."


@pytest.mark.parametrize(("state", "offered"), [(State.DONE, True), (State.COPYING, False)])
def test_erasing_is_offered_when_the_import_has_ended(state: State, offered: bool) -> None:  # noqa: FBT001
    view = mydata.mydata(HOST, migration(state), (), NOW)
    assert (f'action="/imports/{ID}/erase"' in render("overview.html", view)) == offered


def test_everything_that_can_be_allowed_has_words() -> None:
    assert set(FIELDS) == set(Field)


def test_folder_names_are_not_allowed_unless_the_customer_ticks_them() -> None:
    view = permission(HOST, RECORD, None, (), NOW)
    assert [offer.field for offer in view.offers if not offer.ticked] == [Field.FOLDER_NAMES]


def test_what_the_support_asks_for_is_ticked_and_its_question_says_when_it_goes_away() -> None:
    asked = Question(frozenset({Field.FOLDER_NAMES}), NOW - 60, NOW + 600)
    view = permission(HOST, RECORD, None, (), NOW, question=asked)
    assert [offer.field for offer in view.offers if offer.ticked] == [Field.FOLDER_NAMES]
    assert "goes away by itself at 2:05" in plain(view.asked)
    assert "The support asks you for this" in render("permission.html", view)
    assert "The support asks you" not in render("permission.html", permission(HOST, RECORD, None, (), NOW))


def test_a_permission_in_force_can_be_taken_back_and_not_given_twice() -> None:
    held = Permission(frozenset({Field.REPORT}), NOW - 60, NOW + 60)
    text = render("permission.html", permission(HOST, RECORD, held, (), NOW))
    assert text.count("<form") == 1
    assert f'action="/imports/{ID}/permission/end"' in text


def test_of_the_staff_no_more_is_shown_than_tells_two_apart() -> None:
    use = Use(int(NOW), "staff:" + "0123456789abcdef" * 2, "history")
    (told,) = permission(HOST, RECORD, None, (use,), NOW).uses
    assert "012345" in plain(told)
    assert "0123456" not in plain(told)
