"""A mailbox tried with an address and a password: a real login, in a process that does nothing else and ends.

The process has its doors closed behind it like a slice's, so a mail server in hostile hands meets no other customer's
data, no key, and no process that lives on. How many there are at once, the pages' pool bounds (`web.pools`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from app.closing import close_doors, outside_of
from app.config import Config, MailboxHost
from jobs.apart import ApartFailed, Ask, Json, run_apart
from jobs.outside import tell_refusal
from migrator.addresses import domain_of
from migrator.errors import LoginRefused
from migrator.mailbox import Credentials, Password, open_mailbox
from web.launch import Login, login_name
from web.signin import MailboxSilent

_log = structlog.get_logger()

_SECONDS = 30.0
_READ_SECONDS = 20.0
"""Dovecot lets an address with failed logins wait for up to 15 seconds (auth_failure_delay, anvil's penalty)."""


@dataclass(frozen=True, slots=True)
class AllowedHost:
    """The mail server of a domain, and whether its users log in by their address or by the part before the @."""

    mailbox: MailboxHost
    login: Login = "address"


@dataclass(frozen=True, slots=True)
class Entry:
    """What the process is told: a configuration with the domain's mail server, the credentials."""

    config: Config
    mailbox: Credentials = field(repr=False)


def check_mailbox(config: Config, allowed: Mapping[str, AllowedHost], address: str, password: str) -> Password | None:
    """Return what the mailbox of an address is entered with; None when it refuses, or its domain is none of the host's.

    Args:
        config: of this installation; its mailbox host does not matter.
        allowed: the host's mail servers by domain.
        address: the mailbox's address.
        password: the mailbox's password.

    Raises:
        MailboxSilent: the server did not answer, or cannot prove who it is.
    """
    mailbox = login_of(allowed, address, password)
    if mailbox is None:
        return None
    there = config.model_copy(update={"mailbox": allowed[domain_of(address)].mailbox})
    return mailbox if is_let_in(Entry(there.without_stores, mailbox)) else None


def login_of(allowed: Mapping[str, AllowedHost], address: str, password: str) -> Password | None:
    """Return what an address's mailbox is logged in with; None where its domain is none of the host's."""
    host, local = allowed.get(domain_of(address)), address.rpartition("@")[0]
    if host is None or not local or not password:
        return None
    return Password(login_name(address, host.login), password)


def allowed_hosts(config: Config) -> dict[str, AllowedHost]:
    """Return the host's mail servers at which customers may sign in, by domain."""
    return {domain: AllowedHost(there, there.login) for domain, there in config.signin.hosts.items()}


def try_to_enter(task: Entry, _: Ask) -> Json:
    """Log in and out again; the answer is empty. Raises as of `open_mailbox`."""
    reach = close_doors(task.config, tell_refusal, to_mailbox=True)
    with open_mailbox(task.config.target, task.mailbox, connect=reach, read_timeout=_READ_SECONDS):
        return {}


def is_let_in(task: Entry) -> bool:
    """Tell whether the mailbox accepts the credentials; raises `MailboxSilent` where its server does not say."""
    try:
        run_apart(try_to_enter, task, outside=outside_of(task.config, None, to_mailbox=True), seconds=_SECONDS)
    except ApartFailed as failed:
        if failed.code == LoginRefused.code:
            return False
        _log.warning("mailbox-silent", code=failed.code)
        raise MailboxSilent from None
    return True
