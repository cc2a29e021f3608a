"""Which messages go, in which order: every id is listed once, sorted newest first, and what is not wanted is marked.

Gmail promises no order and no stable paging, so listing is collected as sets; it goes on where it stopped when a
slice ends. Ids alone are listed (5 units per 500); labels and dates come with each message later. Where only a period
is wanted, what is older beyond doubt is listed too, and never read.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from migrator.foldermap import map_folders
from migrator.gmail import Gmail, HistoryTooOld, Listing, RequestRefused
from migrator.labels import Choices, Label
from migrator.ledger import Command, Ledger
from migrator.mailbox import Mailbox
from migrator.naming import FolderNames
from migrator.outcome import Mark
from migrator.period import surely_before
from migrator.retry import Patience, attempt

Order = Literal["newest-first", "oldest-first"]

_STEPS: dict[str, Listing] = {
    "all": Listing(),
    "SPAM": Listing(label_ids=("SPAM",)),
    "TRASH": Listing(label_ids=("TRASH",)),
    "CHAT": Listing(label_ids=("CHAT",)),
    "large": Listing(query="larger:2M"),
}
_OLDER = "older"
_ALL_LISTED = "end"
_PAGES_A_WRITE = 20
_DECIDED = "decided"


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the listing is: the step's name (or "end"), and the token of its next page (None: from its start)."""

    step: str
    token: str | None


def plan_slice(
    gmail: Gmail, mailbox: Mailbox, ledger: Ledger, choices: Choices, order: Order, patience: Patience
) -> bool:
    """Go on with the plan, by one page at least; return True when it is complete, also when it was so before."""
    if ledger.is_planned():
        return True
    if ledger.load("since") is None:
        _begin(gmail, mailbox, ledger, choices, patience)
    if not _listed(gmail, ledger, choices, patience):
        return False
    found = _found(ledger)
    ids = sorted(set().union(*found.values()), reverse=order == "newest-first")
    ledger.write(*ledger.plan(ids, _marks(ids, found, choices)), *_end_of_listing(ledger))
    return True


def catch_up(gmail: Gmail, ledger: Ledger, choices: Choices, patience: Patience) -> bool:
    """Add what arrived at Gmail since the plan; return True while there is more to do (copying, or looking again).

    Where Google no longer knows the history, everything is listed once more, and what the plan lacks is added; what
    arrives meanwhile is in the history again.
    """
    if ledger.load("listing") is None:
        try:
            added, history = attempt(patience, lambda: gmail.added_since(ledger.load("since")))
        except HistoryTooOld:
            account = attempt(patience, gmail.account)
            ledger.write(ledger.keep("listing", ["all", None]), ledger.keep("since", account.history_id))
        else:
            ids = {int(message_id, 16) for message_id in added}
            found = _found_now(gmail, patience) if ids else {}
            return _add(ledger, ids, found, choices, [ledger.keep("since", history)])
    if _listed(gmail, ledger, choices, patience):
        found = _found(ledger)
        _add(ledger, set().union(*found.values()), found, choices, _end_of_listing(ledger))
    return True


def labels_of(ledger: Ledger) -> tuple[Label, ...]:
    """Return the account's labels as the plan saw them."""
    return tuple(Label(*row) for row in ledger.load("labels"))


def _begin(gmail: Gmail, mailbox: Mailbox, ledger: Ledger, choices: Choices, patience: Patience) -> None:
    """Note the history id before anything is listed, then fix the folder names for the whole migration."""
    account = attempt(patience, gmail.account)
    labels = attempt(patience, gmail.labels)
    shape = mailbox.shape()
    names = FolderNames.of(map_folders(labels, shape, choices), shape)
    ledger.write(
        names.kept(ledger),
        ledger.keep("labels", [[lb.id, lb.name, lb.type, lb.hidden] for lb in labels]),
        ledger.keep("listing", ["all", None]),
        ledger.keep("since", account.history_id),
    )


def _steps(choices: Choices) -> dict[str, Listing]:
    """Return what is listed, in order, by the step's name."""
    return {**_STEPS, _OLDER: Listing(query=surely_before(choices.since))} if choices.since else _STEPS


def _listed(gmail: Gmail, ledger: Ledger, choices: Choices, patience: Patience) -> bool:
    """Go on with the listing; return True when it is complete."""
    steps, cursor = _steps(choices), Cursor(*ledger.load("listing"))
    if cursor.step != _ALL_LISTED:
        cursor = _list_on(gmail, ledger, steps, cursor, patience)
    while cursor.step != _ALL_LISTED and not patience.over:
        cursor = _list_some(gmail, ledger, steps, cursor, patience)
    return cursor.step == _ALL_LISTED


def _list_on(gmail: Gmail, ledger: Ledger, steps: Mapping[str, Listing], cursor: Cursor, patience: Patience) -> Cursor:
    """Go on from a place written down earlier; where Google no longer takes its token, from the step's start."""
    try:
        return _list_some(gmail, ledger, steps, cursor, patience)
    except RequestRefused:
        if cursor.token is None:
            raise
        return _list_some(gmail, ledger, steps, replace(cursor, token=None), patience)


def _list_some(
    gmail: Gmail, ledger: Ledger, steps: Mapping[str, Listing], cursor: Cursor, patience: Patience
) -> Cursor:
    """List up to twenty pages and write them down with the place to go on from; return that place."""
    found: list[int] = []
    token = cursor.token
    for _ in range(_PAGES_A_WRITE):
        page = attempt(patience, lambda at=token: gmail.page(steps[cursor.step], at))  # type: ignore[misc]
        found += [int(message_id, 16) for message_id in page.ids]
        token = page.next_token
        if token is None or patience.over:
            break
    further = Cursor(cursor.step if token else _step_after(cursor.step, steps), token)
    ledger.write(
        ("APPEND", ledger.key(f"found:{cursor.step}"), struct.pack(f">{len(found)}Q", *found)),
        ledger.keep("listing", [further.step, further.token]),
    )
    return further


def _step_after(step: str, steps: Mapping[str, Listing]) -> str:
    names = [*steps, _ALL_LISTED]
    return names[names.index(step) + 1]


def _found(ledger: Ledger) -> dict[str, set[int]]:
    return {step: set(ledger.found(step)) for step in (*_STEPS, _OLDER)}


def _found_now(gmail: Gmail, patience: Patience) -> dict[str, set[int]]:
    """List at once what decides about messages that have just arrived: short listings, none of the whole account.

    What is older than the period is not listed: of what has just arrived it is next to nothing, seen when read.
    """
    return {
        step: {int(i, 16) for i in attempt(patience, lambda s=step: list(gmail.ids(_STEPS[s])))}  # type: ignore[misc]
        for step in _STEPS
        if step != "all"
    }


def _end_of_listing(ledger: Ledger) -> list[Command]:
    """Return the commands that forget what was listed; they go into the write that makes a plan of it."""
    return [ledger.keep("listing", None), *(("DEL", ledger.key(f"found:{step}")) for step in (*_STEPS, _OLDER))]


def _add(
    ledger: Ledger, ids: set[int], found: Mapping[str, set[int]], choices: Choices, also: Sequence[Command]
) -> bool:
    """Add to the plan what it does not have yet, newest first; tell whether there was anything."""
    fresh = sorted(ids.difference(ledger.ids()), reverse=True) if ids else []
    added = ledger.add_to_plan(fresh, _marks(fresh, found, choices)) if fresh else []
    ledger.write(*added, *also)
    return bool(fresh)


def _marks(ids: Sequence[int], found: Mapping[str, set[int]], choices: Choices) -> list[Mark]:
    """Return what is decided about each message by the labels it was listed under."""
    skipped: Sequence[tuple[str, Mark]] = [
        ("CHAT", Mark.SKIPPED_CHAT),
        *([] if choices.trash else [("TRASH", Mark.SKIPPED_TRASH)]),
        *([] if choices.spam else [("spam alone", Mark.SKIPPED_SPAM)]),
        (_OLDER, Mark.SKIPPED_PERIOD),
        ("large", Mark.PENDING_LARGE),
    ]
    told = {**found, "spam alone": found["SPAM"] - found["TRASH"]}  # spam in the trash is trash, as `labels.place` says
    return [next((mark for step, mark in skipped if i in told.get(step, ())), Mark.PENDING) for i in ids]
