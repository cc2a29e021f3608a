"""The doors that a process with secrets is left with: Google, the mailbox, the state store, and its own folder."""

import tempfile
from collections.abc import Callable

import structlog

from app.config import Config
from jobs.reach import places_of
from migrator.egress import Doors, Reach, Trust, close_the_doors, connecting, endpoint, pin

_log = structlog.get_logger()


def tell_refusal(what: str) -> None:
    """Say in the log what a process outside slices tried; a slice's worker is told instead, and ends it."""
    _log.critical("egress-refused", code=f"egress-refused:{what}")


def close_doors(
    config: Config,
    state_url: str,
    refused: Callable[[str], None],
    contacted: Callable[[str], None],
    *,
    to_mailbox: bool,
    first: str = "",
) -> Reach:
    """Look the mailbox host up, if it is needed, and leave this process nothing but its doors, for good.

    Args:
        config: names Google's addresses, the mailbox host and the files that must not be read.
        state_url: the state store.
        refused: told what was tried and may not be, before it fails.
        contacted: told each `host:port` that is connected to, but for the store.
        to_mailbox: whether the mailbox may be reached.
        first: the address of the mailbox host that served before; "" where none is known.

    Returns: what connects to the mailbox's checked addresses.

    Raises:
        UnknownHost: the mailbox host has no address.
        MailboxUnreachable: its name could not be looked up now.
        redis.ConnectionError: the store is watched by Sentinels, and none of them answers.
    """
    google, to = config.google, config.target
    mailbox = pin(to.host, to.port, to.tls, Trust.OPERATOR) if to_mailbox else None
    doors = Doors(
        folder=tempfile.gettempdir(),
        endpoints=frozenset(map(endpoint, (google.api, google.token_uri, google.revoke_uri))),
        mailbox=mailbox,
        store=places_of(state_url),
        secrets=config.secret_files,
    )
    close_the_doors(doors, refused, contacted)
    return connecting(mailbox, first)
