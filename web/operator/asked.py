"""What a single sign-on asked with: kept for ten minutes, for one answer to the browser session that asked.

So nobody's answer ends in somebody else's session (RFC 9700 §4.7), and none is taken twice.
"""

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass, field
from typing import Any, cast

from oauth.errors import SealBroken
from web.operator import session as sessions
from web.operator.accounts import Roster
from web.operator.session import Session

_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Asked:
    """A sign-on under way.

    Attributes:
        state, nonce, verifier: what it asks with; all random.
        session: the digest of the session it belongs to.
        stepping_up: it is to show anew who is there.
        back: the place it leads to.
    """

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    session: str = field(repr=False)
    stepping_up: bool
    back: str


class NotAsked(Exception):
    """Nothing was asked that this answers: it was answered before, is over, or another session asked it."""


def ask(roster: Roster, session: Session, back: str, *, stepping_up: bool) -> Asked:
    """Begin a sign-on for a session."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    asked = Asked(state, nonce, verifier, sessions.digest_of(session), stepping_up, back)
    name = _name(asked.state)
    roster.state.set(name, roster.vault.wrap(name, json.dumps(asdict(asked)).encode()), ex=_SECONDS)
    return asked


def take(roster: Roster, session: Session | None, state: str) -> Asked:
    """Return the sign-on that is answered, which is waited for no longer, whoever asked.

    Raises:
        NotAsked: as it says.
    """
    name = _name(state)
    wrapped = cast("bytes | None", roster.state.getdel(name))
    if wrapped is None or session is None:
        raise NotAsked
    try:
        row: dict[str, Any] = json.loads(roster.vault.unwrap(name, wrapped))
    except SealBroken:  # the master key it was wrapped by is gone
        raise NotAsked from None
    asked = Asked(**row)
    if asked.session != sessions.digest_of(session):
        raise NotAsked
    return asked


def _name(state: str) -> str:
    return f"staff:sso:{hashlib.sha256(state.encode()).hexdigest()}"
