"""An import with failures that a retry may cure is held before it finishes: for a retry, or to finish without them."""

import pytest
from story.house import House
from story.layouts import Install, Layout
from story.test_crash_points import all_there_once

from emulator.servers.instance import Server, User
from jobs.acts import carry_out
from jobs.audit import TERMINAL
from jobs.migration import State
from migrator.failures import curable
from migrator.hold import FAILED_MESSAGES

RIGHTS = "lrswipkxtea"


@pytest.fixture
def user(dovecot_server: Server) -> User:
    """A customer into whose INBOX nothing can be put: it alone can't be had under another name."""
    made = dovecot_server.new_user()
    with dovecot_server.observer(made) as client:
        client.setacl("INBOX", "owner", "lra")
    return made


def held(home: House, migration: str) -> int:
    """Have the time of all automatic retries pass, so that the import is held; return how many messages failed."""
    assert home.wait(migration, State.WAITING).reason == "messages-deferred"
    home.hours_pass(migration)
    assert home.wait(migration, State.WAITING).reason == FAILED_MESSAGES
    return curable(home.report(migration).failures)


def test_what_failed_arrives_when_it_is_tried_again(
    install: Install, small: Layout, dovecot_server: Server, user: User
) -> None:
    home = install(small, dovecot_server)
    migration = home.launch(user)
    assert held(home, migration) > 0
    with dovecot_server.observer(user) as client:
        client.setacl("INBOX", "owner", RIGHTS)
    carry_out(home.state, migration, "retry", TERMINAL)
    assert home.wait(migration).state is State.DONE
    all_there_once(home, small, user, "one-copy")


def test_finished_without_them_it_ends_and_says_how_many_are_missing(
    install: Install, small: Layout, dovecot_server: Server, user: User
) -> None:
    home = install(small, dovecot_server)
    migration = home.launch(user)
    failed = held(home, migration)
    carry_out(home.state, migration, "finish", TERMINAL)
    assert home.wait(migration).state is State.DONE_WITH_EXCEPTIONS
    assert curable(home.report(migration).failures) == failed
