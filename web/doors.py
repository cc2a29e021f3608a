"""What the pages are given: the rooms behind them, as functions. They know no configuration and hold no secret."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from redis import Redis


@dataclass(frozen=True, slots=True)
class Doors:
    """What the pages may do, and where their sessions lie.

    Attributes:
        state: the state store, where sessions lie.
        begin: begins a consent for a session (its id, the Gmail address it expects or ""); returns Google's URL.
        connect: takes Google's answer (the session's id, the URL's query); returns the id of the import it connected,
            which has not started. Raises `GrantError` and `AccountBusy`.
        start: starts a connected import into a mailbox (import's id, user name, password). Raises `IllegalTransition`
            when it has been started, `SealBroken` when its key is lost.
        sentence: what a code means to people.
        receipt_keys: the public keys receipts are verified by, as a JWK set (RFC 7517 §5).
    """

    state: Redis
    begin: Callable[[str, str], str]
    connect: Callable[[str, str], str]
    start: Callable[[str, str, str], None]
    sentence: Callable[[str], str]
    receipt_keys: Mapping[str, Any] = field(repr=False)
