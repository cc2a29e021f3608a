"""Every message id of an account listed once, step by step, going on where a slice before stopped.

Gmail promises no order and no stable paging, so what is listed is collected as sets. Ids alone are listed (5 units per
500). A listing that never ends, or repeats itself, is begun again later.
"""

import struct
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

from migrator.asking import asked
from migrator.errors import GoogleDown
from migrator.gmail import MOST_PAGES, Gmail, Listing, Page, Turns
from migrator.labels import Choices
from migrator.ledger import Command, Ledger
from migrator.outcome import Mark
from migrator.period import surely_before
from migrator.retry import Patience

Found = Mapping[str, set[int]]
"""Message ids by the step that listed them."""

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
_PAUSE = 60.0


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the listing is: the step's name (or "end"), its next page's token (None: the first), pages so far."""

    step: str
    token: str | None
    pages: int = 0


def begun(ledger: Ledger) -> Command:
    """Return the command that begins the listing."""
    return ledger.keep("listing", astuple(Cursor("all", None)))


def is_listing(ledger: Ledger) -> bool:
    """Tell whether a listing was begun whose result is not in the plan yet."""
    return ledger.load("listing") is not None


def listed(gmail: Gmail, ledger: Ledger, choices: Choices, patience: Patience) -> bool:
    """Go on with the listing, by one page at least; return True when it is complete."""
    walk, cursor = _Walk(gmail, ledger, choices, patience), Cursor(*ledger.load("listing"))
    if cursor.step != _ALL_LISTED:
        cursor = walk.resumed(cursor)
    while cursor.step != _ALL_LISTED and not patience.over:
        cursor = walk.some(cursor)
    return cursor.step == _ALL_LISTED


def found(ledger: Ledger) -> Found:
    """Return what was listed."""
    return {step: set(ledger.found(step)) for step in (*_STEPS, _OLDER)}


def found_now(gmail: Gmail, patience: Patience) -> Found:
    """List at once what decides about messages that have just arrived: short listings, none of the whole account.

    What is older than the period is not listed: of what has just arrived it is next to nothing, seen when read.
    """
    return {
        step: {int(i, 16) for i in asked(gmail, patience, lambda s=step: list(gmail.ids(_STEPS[s])))}  # type: ignore[misc]
        for step in _STEPS
        if step != "all"
    }


def end_of_listing(ledger: Ledger) -> list[Command]:
    """Return the commands that forget what was listed; they go into the write that makes a plan of it."""
    return [ledger.keep("listing", None), *(("DEL", ledger.key(f"found:{step}")) for step in (*_STEPS, _OLDER))]


def marks_of(ids: Sequence[int], found: Found, choices: Choices) -> list[Mark]:
    """Return what is decided about each message by the labels it was listed under."""
    if not ids:
        return []
    skipped: Sequence[tuple[str, Mark]] = [
        ("CHAT", Mark.SKIPPED_CHAT),
        *([] if choices.trash else [("TRASH", Mark.SKIPPED_TRASH)]),
        *([] if choices.spam else [("spam alone", Mark.SKIPPED_SPAM)]),
        (_OLDER, Mark.SKIPPED_PERIOD),
        ("large", Mark.PENDING_LARGE),
    ]
    told = {**found, "spam alone": found["SPAM"] - found["TRASH"]}  # spam in the trash is trash, as `labels.place` says
    return [next((mark for step, mark in skipped if i in told.get(step, ())), Mark.PENDING) for i in ids]


def _steps(choices: Choices) -> dict[str, Listing]:
    """Return what is listed, in order, by the step's name."""
    return {**_STEPS, _OLDER: Listing(query=surely_before(choices.since))} if choices.since else _STEPS


class _Walk:
    """The steps of a listing, gone through by one slice."""

    def __init__(self, gmail: Gmail, ledger: Ledger, choices: Choices, patience: Patience) -> None:
        self._gmail = gmail
        self._ledger = ledger
        self._steps = _steps(choices)
        self._patience = patience
        self._turns: dict[str, Turns] = defaultdict(lambda: Turns(MOST_PAGES))

    def resumed(self, cursor: Cursor) -> Cursor:
        """Go on from a place written down earlier; where Google no longer takes its token, from the step's start."""
        try:
            return self.some(cursor)
        except GoogleDown:
            if cursor.token is None:
                raise
            return self.some(Cursor(cursor.step, None))

    def some(self, cursor: Cursor) -> Cursor:
        """List up to twenty pages and write them down with the place to go on from; return that place."""
        ids: list[int] = []
        token, pages = cursor.token, cursor.pages
        for _ in range(_PAGES_A_WRITE):
            page = self._page(cursor.step, token, pages)
            ids += [int(message_id, 16) for message_id in page.ids]
            token, pages = page.next_token, pages + 1
            if token is None or self._patience.over:
                break
        further = Cursor(cursor.step, token, pages) if token else Cursor(self._step_after(cursor.step), None)
        self._ledger.write(
            ("APPEND", self._ledger.key(f"found:{cursor.step}"), struct.pack(f">{len(ids)}Q", *ids)),
            self._ledger.keep("listing", astuple(further)),
        )
        return further

    def _page(self, step: str, token: str | None, pages: int) -> Page:
        if pages >= MOST_PAGES or not self._turns[step].may_ask(token):
            raise self._endless(step)
        return asked(self._gmail, self._patience, lambda: self._gmail.page(self._steps[step], token))

    def _endless(self, step: str) -> GoogleDown:
        """Forget what a step listed, to begin it again later, and return the error to raise."""
        start = self._ledger.keep("listing", astuple(Cursor(step, None)))
        self._ledger.write(("DEL", self._ledger.key(f"found:{step}")), start)
        return GoogleDown(time.time() + _PAUSE, "endless")

    def _step_after(self, step: str) -> str:
        names = [*self._steps, _ALL_LISTED]
        return names[names.index(step) + 1]
