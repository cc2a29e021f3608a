"""The doors of processes with secrets: Google, the mailbox, the state store. Their parent names them and connects."""

import os
import tempfile
from collections.abc import Callable

from app.config import Config
from jobs.outside import Outside
from jobs.reach import files_of, names_of, store_doors
from migrator.egress import Door, Inside, Place, ToMailbox, close_the_doors, door_of, door_to, endpoint

ADMINISTRATOR = "administrator"
"""The door to the file with the password of the mail server's administrator."""

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPLIB2_CA_CERTS")
"""Variables that name authorities in the place of the system's."""


def outside_of(
    config: Config,
    state_url: str,
    known_as: str,
    *,
    to_mailbox: bool,
    contacted: Callable[[str], None] | None = None,
    readable: tuple[str, ...] = (),
) -> Outside:
    """Return what a process of a migration reaches; for its parent.

    Args:
        config: names Google's addresses and the mailbox host.
        state_url: the state store, as the parent reaches it.
        known_as: the same, as the process knows it (`jobs.reach.door_url`).
        to_mailbox: whether the mailbox may be reached.
        contacted: told each `host:port` before it is connected to, but for the store; None where nobody notes it.
        readable: files that may be read beside those of the configuration.
    """
    doors = {door_of(place): door_to(*place) for place in _google(config)}
    doors |= store_doors(state_url, known_as)
    if to_mailbox:
        target = config.target
        doors[door_of((target.host, target.port))] = door_to(target.host, target.port, tls=target.tls)
    if file := config.panel.master_password_file:
        doors[ADMINISTRATOR] = Door(lambda *_: file.open("rb"), early=True)
    files = (*readable_of(config, state_url), *readable)
    return Outside(doors, files, contacted) if contacted else Outside(doors, files)


def readable_of(config: Config, state_url: str) -> tuple[str, ...]:
    """Return the files that such processes read: the OAuth client's secret, and authorities to trust."""
    hosts = (config.mailbox, *config.signin.hosts.values())
    named = (*(host.ca_file for host in hosts), *map(os.environ.get, _CERTIFICATES), config.google.client_secret_path)
    return (*(str(path) for path in named if path), *files_of(state_url))


def close_doors(
    config: Config, state_url: str, refused: Callable[[str], None], *, to_mailbox: bool, first: str = ""
) -> ToMailbox:
    """In such a process: have all that it tries looked at from now on, for good.

    Args:
        config: as its parent's.
        state_url: the state store, as this process knows it.
        refused: told what was tried and may not be, before it fails.
        to_mailbox: whether the mailbox may be reached.
        first: the address of the mailbox host that served before; "" where none is known.

    Returns: what connects to the mailbox.
    """
    mailbox = (config.target.host, config.target.port)
    names = _google(config) | names_of(state_url) | ({mailbox} if to_mailbox else set())
    close_the_doors(Inside(tempfile.gettempdir(), frozenset(names), config.secret_files), refused)
    return ToMailbox(mailbox, first)


def _google(config: Config) -> frozenset[Place]:
    google = config.google
    return frozenset(map(endpoint, (google.api, google.token_uri, google.revoke_uri)))
