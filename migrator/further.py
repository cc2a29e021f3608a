"""Further folders of a message: each gets its copy by a server-side COPY, so the mail is fetched and sent once."""

import sys
from collections import defaultdict
from collections.abc import Sequence

from migrator.elsewhere import Elsewhere
from migrator.errors import FolderRefused, MailboxFull
from migrator.intents import intend, settle
from migrator.ledger import Ledger
from migrator.opened import OpenFolders
from migrator.outcome import Mark
from migrator.records import UNKNOWN_UID, Partial


def copy_further(ledger: Ledger, folders: OpenFolders, others: Elsewhere) -> MailboxFull | None:
    """Bring every message that is in some of its folders into all of them; return what held some up, if anything.

    A message whose UID is known in none of them cannot be copied by the server: it is open again, to be sent.
    """
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, partial in sorted(ledger.partials().items()):
        source = next((folder for folder, uid in partial.at.items() if uid != UNKNOWN_UID), None)
        if source is None:
            ledger.write(*ledger.reopened(number, Mark.PENDING_LARGE))
            continue
        for target in partial.todo:
            groups[source, target].append(number)
    held_up = [_copy_group(ledger, folders, others, *pair, numbers) for pair, numbers in groups.items()]
    return next((full for full in held_up if full), None)


def _copy_group(
    ledger: Ledger, folders: OpenFolders, others: Elsewhere, source: int, target: int, numbers: Sequence[int]
) -> MailboxFull | None:
    try:
        folders.patiently(lambda: _copy(ledger, folders, others, source, target, numbers))
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


def _pass_over(ledger: Ledger, others: Elsewhere, target: int, partials: dict[int, Partial]) -> None:
    """Give up the copies that were in another folder before the import."""
    wanted = [(partial.expected, (*partial.at, *partial.todo)) for partial in partials.values()]
    for number, command in others.find(target, wanted).items():
        partial = partials[number]
        ledger.write(command, *ledger.advanced(number, partial.without(target, partial.mark), Mark(partial.mark)))


def _copy(
    ledger: Ledger, folders: OpenFolders, others: Elsewhere, source: int, target: int, numbers: Sequence[int]
) -> None:
    settle(ledger, folders)
    closed = folders.open(target).read_only
    for look in (folders.claim, others.given_back):
        known = look(target, [p.expected for p in _to_copy(ledger, source, target, numbers).values()])
        folders.record(target, [row for row in known if row])
    _pass_over(ledger, others, target, _to_copy(ledger, source, target, numbers))
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
