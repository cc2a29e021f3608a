"""What both ways in share: the stores, who may try how often, and the session of the customer who was let in."""

from dataclasses import dataclass, field

from redis import Redis
from starlette.requests import Request
from starlette.responses import Response

from migrator.mailbox import Password
from oauth.keystores import Keys
from oauth.vault import Vault
from web import entrusted, owned
from web import session as sessions
from web.answers import carrying, see
from web.browsers import mark_for, marking
from web.clients import DIRECT, Proxies, client_by
from web.known import Known
from web.limits import Limit, seconds_to_wait
from web.notices import notice_page
from web.returning import let_go_on
from web.session import Entered, Session
from web.views.host import Host

KNOWN = "__Host-migrator-known"
"""The cookie of known browsers."""

START = "/"
"""Where a customer goes who was let in."""


@dataclass(frozen=True, slots=True)
class Entrance:
    """What the ways in are given.

    Attributes:
        state: the state store: sessions, limits, launches that were used.
        keys: the key stores: credentials that wait for their import, launches that were minted.
        vault: wraps those, and makes opaque names.
        proxies: the host's, in front of these pages.
        host: who offers the import.
    """

    state: Redis
    keys: Keys
    vault: Vault = field(repr=False)
    proxies: Proxies = DIRECT
    host: Host = field(default_factory=lambda: Host(""))

    @property
    def known(self) -> Known:
        """The browsers from which customers have signed in."""
        return Known(KNOWN, self.vault)

    def pseudonym(self, name: str) -> str:
        """Return the opaque name of an address."""
        return self.vault.pseudonyms(name)[0]

    def seconds_to_wait(self, limit: Limit, name: str, *, count: bool = True) -> int:
        """Count a try by an address (or only look), and return how long it has to wait (0: not at all)."""
        return seconds_to_wait(self.state, limit, self.pseudonym(name), count=count)


def client_of(entrance: Entrance, request: Request) -> str:
    """Return the part of the client's address by which its tries are counted."""
    return client_by(entrance.proxies, request)


def let_in(
    entrance: Entrance,
    cookie: str,
    customers: tuple[str, ...],
    mailbox: str,
    credentials: Password | None,
    domain: str = "",
    mark: str = "",
    session_id: str = "",
) -> Response:
    """Send a customer who proved who he is to the start, in a session of his own, beside the imports he has already.

    Those that wait for another password of this mailbox get it, and go on.

    Args:
        entrance: the stores.
        cookie: the browser's cookie, whose session ends.
        customers: the customer's id, and others under which imports of his may be kept.
        mailbox: the target mailbox's address.
        credentials: those of the mailbox; None where the host's configuration has them.
        domain: at whose mail server the mailbox is; empty where the configuration has one for all.
        mark: the mark that the browser brings; it is given one where it has none.
        session_id: the new session's id where it was made before.
    """
    mark = mark_for(mark)
    former = sessions.find(entrance.state, cookie)
    if former:
        entrusted.forget(entrance.keys, former.entered.entrusted)
    reference = entrusted.entrust(entrance.keys, entrance.vault, credentials) if credentials else ""
    imports = owned.migrations_of(entrance.state, *customers)
    entered = Entered(customers[0], mailbox, reference, domain)
    ids = tuple(one.id for one in imports)
    session = sessions.enter(entrance.state, former.id if former else "", entered, ids, mark, session_id)
    if credentials:
        let_go_on(entrance.state, entrance.vault, imports, credentials, domain)
    return entered_answer(session)


def entered_answer(session: Session) -> Response:
    """Send a customer to the start, with the session's cookie and his browser's mark."""
    return carrying(marking(see(START), session.browser), session)


def too_often(host: Host, seconds: int) -> Response:
    """Return the page for somebody who tried too often (RFC 6585 §4)."""
    return notice_page(host, "too-often", seconds=seconds)
