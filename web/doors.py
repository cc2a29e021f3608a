"""What the pages are given: the rooms behind them, as functions. They know no configuration and hold no secret."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from starlette.responses import Response

from migrator.labels import Choices
from migrator.quota import Profile
from web.entrance import Entrance
from web.launch import Panel
from web.pools import Pools
from web.session import Session
from web.signin import Check
from web.views.check import Counted
from web.views.choose import Looked
from web.views.host import Host
from web.visitor import Owned


@dataclass(frozen=True, slots=True)
class Addresses:
    """From which account to which mailbox, in full."""

    account: str = field(repr=False)
    mailbox: str = field(repr=False)


class MailboxForgotten(Exception):
    """The session's credentials for the mailbox are used, or their half hour is over: the customer comes in again."""

    code = "session-over"


@dataclass(frozen=True, slots=True)
class Ways:
    """How customers come in; each None where the host has not configured it."""

    entrance: Entrance
    panel: Panel | None = None
    check: Check | None = None


@dataclass(frozen=True, slots=True)
class Consents:
    """The way to Google and back.

    Attributes:
        ready: whether the session's mailbox can be entered, so that an import may be connected.
        begin: begins a consent for a session (and the Gmail address it expects or ""); returns Google's URL.
        reconnect: the same for an import of the session's that waits for a new grant. One whose key was lost needs its
            mailbox as well: raises `MailboxForgotten`, `OtherMailbox`.
        connect: takes Google's answer (the session, the URL's query); returns the id of the import it connected. A new
            one has not started. Raises `GrantError`, `AccountBusy`, `MailboxForgotten`, `OtherMailbox`,
            `IllegalTransition`.
    """

    ready: Callable[[Session], bool]
    begin: Callable[[Session, str], str]
    reconnect: Callable[[Session, str], str]
    connect: Callable[[Session, str], str]


@dataclass(frozen=True, slots=True)
class LookOver:
    """An account looked over before its import starts.

    Attributes:
        begin: begins it in the background; harmless when it is under way or done.
        found: what was found; a `Failed` with its `code`; None while it is under way.
        counted: the sums of what was found.
        usual: the choices an import of this account begins with; of None, one that was not counted yet.
        looked: what the import would do under some choices.
    """

    begin: Callable[[str], None]
    found: Callable[[str], Any]
    counted: Callable[[Any], Counted]
    usual: Callable[[Any], Choices]
    looked: Callable[[Any, Choices], Looked]


@dataclass(frozen=True, slots=True)
class Doors:
    """What the pages may do, and where their sessions lie.

    Attributes:
        state: the state store, where sessions lie.
        host: who offers the import.
        profile: Google's quota for the host's project.
        ways: how customers come in.
        consents: to Google and back.
        look_over: an account looked over.
        addresses: both addresses of an import; None when its key is gone.
        start: starts a connected import under these choices. Raises `IllegalTransition` when it has been started,
            `SealBroken` when its key is lost.
        ended: the page of an import that has ended.
        open_state: opens a client of the state store for the loop it is called in.
        closing: set when the server ends; pages that are kept up to date are let go then.
        receipt_keys: the public keys receipts are verified by, as a JWK set (RFC 7517 §5).
        pools: where the work is done that waits for somebody else.
    """

    state: Redis
    host: Host
    profile: Profile
    ways: Ways
    consents: Consents
    look_over: LookOver
    addresses: Callable[[str], Addresses | None]
    start: Callable[[str, Choices], None]
    ended: Callable[[Owned], Response]
    open_state: Callable[[], AsyncRedis]
    closing: Event
    receipt_keys: Mapping[str, Any] = field(repr=False)
    pools: Pools
