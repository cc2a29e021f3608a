"""The errors of a migration, one tree. A leaf says by its branch what is to be done.

    MigrationError
    ├── Transient              try again in a moment, inside the slice
    │   ├── GoogleUnavailable      5xx, dropped connection, any refusal that may concern this request alone
    │   ├── AnswerDamaged          truncated body, wrong message id, bad base64
    │   ├── ConnectionLost         the mailbox connection broke; what it did last is unknown
    │   │   └── ServerMisbehaves       the mailbox server said what no server may say, so we broke it
    │   └── RefusedUnexplained     the mailbox server refused something without a reason we know
    ├── Waiting(until)         give the worker back, go on by ourselves at `until`
    │   ├── QuotaExhausted         Google's units per minute
    │   ├── BandwidthExhausted     Google's bytes per day ("Retry after T")
    │   ├── GoogleDown             still unavailable after all tries
    │   ├── MailboxUnreachable     refused connection, time-out, too many connections; or it accepts nothing at present
    │   ├── MailboxFull            over the target's storage quota
    │   └── MessagesDeferred       only messages are left that were refused for no reason of their own
    └── Permanent              nobody but a person can change it
        ├── ReconnectNeeded        the grant is dead or too small; the customer signs in at Google again
        ├── NoGmail                the Google account has no Gmail
        ├── GoogleRefused          the account's administrator, or Google, does not allow the access
        ├── ClientRefused          the host's OAuth client or Google project is wrong; imports wait for the host
        ├── LoginRefused           the mailbox does not accept the credentials
        ├── UnknownHost            the mailbox host has no address
        ├── HostNotAllowed         a customer may not name this mailbox host
        ├── CertificateInvalid     the mailbox host cannot prove who it is
        ├── FolderRefused          the folder is missing, read-only or forbidden, or its name is not accepted
        ├── MessageRefused         the server does not accept this message, for a reason of its own
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
    """Google refused a request, or the connection broke; a single refusal says nothing about the account.

    `lasting` is the error that it means where Google keeps refusing everything so, None for an outage. `sure`: Google's
    reason leaves no doubt that it concerns the account, so nothing else needs to be asked once all tries are used up.
    """

    code = "google-unavailable"

    def __init__(self, detail: str = "", lasting: "MigrationError | None" = None, *, sure: bool = False) -> None:
        super().__init__(detail)
        self.lasting = lasting
        self.sure = sure


class AnswerDamaged(Transient):
    """Google's answer was cut short, named another message, or was not base64url."""

    code = "answer-damaged"


class ConnectionLost(Transient):
    """The mailbox connection broke; whether the last command was carried out is unknown."""

    code = "connection-lost"


class ServerMisbehaves(ConnectionLost):
    """The mailbox server's answer makes no sense, so the connection was ended; what it did last is unknown."""

    code = "server-misbehaves"


class RefusedUnexplained(Transient):
    """The mailbox server refused a command for no reason that concerns a message or a folder; `detail` is a word.

    Whose fault it is follows from what else the server accepts (`migrator.refusals`).
    """

    code = "mailbox-refuses"


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
    """The mailbox server refuses or drops connections, allows no further one, or accepts nothing at present."""

    code = "mailbox-unreachable"


class MailboxFull(Waiting):
    """The mailbox has no room for the next message."""

    code = "mailbox-full"


class MessagesDeferred(Waiting):
    """Only messages are left that were refused for no reason of their own; `until` is when the first is tried again."""

    code = "messages-deferred"


class Permanent(MigrationError):
    """Trying again changes nothing."""

    code = "permanent"


class ReconnectNeeded(Permanent):
    """The grant is dead (revoked, expired, password changed), asks for a new sign-in, or lacks the scope."""

    code = "reconnect-needed"


class NoGmail(Permanent):
    """The Google account has no Gmail: its administrator has not turned it on, or it never had one."""

    code = "no-gmail"


class GoogleRefused(Permanent):
    """The account's administrator, or Google, does not allow the access; `detail` is Google's reason word."""

    code = "google-refused"


class ClientRefused(Permanent):
    """The host's OAuth client or Google project is wrong; imports wait for that. `detail` is Google's word."""

    code = "google-client-refused"


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
    """The server does not accept this folder; `detail` is a word for its reason, which an administrator may change."""

    code = "folder-refused"


class MessageRefused(Permanent):
    """The server does not accept this message, for a reason of its own; `detail` is the word for it."""

    code = "message-refused"


class MessageGone(Permanent):
    """The message was deleted at Gmail between listing and reading."""

    code = "message-gone"


class LeaseLost(Permanent):
    """Another slice holds the migration's lease: write nothing more."""

    code = "lease-lost"
