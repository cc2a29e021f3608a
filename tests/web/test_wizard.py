"""The whole wizard over HTTP, without a script: signed in, connected, confirmed, chosen, copied, done."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from engine import pressed
from inn import Inn, form_for, inn, sent, until
from servers.fixtures import StartServer
from stand_in import Google
from story.observe import mailbox_content
from wizard_steps import LAYOUT, ROOT, started, started_from, to_check

from emulator.servers.instance import Limits, Server, User
from jobs import requests
from jobs.launch import wanted_of
from jobs.migration import State

ADDRESS = "customer@gmail.example"


@pytest.fixture(scope="module")
def dovecot(start_server: StartServer) -> Server:
    # Without ACLs: with them Dovecot gives a master user the rights of his own name, not of the mailbox's owner.
    return start_server("dovecot", Limits())


@pytest.fixture(scope="module")
def open_inn(tmp_path_factory: pytest.TempPathFactory, dovecot: Server) -> Iterator[Inn]:
    rows = tmp_path_factory.mktemp("mail") / "mailbox.jsonl"
    rows.write_text("\n".join(LAYOUT.read_text().splitlines()[:60]) + "\n")
    Path(f"{rows}.labels.json").write_text(Path(f"{LAYOUT}.labels.json").read_text())
    with (
        Google(seed_dir=ROOT / "emulator" / "sample" / "mail", layout=rows) as google,
        inn(tmp_path_factory.mktemp("inn"), google, dovecot) as made,
    ):
        yield made


@pytest.fixture
def user(dovecot: Server) -> User:
    return dovecot.new_user()


def test_the_whole_way_from_signing_in_to_done(open_inn: Inn, dovecot: Server, user: User) -> None:
    browser = open_inn.signed_in(user)
    check = to_check(browser)
    page = until(browser, check, "Yes, this is right")
    assert ADDRESS in page.text
    assert f"{user.name}@host.example" in page.text
    confirmed = sent(browser, form_for(page.text, "/confirm"))
    choose = browser.get(confirmed.place)
    assert "Start the import" in choose.text
    started = sent(browser, form_for(choose.text, "/choices"), "start")
    assert started.status == 303, started.text
    migration = started.place.removeprefix("/imports/")
    ended = open_inn.home.wait(migration)
    assert ended.state is State.DONE
    done = browser.get(started.place)
    assert "Your mail has arrived" in done.text
    assert len(mailbox_content(dovecot, user)) == open_inn.home.report(migration).copied


def test_the_whole_way_by_a_launch_from_the_panel(open_inn: Inn, dovecot: Server, user: User) -> None:
    browser = open_inn.launched(user)
    place = started(browser)
    migration = place.removeprefix("/imports/")
    assert open_inn.home.wait(migration).state is State.DONE, open_inn.home.report(migration)
    assert len(mailbox_content(dovecot, user)) == open_inn.home.report(migration).copied


def test_who_closes_the_page_finds_the_import_again_from_a_new_session(open_inn: Inn, user: User) -> None:
    check = to_check(open_inn.signed_in(user))
    place = check.removesuffix("/check")
    later = open_inn.signed_in(user)
    assert f'href="{place}"' in later.get("/").text
    page = until(later, check, "Yes, this is right")
    assert ADDRESS in page.text, "both addresses are still shown in full"
    assert later.get(f"{place}/choices").place == check, "what was confirmed elsewhere is confirmed here"
    ended = started_from(later, page.text)
    assert ended == place
    open_inn.home.wait(place.removeprefix("/imports/"))
    assert "Your mail has arrived" in later.get("/").text


def test_starting_over_revokes_the_access_and_copies_nothing(open_inn: Inn, dovecot: Server, user: User) -> None:
    browser = open_inn.signed_in(user)
    place = to_check(browser).removesuffix("/check")
    before = open_inn.google.ledger()["calls"].get("oauth.revoke", 0)
    assert sent(browser, form_for(browser.get(f"{place}/check").text, "/start-over")).place == "/"
    open_inn.home.wait(place.removeprefix("/imports/"), State.CANCELLED)
    assert open_inn.google.ledger()["calls"]["oauth.revoke"] == before + 1
    assert mailbox_content(dovecot, user) == []
    assert "Import cancelled" in browser.get(place).text
    again = browser.get("/connect")
    assert (again.status, 'href="/signin"' in again.text) == (403, True), "the password went with the import"


def test_what_is_changed_is_shown_before_it_is_started(open_inn: Inn, user: User) -> None:
    browser = open_inn.signed_in(user)
    page = until(browser, to_check(browser), "Yes, this is right")
    choose = browser.get(sent(browser, form_for(page.text, "/confirm")).place)
    form = form_for(choose.text, "/choices")
    (label,) = re.findall(r'name="name-(Label_\d+)"', choose.text)[:1]
    changed = replace(form, fields=(*(row for row in form.fields if row != ("keep", label)), ("spam", "on")))
    looked = sent(browser, changed, "look")
    assert looked.status == 200
    shown = dict(form_for(looked.text, "/choices").fields)
    assert shown["spam"] == "on"
    assert ("keep", label) not in form_for(looked.text, "/choices").fields
    assert "labels not ticked" in looked.text
    migration = form.action.split("/")[2]
    assert requests.read(open_inn.stores.state, migration).reason == "not-started"
    assert sent(browser, form_for(looked.text, "/choices"), "start").place == f"/imports/{migration}"
    chosen = wanted_of(open_inn.stores.state, migration).choices
    assert (chosen.spam, label in chosen.skip_labels) == (True, True)
    sent(browser, form_for(browser.get(f"/imports/{migration}").text, "/cancel"))
    open_inn.home.wait(migration)


@pytest.mark.parametrize(
    "body", ["do=start&policy=none", "do=start", "", f"do=look&policy=one-copy&name-LABEL={'x' * 300}"]
)
def test_a_form_that_is_none_of_ours_starts_nothing(body: str, open_inn: Inn, user: User) -> None:
    browser = open_inn.signed_in(user)
    page = until(browser, to_check(browser), "Yes, this is right")
    place = sent(browser, form_for(page.text, "/confirm")).place
    label = re.findall(r'name="name-(Label_\d+)"', browser.get(place).text)[0]
    answer = browser.send(place, body.replace("LABEL", label))
    migration = place.split("/")[2]
    assert requests.read(open_inn.stores.state, migration).reason == "not-started"
    assert (answer.status, "Something is missing" in answer.text) == (400, True)
    browser.post(f"/imports/{migration}/cancel")
    open_inn.home.wait(migration)


@pytest.fixture
def not_counted(open_inn: Inn) -> Iterator[None]:
    """Let Google take its time over every listing of labels."""
    open_inn.google.fault("hang", method="labels.list", times=0, seconds=20)
    yield
    open_inn.google.control("faults", {}, verb="DELETE")


@pytest.mark.usefixtures("not_counted")
def test_an_import_starts_without_the_count(open_inn: Inn, dovecot: Server, user: User) -> None:
    browser = open_inn.signed_in(user)
    page = browser.get(to_check(browser))
    assert ("As soon as your mail has been counted" in page.text, ADDRESS in page.text) == (True, True)
    choose = browser.get(sent(browser, form_for(page.text, "/confirm")).place)
    assert (choose.status, "been counted yet" in choose.text) == (200, True)
    place = sent(browser, form_for(choose.text, "/choices"), "start").place
    migration = place.removeprefix("/imports/")
    open_inn.google.control("faults", {}, verb="DELETE")
    ended = open_inn.home.wait(migration)
    assert ended.state is State.DONE
    assert not wanted_of(open_inn.stores.state, migration).choices.skip_labels
    assert len(mailbox_content(dovecot, user)) == open_inn.home.report(migration).copied


def test_labels_that_a_form_did_not_show_come_along_though_they_were_counted_meanwhile(
    open_inn: Inn, user: User
) -> None:
    browser = open_inn.signed_in(user)
    open_inn.google.fault("backendError", method="labels.list", times=0, status=503)
    check = to_check(browser)
    failed = until(browser, check, "could not be counted")
    open_inn.google.control("faults", {}, verb="DELETE")
    choose = browser.get(sent(browser, form_for(failed.text, "/confirm")).place)
    form = form_for(choose.text, "/choices")
    until(browser, f"{check}?again=1", "Yes, this is right")
    without_inbox = replace(form, fields=tuple(row for row in form.fields if row != ("keep", "INBOX")))
    place = sent(browser, without_inbox, "start").place
    migration = place.removeprefix("/imports/")
    assert wanted_of(open_inn.stores.state, migration).choices.skip_labels == {"INBOX"}
    sent(browser, form_for(browser.get(place).text, "/cancel"))
    open_inn.home.wait(migration)


def test_without_the_count_nothing_starts_that_was_not_confirmed(open_inn: Inn, user: User) -> None:
    browser = open_inn.signed_in(user)
    check = to_check(browser)
    place = check.removesuffix("/check")
    answer = browser.post(f"{place}/choices", do="start", uncounted="1", policy="one-copy", keep="INBOX")
    assert (answer.status, answer.place) == (303, check)
    assert requests.read(open_inn.stores.state, place.removeprefix("/imports/")).reason == "not-started"
    browser.post(f"{place}/start-over")
    open_inn.home.wait(place.removeprefix("/imports/"))


def test_an_import_that_lost_its_access_is_connected_again_and_goes_on(
    open_inn: Inn, dovecot: Server, user: User
) -> None:
    browser = open_inn.signed_in(user)
    page = until(browser, to_check(browser), "Yes, this is right")
    open_inn.google.control("grants", {}, verb="DELETE")
    place = started_from(browser, page.text)
    migration = place.removeprefix("/imports/")
    assert open_inn.home.wait(migration, State.PAUSED).reason == "reconnect-needed"
    again = browser.get(place)
    assert "Please connect your Google Account again" in again.text
    consent = sent(browser, form_for(again.text, "/reconnect"))
    back = browser.get(browser.path(pressed(open_inn.google, consent.place)))
    assert (back.status, back.place) == (303, place)
    assert open_inn.home.wait(migration).state is State.DONE
    assert len(mailbox_content(dovecot, user)) == open_inn.home.report(migration).copied


def test_credentials_that_lapse_while_the_customer_is_at_google_leave_nothing_granted(
    open_inn: Inn, user: User
) -> None:
    browser = open_inn.signed_in(user)
    back = browser.to_google()
    before = open_inn.google.ledger()["calls"].get("oauth.token", 0)
    for name in open_inn.stores.keys.scan_iter("entrusted:*"):
        open_inn.stores.keys.delete(name)
    answer = browser.get(back)
    assert (answer.status, 'href="/signin"' in answer.text) == (403, True)
    assert open_inn.google.ledger()["calls"].get("oauth.token", 0) == before


def test_the_password_lies_under_the_imports_key_alone_once_it_is_connected(open_inn: Inn, user: User) -> None:
    others = {*open_inn.stores.keys.scan_iter("entrusted:*")}
    browser = open_inn.signed_in(user)
    (own,) = {*open_inn.stores.keys.scan_iter("entrusted:*")} - others
    place = to_check(browser).removesuffix("/check")
    assert not open_inn.stores.keys.exists(own)
    browser.post(f"{place}/start-over")
    open_inn.home.wait(place.removeprefix("/imports/"))
