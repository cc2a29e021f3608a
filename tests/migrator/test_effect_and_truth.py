"""What the customer is shown before the start is what then happens: the sample mailbox, copied into Dovecot."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import pytest
from engine import KEY, gmail_door, new_ledger
from planning import AT_ONCE
from redis import Redis
from stand_in import ROOT, Google

from emulator.servers.instance import Server
from migrator.foldermap import map_folders
from migrator.folders import MailboxShape
from migrator.gmail import Gmail
from migrator.labels import Choices, catalogue_of
from migrator.ledger import Ledger
from migrator.mailbox import Password, Target, open_mailbox
from migrator.naming import FolderNames
from migrator.outcome import Mark
from migrator.period import day_of
from migrator.plan import plan_slice
from migrator.preview import StorageEffect, effect_of
from migrator.retry import Patience
from migrator.survey import survey
from migrator.transfer import copy_slice

SAMPLE = ROOT / "emulator" / "sample" / "mail"
LAYOUT = ROOT / "tests" / "data" / "layout.jsonl"
TODAY = datetime.now(UTC).date()
UNTICKED = frozenset({"Label_449", "Label_723", "SENT", "ARCHIVE"})
REASONS = {
    Mark.SKIPPED_CHAT: "chat",
    Mark.SKIPPED_SPAM: "spam",
    Mark.SKIPPED_TRASH: "trash",
    Mark.SKIPPED_PERIOD: "period",
    Mark.SKIPPED_LABEL: "label-not-chosen",
}


@pytest.fixture(scope="module")
def account() -> Iterator[Google]:
    """The carried messages in a layout with every awkward label, and some mail that is two things at once."""
    with Google(seed_dir=SAMPLE, layout=LAYOUT) as google:
        for labels in (["SPAM", "TRASH"], ["SPAM", "Label_449"], ["CHAT", "TRASH"], ["TRASH", "SENT"]):
            google.add(b"Subject: twofold\r\n\r\n" + labels[1].encode(), labelIds=labels)
        yield google


def effect(gmail: Gmail, shape: MailboxShape, choices: Choices) -> StorageEffect:
    labels = gmail.labels()
    seen = survey(gmail, labels, AT_ONCE, TODAY)
    return effect_of(seen, catalogue_of(labels), map_folders(labels, shape, choices), choices)


def copied(ledger: Ledger) -> Counter[str]:
    """Return how many messages came to lie in each folder, by its name."""
    names = FolderNames.load(ledger)
    there: Counter[str] = Counter()
    for number in range(len(names.rows)):
        row = names.rows[number]
        there[row.asked or row.name] += sum(1 for _ in ledger.placed(number))
    return +there


@pytest.mark.parametrize(
    "choices",
    [
        Choices(),
        Choices(policy="copy-per-label"),
        Choices(spam=True, trash=True),
        Choices(trash=True),
        Choices(policy="copy-per-label", skip_labels=UNTICKED, spam=True),
        Choices(skip_labels=UNTICKED, sent_first=True, renames={"Label_2481": "Elsewhere/Far away"}),
        Choices(since=day_of("3y", TODAY)),
        Choices(policy="copy-per-label", since=day_of("5y", TODAY), skip_labels=UNTICKED, spam=True, trash=True),
    ],
)
def test_what_is_shown_is_what_happens(account: Google, redis: Redis, dovecot_server: Server, choices: Choices) -> None:
    user = dovecot_server.new_user()
    connect = partial(
        open_mailbox, Target(dovecot_server.host, dovecot_server.port, "none"), Password(user.name, user.password)
    )
    ledger = new_ledger(redis)
    with gmail_door(account, redis) as gmail:
        with connect() as mailbox:
            shown = effect(gmail, mailbox.shape(), choices)
            assert plan_slice(gmail, mailbox, ledger, choices, "newest-first", AT_ONCE)
        assert copy_slice(gmail, connect, ledger, choices, KEY, 4, Patience())
    outcomes = ledger.outcomes()
    assert {REASONS[mark]: count for mark, count in outcomes.items() if mark in REASONS} == shown.skipped
    assert sum(count for mark, count in outcomes.items() if mark not in REASONS) == shown.one_copy_messages
    assert copied(ledger) == shown.folders
    assert shown.exact
    assert not [mark for mark in outcomes if mark.is_open or mark.is_failure]
