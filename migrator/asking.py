"""This request, or everything? What a refusal of Google's means is told by asking Google something else.

Any status has been seen for a single message, and any once: transient 4xx, 401s with a valid grant, pages of HTML. So
after all tries the account's profile is asked for. What that is refused with holds for the account; where it is
answered, the refusal concerned the request, or part of Google, and that passes.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying

from migrator.errors import GoogleDown, GoogleUnavailable, MigrationError, Transient
from migrator.gmail import Gmail
from migrator.retry import TRIES, Patience

T = TypeVar("T")

_PAUSE = 60.0
_TRIES = 3


def asked(gmail: Gmail, patience: Patience, action: Callable[[], T], policy: Retrying | None = None) -> T:
    """Call `action`, which asks Google about the whole account, until it is answered.

    Raises:
        Permanent: Google refuses the account, the grant or the project, and says so.
        GoogleDown: it is refused for no such reason.
    """
    try:
        found: T = (policy or patience.retrying(Transient).copy(stop=_tried_enough))(action)
    except GoogleUnavailable as refusal:
        raise meaning(gmail, patience, refusal) from None
    return found


def _tried_enough(state: RetryCallState) -> bool:
    """Give up early where Google says in so many words that it is the account: it is to be told at once."""
    error = state.outcome.exception() if state.outcome else None
    sure = isinstance(error, GoogleUnavailable) and error.sure
    return state.attempt_number >= (_TRIES if sure else TRIES)


def meaning(gmail: Gmail, patience: Patience, refusal: GoogleUnavailable) -> MigrationError:
    """Return what a refusal of a whole-account request means once all tries are used up."""
    if refusal.sure and refusal.lasting:
        return refusal.lasting
    return refused_altogether(gmail, patience) or _down(refusal)


def refused_altogether(gmail: Gmail, patience: Patience) -> MigrationError | None:
    """Ask for the profile; return what Google refuses the whole account with, None where it answers.

    A refusal may also come once and by chance, so only what every try was refused with holds for the account.
    """
    reasons = set[type[MigrationError] | None]()

    def account() -> None:
        try:
            gmail.account()
        except GoogleUnavailable as refusal:
            reasons.add(type(refusal.lasting) if refusal.lasting else None)
            raise

    try:
        patience.retrying(Transient, tries=_TRIES)(account)
    except GoogleUnavailable as refusal:
        return (refusal.lasting if len(reasons) == 1 else None) or _down(refusal)
    except Transient as error:
        return _down(error)
    return None


def _down(error: MigrationError) -> GoogleDown:
    return GoogleDown(time.time() + _PAUSE, error.detail)
