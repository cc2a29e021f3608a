"""What a process with secrets reaches: Google, the mailbox, and of the state store what its parent asks in its place.

Its parent names the doors and connects; to the store it has a line to its parent alone (`jobs.storeline`).
"""

import os
import tempfile
from collections.abc import Callable

from app.config import Config
from jobs.lasting import Lasting
from jobs.outside import Outside, unheard
from jobs.storeproxy import Access
from migrator.egress import Door, Inside, Place, ToMailbox, close_the_doors, door_of, door_to, endpoint

ADMINISTRATOR = "administrator"
"""The door to the file with the password of the mail server's administrator."""

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPLIB2_CA_CERTS")
"""Variables that name authorities in the place of the system's."""


def outside_of(
    config: Config,
    store: Access | Lasting | None,
    *,
    to_mailbox: bool,
    contacted: Callable[[str], None] | None = None,
    readable: tuple[str, ...] = (),
) -> Outside:
    """Return what a process of a migration reaches; for its parent.

    Args:
        config: names Google's addresses and the mailbox host.
        store: what it may ask of the state store.
        to_mailbox: whether the mailbox may be reached.
        contacted: told each `host:port` before it is connected to; None where nobody notes it.
        readable: files that may be read beside those of the configuration.
    """
    doors = {door_of(place): door_to(*place) for place in _google(config)}
    if to_mailbox:
        target = config.target
        doors[door_of((target.host, target.port))] = door_to(target.host, target.port, tls=target.tls)
    if file := config.panel.master_password_file:
        doors[ADMINISTRATOR] = Door(lambda *_: file.open("rb"), early=True)
    files = (*readable_of(config), *readable)
    return Outside(doors, files, contacted or unheard, store)


def readable_of(config: Config) -> tuple[str, ...]:
    """Return the files that such processes read: the OAuth client's secret, and authorities to trust."""
    hosts = (config.mailbox, *config.signin.hosts.values())
    named = (*(host.ca_file for host in hosts), *map(os.environ.get, _CERTIFICATES), config.google.client_secret_path)
    return tuple(str(path) for path in named if path)


def close_doors(config: Config, refused: Callable[[str], None], *, to_mailbox: bool, first: str = "") -> ToMailbox:
    """In such a process: have all that it tries looked at from now on, for good.

    Args:
        config: as its parent's.
        refused: told what was tried and may not be, before it fails.
        to_mailbox: whether the mailbox may be reached.
        first: the address of the mailbox host that served before; "" where none is known.

    Returns: what connects to the mailbox.
    """
    mailbox = (config.target.host, config.target.port)
    names = _google(config) | ({mailbox} if to_mailbox else set())
    close_the_doors(Inside(tempfile.gettempdir(), names, config.secret_files), refused)
    return ToMailbox(mailbox, first)


def _google(config: Config) -> frozenset[Place]:
    google = config.google
    return frozenset(map(endpoint, (google.api, google.token_uri, google.revoke_uri)))
