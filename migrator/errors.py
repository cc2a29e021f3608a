"""The errors of a migration, one tree. A leaf says by its branch what is to be done.

    MigrationError
    ├── Transient              try again in a moment, inside the slice
    │   ├── GoogleUnavailable      5xx, dropped connection, failedPrecondition
    │   ├── AnswerDamaged          truncated body, wrong message id, bad base64
    │   └── ConnectionLost         the mailbox connection broke; what it did last is unknown
    ├── Waiting(until)         give the worker back, go on by ourselves at `until`
    │   ├── QuotaExhausted         Google's units per minute
    │   ├── BandwidthExhausted     Google's bytes per day ("Retry after T")
    │   ├── GoogleDown             still unavailable after all tries
    │   ├── MailboxUnreachable     refused connection, time-out, too many connections
    │   ├── MailboxFull            over the target's storage quota
    │   └── MessagesDeferred       the only messages left are to be tried again later
    └── Permanent              nobody but a person can change it
        ├── ReconnectNeeded        the grant is dead (invalid_grant)
        ├── GoogleRefused          domain policy, API not enabled, missing scope
        ├── LoginRefused           the mailbox does not accept the credentials
        ├── UnknownHost            the mailbox host has no address
        ├── HostNotAllowed         a customer may not name this mailbox host
        ├── CertificateInvalid     the mailbox host cannot prove who it is
        ├── FolderRefused          the server does not take this folder name, or it is read-only
        ├── MessageRefused         the server does not take this message
        ├── MessageGone            deleted at Gmail since it was listed
        └── LeaseLost              another slice owns the migration now: stop at once

Foreign exceptions are translated into these at the doors (`gmail`, `mailbox`) and nowhere else. `code` is
stable and free of content; `detail` is for the migration's own record, never an address, a subject or a secret.
"""

from typing import ClassVar


class MigrationError(Exception):
    """Root of the tree. `str()` is the code and the detail, both free of content."""

    code: ClassVar[str] = "error"

    def __init__(self, detail: str = "") -> None:
        super().__init__(self.code, detail)
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}" if self.detail else self.code


class Transient(MigrationError):
    """Try again in a moment."""

    code = "transient"


class GoogleUnavailable(Transient):
    """Google answered 5xx or 400 failedPrecondition, or the connection broke."""

    code = "google-unavailable"


class AnswerDamaged(Transient):
    """Google's answer was cut short, named another message, or was not base64url."""

    code = "answer-damaged"


class ConnectionLost(Transient):
    """The mailbox connection broke; whether the last command was carried out is unknown."""

    code = "connection-lost"


class Waiting(MigrationError):
    """Give the worker back and go on at `until` (seconds since the epoch)."""

    code = "waiting"

    def __init__(self, until: float, detail: str = "") -> None:
        super().__init__(detail)
        self.until = until


class QuotaExhausted(Waiting):
    """Google's units per minute are used up, or too many requests ran at once."""

    code = "google-quota"


class BandwidthExhausted(Waiting):
    """Google's bytes per day are used up; Google named the time in its answer."""

    code = "google-bandwidth"


class GoogleDown(Waiting):
    """Google stayed unavailable through all tries of this slice."""

    code = "google-down"


class MailboxUnreachable(Waiting):
    """The mailbox server refuses or drops connections, or allows no further one."""

    code = "mailbox-unreachable"


class MailboxFull(Waiting):
    """The mailbox has no room for the next message."""

    code = "mailbox-full"


class MessagesDeferred(Waiting):
    """The only messages without an outcome are those that are to be tried again later."""

    code = "messages-deferred"


class Permanent(MigrationError):
    """Trying again changes nothing."""

    code = "permanent"


class ReconnectNeeded(Permanent):
    """The grant is dead: revoked, expired, or the account's password changed."""

    code = "reconnect-needed"


class GoogleRefused(Permanent):
    """Google refuses for good; `detail` is Google's reason word (domainPolicy, accessNotConfigured, ...)."""

    code = "google-refused"


class LoginRefused(Permanent):
    """The mailbox server does not accept user name and password (or token)."""

    code = "login-refused"


class UnknownHost(Permanent):
    """The mailbox host name has no address."""

    code = "unknown-host"


class HostNotAllowed(Permanent):
    """A customer may not name this mailbox host; what is wrong with it is never said."""

    code = "host-not-allowed"


class CertificateInvalid(Permanent):
    """The mailbox host's certificate is expired, for another name, or from an unknown authority."""

    code = "certificate-invalid"


class FolderRefused(Permanent):
    """The server does not take this folder; `detail` is its response code or a word for its reason."""

    code = "folder-refused"


class MessageRefused(Permanent):
    """The server does not take this message; `detail` is a word for its reason."""

    code = "message-refused"


class MessageGone(Permanent):
    """The message was deleted at Gmail between listing and reading."""

    code = "message-gone"


class LeaseLost(Permanent):
    """Another slice holds the migration's lease: write nothing more."""

    code = "lease-lost"
