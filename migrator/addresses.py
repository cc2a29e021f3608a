"""When two addresses are one: mailboxes by the host of their domain, Google accounts by Google's own rules.

What is shown is what a person wrote or Google says; these forms are for comparing alone.
"""

import unicodedata

from migrator.hostnames import host_key

_GMAIL = frozenset({"gmail.com", "googlemail.com"})


def domain_of(address: str) -> str:
    """Return an address's domain as hosts compare."""
    return host_key(address.rpartition("@")[2])


def mailbox_key(address: str) -> str:
    """Return a mailbox's address as it compares: in lower case, its domain as hosts do; a mere user name as itself."""
    local, at, domain = address.strip().rpartition("@")
    return f"{_lower(local)}@{host_key(domain)}" if at else _lower(domain)


def account_key(address: str) -> str:
    """Return the address of a Google account as it compares, whichever of its spellings this is.

    At gmail.com, which is googlemail.com, dots don't matter; in a Workspace domain they do. What follows a plus is no
    part of any account's name: it is a tag (support.google.com/mail/answer/7436150, .../a/answer/9193374).
    """
    local, _, domain = mailbox_key(address).rpartition("@")
    name = local.partition("+")[0]
    return f"{name.replace('.', '')}@gmail.com" if domain in _GMAIL else f"{name}@{domain}"


def _lower(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower()
