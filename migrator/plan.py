"""Which messages go, in which order: every id is listed once, sorted newest first, and what is not wanted is marked.

Gmail promises no order and no stable paging, so listing is collected as sets; it goes on where it stopped when a
slice ends. Ids alone are listed (5 units per 500); labels and dates come with each message later.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from migrator.foldermap import map_folders
from migrator.gmail import Gmail, Listing
from migrator.labels import Choices, Label
from migrator.ledger import Ledger
from migrator.mailbox import Mailbox
from migrator.naming import FolderNames
from migrator.outcome import Mark
from migrator.retry import Patience, attempt

Order = Literal["newest-first", "oldest-first"]

_STEPS: dict[str, Listing] = {
    "all": Listing(),
    "SPAM": Listing(label_ids=("SPAM",)),
    "TRASH": Listing(label_ids=("TRASH",)),
    "CHAT": Listing(label_ids=("CHAT",)),
    "large": Listing(query="larger:2M"),
}
_PAGES_A_WRITE = 20


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the listing is: the step's name, and the token of its next page (None: from its start)."""

    step: str
    token: str | None


def plan_slice(
    gmail: Gmail, mailbox: Mailbox, ledger: Ledger, choices: Choices, order: Order, patience: Patience
) -> bool:
    """Go on with the plan; return True when it is complete."""
    if ledger.load("since") is None:
        _begin(gmail, mailbox, ledger, choices, patience)
    cursor = _cursor(ledger.load("listing"))
    while cursor is not None and not patience.over:
        cursor = _list_some(gmail, ledger, cursor, patience)
    if cursor is not None:
        return False
    _decide(ledger, choices, order)
    return True


def catch_up(gmail: Gmail, ledger: Ledger, choices: Choices, patience: Patience) -> int:
    """Add what arrived at Gmail since the plan; return how many messages that are."""
    added, history = attempt(patience, lambda: gmail.added_since(ledger.load("since")))
    unwanted = _unwanted(gmail, choices, patience) if added else {}
    known = set(ledger.ids())
    fresh = sorted((i for i in (int(x, 16) for x in added) if i not in known), reverse=True)
    if fresh:
        ledger.add_to_plan(fresh, [unwanted.get(i, Mark.PENDING) for i in fresh])
    ledger.write(ledger.keep("since", history))
    return len(fresh)


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


def _list_some(gmail: Gmail, ledger: Ledger, cursor: Cursor, patience: Patience) -> Cursor | None:
    """List up to twenty pages and write them down with the place to go on from; return that place."""
    found: list[int] = []
    token = cursor.token
    for _ in range(_PAGES_A_WRITE):
        page = attempt(patience, lambda at=token: gmail.page(_STEPS[cursor.step], at))  # type: ignore[misc]
        found += [int(message_id, 16) for message_id in page.ids]
        token = page.next_token
        if token is None or patience.over:
            break
    following = cursor if token else _next_step(cursor)
    further = None if following is None else Cursor(following.step, token)
    ledger.write(
        ("APPEND", ledger.key(f"found:{cursor.step}"), struct.pack(f">{len(found)}Q", *found)),
        ledger.keep("listing", [further.step, further.token] if further else []),
    )
    return further


def _next_step(cursor: Cursor) -> Cursor | None:
    names = list(_STEPS)
    place = names.index(cursor.step) + 1
    return Cursor(names[place], None) if place < len(names) else None


def _cursor(held: Any) -> Cursor | None:
    return Cursor(*held) if held else None


def _decide(ledger: Ledger, choices: Choices, order: Order) -> None:
    """Turn the listed sets into the plan, in one write; the sets are no longer needed then."""
    found = {step: set(ledger.found(step)) for step in _STEPS}
    unwanted = _marks_by_label(found, choices)
    ids = sorted(set().union(*found.values()), reverse=order == "newest-first")
    large = found["large"]
    marks = [unwanted.get(i) or (Mark.PENDING_LARGE if i in large else Mark.PENDING) for i in ids]
    ledger.set_plan(ids, marks)
    ledger.write(*(("DEL", ledger.key(f"found:{step}")) for step in _STEPS))


def _unwanted(gmail: Gmail, choices: Choices, patience: Patience) -> dict[int, Mark]:
    found = {
        step: {int(i, 16) for i in attempt(patience, lambda s=step: list(gmail.ids(_STEPS[s])))}  # type: ignore[misc]
        for step in ("SPAM", "TRASH", "CHAT")
    }
    return _marks_by_label(found, choices)


def _marks_by_label(found: dict[str, set[int]], choices: Choices) -> dict[int, Mark]:
    skipped: Sequence[tuple[str, Mark]] = [
        *([] if choices.spam else [("SPAM", Mark.SKIPPED_SPAM)]),
        *([] if choices.trash else [("TRASH", Mark.SKIPPED_TRASH)]),
        ("CHAT", Mark.SKIPPED_CHAT),
    ]
    return {i: mark for step, mark in skipped for i in found[step]}
