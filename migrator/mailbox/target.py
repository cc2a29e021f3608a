"""Where the mailbox is and as whom we enter it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Target:
    """An IMAP server. `ca_file` holds the authorities to trust (PEM) instead of the system's.

    `tls`: "implicit" (port 993, RFC 8314 §3.2), "starttls" (port 143, RFC 9051 §6.2.1), or "none", which is for a
    server on this machine alone.
    """

    host: str
    port: int = 993
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Password:
    """The mailbox's own user name and password."""

    user: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MasterUser:
    """An administrator entering the mailbox of `authzid` (SASL PLAIN, RFC 4616 §2)."""

    authzid: str = field(repr=False)
    user: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OAuthToken:
    """A bearer token for the mailbox of `user` (Google's XOAUTH2, or OAUTHBEARER, RFC 7628)."""

    user: str = field(repr=False)
    token: str = field(repr=False)
    mechanism: Literal["xoauth2", "oauthbearer"] = "oauthbearer"


Credentials = Password | MasterUser | OAuthToken
