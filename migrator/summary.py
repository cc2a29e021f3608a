"""The summary message: a mail in the new INBOX that says, in counts, what the import did. It quotes no mail.

It is no copied message and counts as none; it is put there once, and an undo takes it along. Its Message-ID follows
from the migration's id, so that after a crash it is recognised where it lies.
"""

import re
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import blake2b

from migrator.ledger import Ledger
from migrator.mailbox import Appended, Item, Mailbox, Selected

_PART = "summary"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
_RECEIPT = (
    "Your receipt says what was read, where it went, and when the access to Gmail and our data were removed.\n"
    "You find it for 24 hours after the end at"
)
_BOUND = 65_536  # bytes; longer mail is no summary


@dataclass(frozen=True, slots=True)
class Summary:
    """What the mail says.

    `outcomes` and `folders` are counts as `jobs.report` has them; `sender` is the host's address for such mail, `to`
    the mailbox's, or empty; `receipt_url` is the page where the customer finds the receipt; `at` is in seconds since
    the epoch.
    """

    migration: str
    at: int
    sender: str = field(repr=False)
    to: str = field(repr=False)
    receipt_url: str
    outcomes: Mapping[str, int]
    folders: Mapping[str, int]


def sender(address: str) -> str:
    """Return an address that may stand as a summary's sender (RFC 5322 §3.4.1: a dot-atom, at, a domain).

    Raises:
        ValueError: it is none.
    """
    if not _ADDRESS.fullmatch(address):
        raise ValueError("the sender is no address")
    return address


def message_id(migration: str, domain: str) -> str:
    """Return the Message-ID of a migration's summary; the id itself cannot be read from it (RFC 5322 §3.6.4)."""
    return f"<import-{blake2b(migration.encode(), digest_size=16).hexdigest()}@{domain}>"


def mail(summary: Summary) -> bytes:
    """Return the mail with CRLF line ends, ASCII alone; the same values give the same bytes.

    Raises:
        ValueError: as of `sender`.
    """
    made = EmailMessage(policy=SMTP)
    made["From"] = Address("Mail import", addr_spec=sender(summary.sender))
    if _ADDRESS.fullmatch(summary.to):  # not every mailbox is named by its address
        made["To"] = Address(addr_spec=summary.to)
    made["Subject"] = "Your mail from Gmail is here"
    made["Date"] = format_datetime(datetime.fromtimestamp(summary.at, UTC))
    made["Message-ID"] = message_id(summary.migration, _domain(summary))
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: nobody's holiday notice answers it
    made.set_content(_text(summary), cte="quoted-printable")
    return made.as_bytes()


def _domain(summary: Summary) -> str:
    return summary.sender.rpartition("@")[2]


def _text(summary: Summary) -> str:
    total = sum(summary.outcomes.values())
    parts = [
        "Your import from Gmail has ended.",
        f"In Gmail: {total:,}\n" + _rows(summary.outcomes),
        "By folder:\n" + _rows(summary.folders),
        f"{_RECEIPT}\n{summary.receipt_url}",
        "This message was put here by the import. It is not a copy from Gmail.",
    ]
    return "\n\n".join(parts) + "\n"


def _rows(counts: Mapping[str, int]) -> str:
    return "\n".join(f"  {count:>9,}  {_visible(name)}" for name, count in sorted(counts.items())) or "  none"


def _visible(name: str) -> str:
    """Return a folder's name on one line: no control or formatting character, no half of one (Unicode C*, Zl, Zp)."""
    return "".join("\N{REPLACEMENT CHARACTER}" if _is_odd(char) else char for char in name)


def _is_odd(char: str) -> bool:
    kind = unicodedata.category(char)
    return kind.startswith("C") or kind in {"Zl", "Zp"}


def place(mailbox: Mailbox, ledger: Ledger, summary: Summary) -> int:
    """Put the summary into INBOX unless it is there; return its UID, 0 when the server did not take it.

    Where it is to lie is written down before, so that after a crash it is looked for first.

    Raises:
        ConnectionLost: whether it was stored is unknown; called again, it looks.
        FolderRefused: there is no INBOX.
    """
    noted, inbox = ledger.load(_PART) or {}, mailbox.select("INBOX")
    if "uid" in noted:
        return int(noted["uid"])
    uid = _lying(mailbox, inbox, noted, summary) if noted else None
    if uid is None:
        ledger.note(_PART, {"uidvalidity": inbox.uidvalidity, "since": inbox.uidnext})
        sys.audit("migrator.summary.before", inbox.uidnext)
        uid = _appended(mailbox, inbox, summary)
        sys.audit("migrator.summary.after", inbox.uidnext)
    ledger.note(_PART, {"uidvalidity": inbox.uidvalidity, "uid": uid})
    return uid


def _lying(mailbox: Mailbox, inbox: Selected, noted: Mapping[str, int], summary: Summary) -> int | None:
    """Return the UID of the summary that a slice put there before it died, if it did."""
    if noted["uidvalidity"] != inbox.uidvalidity:
        return None
    mark = message_id(summary.migration, _domain(summary)).encode()
    sizes = mailbox.sizes(range(noted["since"], 2**32 - 1))
    small = sorted(uid for uid, size in sizes.items() if size < _BOUND)
    found = [uid for uid, body in mailbox.bodies(small) if mark in body.partition(b"\r\n\r\n")[0]]
    return found[0] if found else None


def _appended(mailbox: Mailbox, inbox: Selected, summary: Summary) -> int:
    """Append it without a flag; it arrives unread."""
    (answer,) = mailbox.append(inbox, [Item(mail(summary), (), summary.at * 1000)])
    return answer.uid if isinstance(answer, Appended) else 0
