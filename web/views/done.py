"""The last screen: an account that adds up, access removed, and what is kept until when."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

from jobs.migration import Migration, State
from jobs.notcopied import NotCopied
from jobs.report import Report
from jobs.retention import ENDED_SECONDS
from migrator.receipt import Access, Receipt
from web.views.host import Frame, Host
from web.views.language import N_, _
from web.views.outcomes import Folder, Sum, folders_of, sum_of
from web.views.progress import Standing, standing_of
from web.views.whynot import why
from web.views.wording import Name, Text, messages, moment, name, number, size, text

_GMAIL = "https://mail.google.com/mail/"

_ACCESS = {
    "confirmed": N_("Our access to your Google Account was removed at {time}, and Google confirmed it."),
    "unconfirmed": N_("Please act: Google has not confirmed that our access is removed. Remove it yourself."),
    "nothing-held": N_("We held no access to your Google Account."),
}

_REMARKS = {
    "deleted-later": N_("Deleted in Gmail after they were copied, or drafts saved again or sent: {count}"),
    "trashed-later": N_("Moved to spam or trash in Gmail after they were copied: {count}"),
    "changed-meanwhile": N_("Given other labels, read or starred in Gmail during the import: {count}"),
    "unknown-label": N_("With a label that Gmail itself does not list: {count}"),
    "renamed-labels": N_("Labels renamed in Gmail during the import, whose folders keep the first name: {count}"),
}
"""A remark's word -> what it means to a customer."""

UndoOffer = Literal["", "offered", "asked"]
"""Whether an undo can be asked for, or was; empty where there is nothing to take back."""


@dataclass(frozen=True, slots=True)
class Original:
    """A link to a message in the customer's own Gmail; `number` tells the links apart."""

    number: int
    url: str


@dataclass(frozen=True, slots=True)
class Originals:
    """The messages that were not copied for one reason; `more` says how many are not listed, empty where none.

    `failed`: for another reason than the customer's choice or Gmail's nature.
    """

    why: str
    count: str
    originals: tuple[Original, ...]
    more: str
    failed: bool


@dataclass(frozen=True, slots=True)
class Removal:
    """What became of the access: `confirmed`, `unconfirmed` or `nothing-held`, and in words."""

    outcome: str
    words: Text


@dataclass(frozen=True, slots=True)
class Taking:
    """How an undo is asked for: whether it was, whether a password is needed, of which mailbox (None: not known)."""

    offer: UndoOffer
    asks: bool = True
    mailbox: Name | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Done:
    """The page. `removal` and `receipt` are empty while the receipt is not there; `gone` tells when our data is.

    `asked`: the support asks to see more.
    """

    frame: Frame
    migration: str
    standing: Standing
    ended: Text
    sum: Sum
    folders: tuple[Folder, ...]
    remarks: tuple[str, ...]
    originals: tuple[Originals, ...]
    removal: Removal | None
    receipt: str
    gone: Text
    undo: Taking
    complete: bool
    asked: bool


def done(
    host: Host,
    migration: Migration,
    report: Report,
    receipt: Receipt | None,
    not_copied: Sequence[NotCopied],
    now: float,
    *,
    account: str = "",
    undo: Taking | None = None,
    asked: bool = False,
) -> Done:
    """Return the page of an import that has ended.

    Args:
        host: who offers it.
        migration: the record.
        report: its numbers.
        receipt: None where it is not there (any more).
        not_copied: messages that failed or were skipped, by reason.
        now: seconds since the epoch.
        account: the Gmail address, where it is still known: the links lead to that account then.
        undo: how an undo is asked for; None where there is nothing to take back.
        asked: the support asks to see more.
    """
    return Done(
        frame=Frame(host, 6),
        migration=migration.id,
        standing=standing_of(host, migration, now),
        ended=text(
            _("Ended: {time}. Copied: {messages}, {size}."),
            time=moment(migration.ended_at, now),
            messages=messages(report.copied),
            size=size(report.bytes),
        ),
        sum=sum_of(report),
        folders=folders_of(report.folders),
        remarks=_remarks(report),
        originals=_originals(not_copied, account),
        removal=_removal(receipt.access, now) if receipt else None,
        receipt=f"/imports/{migration.id}/receipt" if receipt else "",
        gone=text(
            _("What we still hold (counts, folder names, this page) is gone at {time}."),
            time=moment(migration.ended_at + ENDED_SECONDS, now),
        ),
        undo=undo or Taking(""),
        complete=migration.state in {State.DONE, State.DONE_WITH_EXCEPTIONS},
        asked=asked,
    )


def _remarks(report: Report) -> tuple[str, ...]:
    told = ((_REMARKS.get(word), count) for word, count in report.remarks.items())
    return tuple(_(words).format(count=number(count)) for words, count in told if words)


def taking(*, asked: bool, asks: bool, mailbox: str) -> Taking:
    """Return how an undo is asked for; `mailbox` is the address of the mailbox, empty where it is not known."""
    return Taking("asked" if asked else "offered", asks, name(mailbox) if mailbox else None)


def gmail_link(gmail_id: str, account: str = "") -> str:
    """Return where a message is found in Gmail's own pages, by its id."""
    who = f"?authuser={quote(account, safe='')}" if account else "u/0/"
    return f"{_GMAIL}{who}#all/{quote(gmail_id, safe='')}"


def _originals(rows: Sequence[NotCopied], account: str) -> tuple[Originals, ...]:
    """Return the links by reason, numbered through."""
    groups, place = [], 1
    for row in rows:
        links = tuple(Original(n, gmail_link(gmail_id, account)) for n, gmail_id in enumerate(row.gmail_ids, place))
        place += len(links)
        more = row.count - len(links)
        rest = _("and {messages} more").format(messages=messages(more)) if more else ""
        groups.append(Originals(why(row.mark, row.word), messages(row.count), links, rest, row.mark.is_failure))
    return tuple(groups)


def _removal(access: Access, now: float) -> Removal:
    when = moment(access.at.timestamp(), now) if access.at else ""
    return Removal(access.revocation, text(_(_ACCESS[access.revocation]), time=when))
