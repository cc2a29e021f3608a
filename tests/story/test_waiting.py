"""Waiting, going on, running again: by ourselves and when asked."""

import signal
import time
from collections import Counter

import pytest
from story.layouts import Install, Layout
from story.observe import alike, mailbox_content

from emulator.servers.instance import Server
from jobs.contacts import served_by
from jobs.migration import State
from jobs.requests import cancel, pause, resume
from migrator.labels import Choices


def test_google_names_a_time_and_the_import_waits_till_then_without_holding_a_worker(
    install: Install, small: Layout, dovecot_server: Server
) -> None:
    home = install(small, dovecot_server)
    home.google.fault("retryAfter", method="messages.get", nth=20, seconds=6)
    migration = home.launch(dovecot_server.new_user())
    waiting = home.wait(migration, State.WAITING)
    assert (waiting.reason, waiting.running) == ("google-bandwidth", False)
    asked = home.google.ledger()["calls"]["messages.get"]
    assert home.wait(migration, State.COPYING, State.VERIFYING).state
    assert time.time() >= waiting.until
    assert home.wait(migration).state is State.DONE
    assert home.google.ledger()["calls"]["messages.get"] > asked


def test_a_second_run_without_any_ledger_adds_nothing(install: Install, small: Layout, mailbox_server: Server) -> None:
    user = mailbox_server.new_user()
    home = install(small, mailbox_server)
    home.wait(home.launch(user))
    before = Counter((seen.folder, alike(seen.body)) for seen in mailbox_content(mailbox_server, user))
    home.state.delete(*(key for key in home.state.scan_iter() if not key.startswith(b"audit:")))  # a log is never lost
    home.keys.flushdb()
    again = home.launch(user)
    home.wait(again)
    assert Counter((s.folder, alike(s.body)) for s in mailbox_content(mailbox_server, user)) == before
    report = home.report(again)
    assert report.outcomes["already there"] == before.total()
    assert report.adds_up


def test_changing_the_policy_afterwards_adds_only_what_is_missing(
    install: Install, small: Layout, dovecot_server: Server
) -> None:
    user = dovecot_server.new_user()
    home = install(small, dovecot_server)
    home.wait(home.launch(user))
    one_copy = Counter((seen.folder, alike(seen.body)) for seen in mailbox_content(dovecot_server, user))
    assert home.wait(home.launch(user, Choices(policy="copy-per-label"))).state is State.DONE
    copies = Counter((seen.folder, alike(seen.body)) for seen in mailbox_content(dovecot_server, user))
    assert not one_copy - copies
    fresh = dovecot_server.new_user()
    assert home.wait(home.launch(fresh, Choices(policy="copy-per-label"))).state is State.DONE
    assert copies == Counter((seen.folder, alike(seen.body)) for seen in mailbox_content(dovecot_server, fresh))


def test_pause_resume_and_cancel_do_what_they_say(install: Install, small: Layout, dovecot_server: Server) -> None:
    home = install(small, dovecot_server, google={"latency_ms": 200})
    migration = home.launch(dovecot_server.new_user())
    home.wait(migration, State.COPYING)
    pause(home.state, migration)
    home.wait(migration, State.PAUSED)
    assert served_by(home.state, migration) in {"127.0.0.1", "::1"}, "the next slice begins with this address"
    open_then = home.report(migration).open
    assert open_then > 0
    resume(home.state, migration)
    home.wait(migration, State.COPYING)
    cancel(home.state, migration)
    ended = home.wait(migration)
    assert ended.state is State.CANCELLED
    assert not home.vault.holds(migration), "its key is destroyed"
    assert home.google.ledger()["calls"]["oauth.revoke"] == 1


@pytest.mark.alone
@pytest.mark.parametrize("after", [0.5, 2.0])
def test_a_stopped_worker_ends_within_three_seconds_and_another_one_goes_on(
    after: float, install: Install, small: Layout, dovecot_server: Server
) -> None:
    home = install(small, dovecot_server, google={"latency_ms": 300})
    migration = home.launch(dovecot_server.new_user())
    home.wait(migration, State.COPYING)
    time.sleep(after)
    asked = time.monotonic()
    home.workers[0].send_signal(signal.SIGTERM)
    home.workers[0].wait(60)
    assert time.monotonic() - asked < 3
    home.google.control("settings", {"latency_ms": 0})
    home.start_worker()
    assert home.wait(migration).state is State.DONE
    assert not home.google.ledger()["fetched_again"], "what was read was filed before the end"


def test_mail_that_arrives_during_the_import_comes_along(
    install: Install, small: Layout, dovecot_server: Server
) -> None:
    user = dovecot_server.new_user()
    home = install(small, dovecot_server, google={"latency_ms": 100})
    migration = home.launch(user)
    home.wait(migration, State.COPYING)
    raw = b"From: a@example.org\r\nSubject: late\r\n\r\nlate\r\n"
    home.google.add(raw, labelIds=["INBOX", "UNREAD"])
    assert home.wait(migration).state is State.DONE
    assert [seen.folder for seen in mailbox_content(dovecot_server, user) if seen.body == raw] == ["INBOX"]
