"""Google's answers that came: the same one again, from the same customer, comes to what the first came to.

A code is good once, but browsers ask twice: the person presses reload while Google is slow, or comes back to the page.
The first request goes on whether or not anybody still waits for it; the second is told to look again in a moment, and
then where the first has led. Nothing is exchanged twice, and nobody else learns anything: a row is found by the answer
together with the browser, customer and mailbox that the consent was begun for (`Session.binding`).
"""

import hashlib
import json
from dataclasses import dataclass, field, replace
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
        name: under which it is remembered.
        before: it is being taken already, or was.
        migration: the import that it connected; empty where none, or not yet.
        code: why it connected none; empty where it did, or not yet.
    """

    query: str = field(repr=False)
    name: str
    before: bool = False
    migration: str = ""
    code: str = ""


def began(keys: Keys, session: Session, query: str) -> Came:
    """Return an answer that is to be taken now, unless it came `before`; what it came to is told to `ended`.

    Args:
        keys: the key stores.
        session: who brings it.
        query: of the URL Google sent the browser back to.
    """
    came = Came(query, _name(session, query))
    if keys.set(came.name, _row(came), nx=True, ex=_LONGEST_SECONDS):
        return came
    return _found(keys, came)


def ended(keys: Keys, came: Came) -> None:
    """Remember what an answer came to; one that was none of ours, or that nobody knows of, leaves nothing."""
    if came.migration or came.code not in {"", ConsentNotOurs.code}:
        keys.set(came.name, _row(came), ex=_SECONDS)
    else:
        keys.delete(came.name)


def _found(keys: Keys, came: Came) -> Came:
    row = cast("bytes | None", keys.get(came.name))
    migration, code = json.loads(row) if row else ("", "")
    return replace(came, before=True, migration=migration, code=code)


def _row(came: Came) -> str:
    return json.dumps([came.migration, came.code])


def _name(session: Session, query: str) -> str:
    # By the state alone: who presses twice at Google brings another code for the same consent.
    return f"consent:came:{hashlib.sha256(f'{session.binding} {state_of(query)}'.encode()).hexdigest()}"
