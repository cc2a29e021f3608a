"""Google's answers that came: the same one again, from the same customer, comes to what the first came to.

A code is good once, but browsers ask twice: the person presses reload while Google is slow, or comes back to the page.
The first request goes on whether or not anybody still waits for it; the second is told to look again in a moment, and
then where the first has led. Nothing is exchanged twice, and nobody else learns anything: a row is found by the answer
together with the browser, customer and mailbox that the consent was begun for (`Session.binding`).
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

from oauth.consent import state_of
from oauth.errors import ConsentNotOurs
from oauth.keystores import Keys
from web.session import Session

_SECONDS = 600
"""As long as a consent may be answered at all (`oauth.pending`)."""

_LONGEST_SECONDS = 180
"""What taking an answer may last; where its process died, the row ends by then."""


@dataclass(slots=True)
class Came:
    """An answer of Google's, and what it came to.

    Attributes:
        query: of the URL Google sent the browser back to.
        before: it is being taken already, or was.
        migration: the import that it connected; empty where none, or not yet.
        code: why it connected none; empty where it did, or not yet.
    """

    query: str = field(repr=False)
    before: bool = False
    migration: str = ""
    code: str = ""


@contextmanager
def taking(keys: Keys, session: Session, query: str) -> Iterator[Came]:
    """Give an answer to be taken, unless it came `before`; what the block sets in it is remembered.

    Args:
        keys: the key stores.
        session: who brings it.
        query: of the URL Google sent the browser back to.
    """
    name = _name(session, query)
    if not keys.set(name, _row(Came(query)), nx=True, ex=_LONGEST_SECONDS):
        yield _found(keys, name, query)
        return
    came = Came(query)
    try:
        yield came
    finally:
        _note(keys, name, came)


def _note(keys: Keys, name: str, came: Came) -> None:
    """Remember what an answer came to; one that was none of ours, or that nobody knows of, leaves nothing."""
    if came.migration or came.code not in {"", ConsentNotOurs.code}:
        keys.set(name, _row(came), ex=_SECONDS)
    else:
        keys.delete(name)


def _found(keys: Keys, name: str, query: str) -> Came:
    row = cast("bytes | None", keys.get(name))
    migration, code = json.loads(row) if row else ("", "")
    return Came(query, before=True, migration=migration, code=code)


def _row(came: Came) -> str:
    return json.dumps([came.migration, came.code])


def _name(session: Session, query: str) -> str:
    # By the state alone: who presses twice at Google brings another code for the same consent.
    return f"consent:came:{hashlib.sha256(f'{session.binding} {state_of(query)}'.encode()).hexdigest()}"
