"""Only the mail of the last years: the rest stays in Gmail, and the account still adds up."""

from datetime import UTC, datetime

from story.layouts import Install, Layout
from story.observe import mailbox_content

from emulator.servers.instance import Server
from jobs.migration import State
from migrator.labels import Choices
from migrator.period import day_of, midnight


def test_the_last_years_arrive_and_the_account_adds_up(install: Install, small: Layout, dovecot_server: Server) -> None:
    since = day_of("5y", datetime.now(UTC).date())
    first = midnight(since)
    arrived = [int(str(row["internalDate"])) / 1000 for row in small.messages()]
    days_before = [at for at in arrived if at < first - 86_400]
    user = dovecot_server.new_user()
    home = install(small, dovecot_server)
    migration = home.launch(user, Choices(spam=True, trash=True, since=since))
    assert home.wait(migration).state is State.DONE, home.logs()
    report = home.report(migration)
    assert report.adds_up, report
    assert report.total == len(arrived)
    assert report.outcomes["skipped (period)"] == sum(at < first for at in arrived) - _chats_before(small, first)
    assert 0 < report.copied < report.total
    content = mailbox_content(dovecot_server, user)
    assert len(content) == report.copied
    assert all(seen.date >= first for seen in content)
    gets = home.google.ledger()["calls"]["messages.get"]
    assert days_before
    assert gets <= len(arrived) - len(days_before), "what is older beyond doubt is not read"


def _chats_before(layout: Layout, first: float) -> int:
    rows = layout.messages()
    return sum("CHAT" in str(row["labelIds"]) and int(str(row["internalDate"])) / 1000 < first for row in rows)
