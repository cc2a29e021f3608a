"""A launch that the same browser brings twice within seconds: a button pressed twice, or the way back taken.

A launch is good once. But the second press goes out before the first is answered, and the browser forgets the first:
what answers the second press is what the person sees. So for some seconds it is remembered which session a launch
began, sealed by the launch itself, and the same browser is led into it. The same browser is the one that

* brings the mark that the first answer gave (`web.browsers`): it has got that answer; or
* asks from the same address in the same way, while nobody has used that session yet: so the first answer was lost.

Everybody else, and everybody later, is refused as before, and who signed out stays signed out.
"""

import hmac
from dataclasses import asdict, dataclass, field

from redis import Redis
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from web import session as sessions
from web.sealed import Drawer, forget, look, put
from web.session import Session

REPEAT_SECONDS = 20
"""How long the same launch leads the same browser into the same session."""

_DRAWER = Drawer("launched:", b"gmail-migrator launch used")
_BEGINNING_SECONDS = 3.0
"""How long a second press waits for the session that the first one is about to begin."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Who launches: the browser's mark, and its traits (`traits_of`); either may be empty."""

    mark: str = field(repr=False)
    traits: str = field(repr=False)


def first(state: Redis, token: str, session_id: str, asking: Asking) -> bool:
    """Note which session a launch is about to begin, and for whom; False where that is noted already."""
    return put(state, _DRAWER, token, {"session": session_id, **asdict(asking)}, REPEAT_SECONDS, only="new")


def never(state: Redis, token: str) -> None:
    """Forget a launch that was no good, or no longer."""
    forget(state, _DRAWER, token)


def again(state: Redis, token: str, brought: Asking) -> Session | None:
    """Return the session that a launch has begun for this browser; None for any other, and where it has ended."""
    row = look(state, _DRAWER, token)
    if row is None:
        return None
    by_mark, by_traits = _same(brought.mark, row["mark"]), _same(brought.traits, row["traits"])
    session = _begun(state, row["session"], row["mark"]) if by_mark or by_traits else None
    if session is None or not (by_mark or not session.used):
        return None
    return session


def _begun(state: Redis, session_id: str, mark: str) -> Session | None:
    """Return the session, under the id it has by now, once it has begun."""
    waits = Retrying(
        retry=retry_if_result(lambda session: session is None),
        stop=stop_after_delay(_BEGINNING_SECONDS),
        wait=wait_fixed(0.05),
        retry_error_callback=lambda _: None,
    )
    found: Session | None = waits(sessions.current, state, session_id, mark)
    return found


def _same(one: str, other: str) -> bool:
    return bool(one) and hmac.compare_digest(one, other)
