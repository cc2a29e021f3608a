"""The story on every server people really have, in every layout, with a break in the middle and a second import."""

import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from stand_in import Google
from story.house import RESTS, House, house
from story.layouts import Layout
from story.observe import Seen, crlf, mailbox_content
from story.test_whole_account import has_a_fault

from emulator.servers.instance import Server
from jobs.acts import carry_out
from jobs.audit import TERMINAL
from jobs.migration import Migration, State
from migrator.hold import FAILED_MESSAGES
from migrator.labels import Choices

CRASH = Path(__file__).parent / "crash"
GOOD_ENDS = {State.DONE, State.DONE_WITH_EXCEPTIONS}
_ADDED_BY_MBOX = re.compile(rb"(?im)^(x-uid|x-imapbase|x-imap|status|x-status|x-keywords|content-length):.*\r\n")


def core(body: bytes) -> bytes:
    """Return what is equal for a mail as Gmail serves it and as any of the servers stored it.

    Stores in mbox escape or drop `From ` lines, add headers of their own and lines at the end; Cyrus makes X of 8-bit
    bytes in headers; Dovecot makes 0x80 of NUL; Courier drops CR without LF; imap4d puts one blank behind a colon.
    """
    body = re.sub(rb"\A(?:From [^\r\n]*\r\n)+", b"", body).replace(b"\0", b"\x80")
    body = re.sub(rb"\r(?!\n)", b"", body)
    head, empty, rest = body.partition(b"\r\n\r\n")
    head = re.sub(rb"[\x80-\xff]", b"X", _ADDED_BY_MBOX.sub(b"", head + b"\r\n"))
    head = re.sub(rb"(?m)^([!-9;-~]+):[ \t]*", rb"\1:", head)
    return re.sub(rb"(?m)^>+From ", b"From ", head.rstrip(b"\r\n") + empty + rest).strip(b"\r\n")


def comes_along(row: dict[str, object]) -> bool:
    return not {"CHAT", "TRASH"} & set(row["labelIds"])  # type: ignore[call-overload]


def test_an_account_arrives_once_whatever_breaks_and_a_second_import_adds_nothing(
    small: Layout, every_server: Server, tmp_path: Path
) -> None:
    user = every_server.new_user()
    quick: dict[str, object] = {"threads": 1, "slice_seconds": 5, "lease_seconds": 3}
    with (
        Google(seed_dir=small.folder, layout=small.rows) as google,
        house(tmp_path, google, every_server, worker=quick) as home,
    ):
        home.start_worker(
            PYTHONPATH=str(CRASH),
            CRASH_AT="migrator.append.after",
            CRASH_NTH="3",
            CRASH_WHO="child",
            CRASH_DONE=str(tmp_path / "crashed"),
        )
        content = partial(mailbox_content, every_server, user)
        _arrives_once(home, small, home.launch(user, Choices(spam=True)), content)
        assert (tmp_path / "crashed").exists()
        before = content()
        again = home.launch(user, Choices(spam=True))
        _arrives_once(home, small, again, content)
        assert where(content()) == where(before)


def where(content: list[Seen]) -> Counter[tuple[str, bytes]]:
    return Counter((seen.folder, core(seen.body)) for seen in content)


def _arrives_once(home: House, layout: Layout, migration: str, content: Callable[[], list[Seen]]) -> None:
    """Every message is there once, and whole, or it is one that servers refuse or damage."""
    ended, report = _ended(home, migration), home.report(migration)
    assert ended.state in GOOD_ENDS, (ended, home.logs())
    assert report.adds_up, report
    assert report.total == len(layout.messages())
    wires = [crlf(home.google.served(str(row["id"]))) for row in layout.messages() if comes_along(row)]
    wanted, found = Counter(map(core, wires)), Counter(core(seen.body) for seen in content())
    missing, others = wanted - found, found - wanted
    failed = sum(n for words, n in report.outcomes.items() if words.startswith("failed"))
    whole = {core(wire) for wire in wires if not has_a_fault(wire)}
    assert not whole & missing.keys(), (report.outcomes, report.failures)
    assert others.total() == missing.total() - failed, (report.outcomes, report.failures)


def _ended(home: House, migration: str) -> Migration:
    """Wait until it has ended; what a server refuses without a reason (imap4d) is tried for hours, then done without.

    That is the customer's choice while the import is held.
    """
    found = home.wait(migration, *RESTS, State.WAITING)
    while found.state is State.WAITING:
        if found.reason == FAILED_MESSAGES:
            carry_out(home.state, migration, "finish", TERMINAL)
        elif found.reason in {"messages-deferred", "mailbox-unreachable"}:  # the latter where nothing else is left
            home.hours_pass(migration)
        found = home.wait(migration, *RESTS, State.WAITING)
    return found
