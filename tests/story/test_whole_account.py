"""The story: a whole account, with every awkward label and message, into a real Dovecot and a real Cyrus."""

import re
import time
from collections import Counter
from pathlib import Path

import pytest
from stand_in import Google
from story.house import House, house
from story.layouts import Layout
from story.observe import Seen, alike, crlf, mailbox_content

from emulator.servers.instance import Server
from jobs.migration import State
from migrator.labels import Choices


def has_a_fault(raw: bytes) -> bool:
    """Tell mail that Cyrus 3.6 may refuse: NUL, or a header that is none (RFC 5322 §2.2)."""
    head = raw.split(b"\r\n\r\n", 1)[0].split(b"\r\n")
    return (
        b"\0" in raw
        or (b"\r\n\r\n" not in raw and not raw.endswith(b"\r\n"))
        or b"\r" in raw.replace(b"\r\n", b"")
        or any(not re.match(rb"[!-9;-~]+:", line) for line in head if line[:1] not in {b" ", b"\t"})
    )


@pytest.mark.parametrize("policy", ["one-copy", "copy-per-label"])
def test_an_account_arrives_whole_and_adds_up(
    policy: str, carried: Layout, mailbox_server: Server, tmp_path: Path
) -> None:
    user = mailbox_server.new_user()
    with (
        Google(seed_dir=carried.folder, layout=carried.rows) as google,
        house(tmp_path, google, mailbox_server) as home,
    ):
        home.start_worker()
        migration = home.launch(user, Choices(policy=policy, spam=True))  # type: ignore[arg-type]
        ended = home.wait(migration)
        report = home.report(migration)
        assert ended.state in {State.DONE, State.DONE_WITH_EXCEPTIONS}, home.logs()
        assert report.adds_up, report
        assert report.total == len(carried.messages())
        content = mailbox_content(mailbox_server, user)
        _every_message_is_there(home, carried, mailbox_server.kind, content, policy, report.outcomes)
        _only_reading_was_done(google)


def _every_message_is_there(
    home: House, layout: Layout, kind: str, content: list[Seen], policy: str, outcomes: dict[str, int]
) -> None:
    found: dict[bytes, list[Seen]] = {}
    for seen in content:
        found.setdefault(alike(seen.body), []).append(seen)
    identical = {seen.sha for seen in content}
    missing = altered = 0
    expected = Counter[bytes]()
    for row in layout.messages():
        labels = set(row["labelIds"])  # type: ignore[call-overload]
        if labels & {"CHAT", "TRASH"}:
            continue
        wire = crlf(home.google.served(str(row["id"])))
        like = alike(wire)
        expected[like] += 1
        if like not in found:
            missing += 1
            assert kind == "cyrus", row
            assert has_a_fault(wire), row
            continue
        altered += Seen("", wire, frozenset(), 0).sha not in identical
        _flags_and_date_fit(row, labels, found[like])
    copies = Counter({like: len(rows) for like, rows in found.items()})
    if policy == "one-copy":
        assert copies == Counter({like: n for like, n in expected.items() if like in found})
    assert missing == sum(n for words, n in outcomes.items() if words.startswith("failed"))
    assert altered == outcomes.get("copied (altered)", 0)


def _flags_and_date_fit(row: dict[str, object], labels: set[str], copies: list[Seen]) -> None:
    wanted = {"\\Seen"} - ({"\\Seen"} if "UNREAD" in labels else set())
    wanted |= {"\\Flagged"} if "STARRED" in labels else set()
    wanted |= {"\\Draft"} if "DRAFT" in labels else set()
    system = {"\\Seen", "\\Flagged", "\\Draft"}
    date = int(str(row["internalDate"])) // 1000
    assert any((seen.flags & system) == wanted for seen in copies), (row, copies[0].flags)
    # Servers change dates before 1970-01-02 and in the future, each in its own way: we send the nearest they keep.
    at_most = time.time()
    wanted_date = min(max(date, 86_400), at_most)
    slack = 300 if date > at_most else 1
    assert any(abs(seen.date - wanted_date) <= slack for seen in copies), (row, [seen.date for seen in copies])


def _only_reading_was_done(google: Google) -> None:
    ledger = google.ledger(messages=True)
    assert not ledger["violations"]
    assert ledger["messages_fetched"] > 0
    assert ledger["fetched_again"] == [], "each message is read from Google once"
