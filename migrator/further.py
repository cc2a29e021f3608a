"""Further folders of a message: each gets its copy by a server-side COPY, so the mail is fetched and sent once."""

import sys
from collections import defaultdict
from collections.abc import Sequence

from migrator.errors import FolderRefused, MailboxFull
from migrator.intents import intend, settle
from migrator.ledger import Ledger
from migrator.opened import OpenFolders
from migrator.outcome import Mark
from migrator.records import Partial


def copy_further(ledger: Ledger, folders: OpenFolders) -> MailboxFull | None:
    """Bring every message that is in some of its folders into all of them; return what held some up, if anything."""
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, partial in sorted(ledger.partials().items()):
        for target in partial.todo:
            groups[next(iter(partial.at)), target].append(number)
    held_up = [_copy_group(ledger, folders, source, target, numbers) for (source, target), numbers in groups.items()]
    return next((full for full in held_up if full), None)


def _copy_group(
    ledger: Ledger, folders: OpenFolders, source: int, target: int, numbers: Sequence[int]
) -> MailboxFull | None:
    try:
        folders.patiently(lambda: _copy(ledger, folders, source, target, numbers))
    except MailboxFull as full:
        folders.patiently(lambda: settle(ledger, folders))
        return full
    except FolderRefused as refusal:
        for number, partial in _to_copy(ledger, source, target, numbers).items():
            reason = refusal.detail or refusal.code
            ledger.write(*ledger.fail_in(number, partial, target, Mark.FAILED_FOLDER, reason))
    return None


def _to_copy(ledger: Ledger, source: int, target: int, numbers: Sequence[int]) -> dict[int, Partial]:
    """Return those of the messages that lie in `source` and still have to go to `target`."""
    now = ledger.partials()
    return {n: now[n] for n in numbers if n in now and target in now[n].todo and source in now[n].at}


def _copy(ledger: Ledger, folders: OpenFolders, source: int, target: int, numbers: Sequence[int]) -> None:
    settle(ledger, folders)
    closed = folders.open(target).read_only
    known = folders.claim(target, [p.expected for p in _to_copy(ledger, source, target, numbers).values()])
    folders.record(target, [row for row in known if row])
    folders.open(source)
    fresh = {p.at[source]: p.expected for p in _to_copy(ledger, source, target, numbers).values()}
    if not fresh:
        return
    if closed:
        raise FolderRefused("read-only")
    intend(ledger, folders, target, list(fresh.values()))
    sys.audit("migrator.append.before", target)
    copied = folders.mailbox.copy(sorted(fresh), folders.states[target].name)
    sys.audit("migrator.append.after", target)
    sys.audit("migrator.result.before", target)
    folders.record(target, [(fresh[old], new, Mark.COPIED) for old, new in copied.items()])
    sys.audit("migrator.result.after", target)
    for expected in (fresh[old] for old in fresh.keys() - copied.keys()):  # removed by somebody before the copy
        ledger.write(*ledger.fail(expected.number, Mark.FAILED_MISSING, "moved-or-removed"))
