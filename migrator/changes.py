"""What changed at Gmail since the plan: the account as it stands at the end counts.

Gmail's history tells which messages were added, deleted or given other labels (users.history.list). What arrived joins
the plan; what left spam or trash is opened again; what was not read yet is read as it is by then. A copy stays where it
was put, whatever happens to its message afterwards: nothing is removed from a mailbox for a change at Gmail, and the
report says how many there are (docs/labels.md).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from migrator.asking import asked
from migrator.errors import (
    ClientRefused,
    GoogleDown,
    GoogleRefused,
    LoginRefused,
    NoGmail,
    ReconnectNeeded,
    Transient,
    Waiting,
)
from migrator.gmail import Changes, Gmail, HistoryTooOld
from migrator.labels import Choices
from migrator.ledger import Command, Ledger
from migrator.listing import Found, begun, end_of_listing, found, found_now, is_listing, listed, marks_of
from migrator.mailbox import Mailbox
from migrator.naming import FolderNames
from migrator.newlabels import look_again
from migrator.outcome import Mark
from migrator.remarks import Remark
from migrator.retry import Patience

MOST_PASSES = 20
"""So often the history is asked for what changed meanwhile: a busy account must not keep its import from ending."""

_NO_ANSWER = (Transient, Waiting, ReconnectNeeded, NoGmail, GoogleRefused, ClientRefused, LoginRefused)
_HIDDEN = frozenset({"SPAM", "TRASH"})
_STATES = frozenset({"UNREAD", "STARRED", "IMPORTANT"})
_BY_LABELS = frozenset({Mark.SKIPPED_SPAM, Mark.SKIPPED_TRASH, Mark.SKIPPED_LABEL, Mark.SKIPPED_PERIOD})


def catch_up(
    gmail: Gmail, connect: Callable[[], Mailbox], ledger: Ledger, choices: Choices, patience: Patience
) -> bool:
    """Take up what changed at Gmail since the last look; return True while there is more to do.

    Where Google no longer knows the history, everything is listed once more, and what the plan lacks is added; what
    arrives meanwhile is in the history again.
    """
    if is_listing(ledger):
        if listed(gmail, ledger, choices, patience):
            _compare(ledger, found(ledger), choices)
        return True
    passes, late = ledger.load("passes") or (0, False)
    if passes >= MOST_PASSES:
        return False
    counted = ledger.keep("passes", (passes + 1, late))
    try:
        changes = asked(gmail, patience, lambda: gmail.changes_since(ledger.load("since")))
    except HistoryTooOld:
        return _list_anew(gmail, ledger, patience, counted)
    except GoogleDown:  # the profile is answered, the history is not: a listing of everything says the same
        return _list_anew(gmail, ledger, patience, ledger.keep("passes", (passes + MOST_PASSES // 2, late)))
    look_again(gmail, connect, ledger, FolderNames.load(ledger), choices, patience)
    return _take_up(gmail, ledger, changes, choices, patience, counted)


def _list_anew(gmail: Gmail, ledger: Ledger, patience: Patience, counted: Command) -> bool:
    account = asked(gmail, patience, gmail.account)
    ledger.write(begun(ledger), ledger.keep("since", account.history_id), counted)
    return True


def look_once_more(
    gmail: Gmail, connect: Callable[[], Mailbox], ledger: Ledger, choices: Choices, patience: Patience
) -> bool:
    """Look, once, what changed while everything was verified; return True where there is something to copy.

    Everything is verified again then. Where Google or the mailbox does not answer, the import ends with what it has.
    """
    passes, late = ledger.load("passes") or (0, False)
    if late:
        return False
    ledger.write(ledger.keep("passes", (passes, True)))
    try:
        changed = catch_up(gmail, connect, ledger, choices, patience)
    except _NO_ANSWER:
        return False
    if changed:
        ledger.write(("DEL", ledger.key("verified")))
    return changed


@dataclass(frozen=True, slots=True)
class _Known:
    """A message of the plan that something happened to."""

    id: int
    number: int
    mark: Mark


def _take_up(
    gmail: Gmail, ledger: Ledger, changes: Changes, choices: Choices, patience: Patience, counted: Command
) -> bool:
    """Write down what the history says; return True where there is something to copy, or more history."""
    deleted = {int(i, 16) for i in changes.deleted}
    relabelled = {int(i, 16): labels for i, labels in changes.relabelled.items()}
    ids = {int(i, 16) for i in changes.added} | deleted | relabelled.keys()
    known = _known(ledger, ids)
    fresh = {int(i, 16) for i in changes.added} - {one.id for one in known} - deleted
    moved = [one for one in known if one.id in relabelled and one.id not in deleted]
    told: Found = found_now(gmail, patience) if fresh or moved else {}
    added = _added(ledger, fresh, told, choices)
    opened = _reopened(ledger, [one for one in moved if _may_be_wanted(one, relabelled[one.id])], told, choices)
    ledger.write(
        *added,
        *opened,
        *_deleted(ledger, [one for one in known if one.id in deleted]),
        *ledger.remark(_remarks(moved, told, choices)),
        ledger.keep("since", changes.history_id),
        *([counted] if changes.complete else []),
    )
    return bool(added or opened) or not changes.complete


def _known(ledger: Ledger, ids: set[int]) -> list[_Known]:
    if not ids:
        return []
    marks = ledger.marks()
    return [_Known(i, number, Mark(marks[number])) for number, i in enumerate(ledger.ids()) if i in ids]


def _may_be_wanted(message: _Known, changed: frozenset[str]) -> bool:
    """Tell whether a message that was left out for its labels may be wanted by now."""
    hidden = message.mark in {Mark.SKIPPED_SPAM, Mark.SKIPPED_TRASH}
    return bool(changed & _HIDDEN) if hidden else message.mark is Mark.SKIPPED_LABEL and bool(changed - _STATES)


def _added(ledger: Ledger, fresh: set[int], told: Found, choices: Choices) -> list[Command]:
    """Return the commands that add messages to the plan, newest first."""
    ids = sorted(fresh, reverse=True)
    return ledger.add_to_plan(ids, marks_of(ids, told, choices)) if ids else []


def _reopened(ledger: Ledger, messages: Sequence[_Known], told: Found, choices: Choices) -> list[Command]:
    """Return the commands that open messages again, or give them the reason for which they are left out now."""
    marks = marks_of([one.id for one in messages], told, choices)
    pairs = zip(messages, marks, strict=True)
    return [ledger.mark(one.number, mark) for one, mark in pairs if mark is not one.mark]


def _deleted(ledger: Ledger, messages: Sequence[_Known]) -> list[Command]:
    """Return the commands that say of messages that they were deleted: before they were copied, or later."""
    later = [(one.number, Remark.DELETED_LATER) for one in messages if one.mark.is_in_mailbox]
    never = [one.number for one in messages if one.mark in _BY_LABELS]
    return [*ledger.remark(later), *(ledger.mark(number, Mark.SKIPPED_GONE) for number in never)]


def _remarks(moved: Sequence[_Known], told: Found, choices: Choices) -> Iterator[tuple[int, Remark]]:
    """Yield what is to be said of copies whose messages were given other labels."""
    unwanted = {Mark.SKIPPED_SPAM, Mark.SKIPPED_TRASH}
    copied = [one for one in moved if one.mark.is_in_mailbox]
    for one, mark in zip(copied, marks_of([one.id for one in copied], told, choices), strict=True):
        yield one.number, Remark.TRASHED_LATER if mark in unwanted else Remark.CHANGED_MEANWHILE


def _compare(ledger: Ledger, told: Found, choices: Choices) -> None:
    """Add what the plan lacks of a complete listing, and open again what has left spam or trash."""
    ids = ledger.ids()
    marks = ledger.marks()
    everything = set().union(*told.values())
    hidden = [
        _Known(i, number, Mark(marks[number]))
        for number, i in enumerate(ids)
        if marks[number] in {Mark.SKIPPED_SPAM, Mark.SKIPPED_TRASH} and i in everything
    ]
    ledger.write(
        *_added(ledger, everything.difference(ids), told, choices),
        *_reopened(ledger, hidden, told, choices),
        *end_of_listing(ledger),
    )
