"""The last screen: an account that adds up, access removed, and what is kept until when."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from jobs.migration import Migration, State
from jobs.report import Report
from jobs.retention import ENDED_SECONDS
from migrator.outcome import Mark
from migrator.receipt import Access, Receipt
from web.views.host import Frame, Host
from web.views.language import N_, _
from web.views.outcomes import Folder, Sum, folders_of, sum_of
from web.views.progress import Standing, standing_of
from web.views.wording import Moment, Text, messages, moment, size, text

_GMAIL = "https://mail.google.com/mail/"
_LISTED = 200
"""Messages listed one by one; more would be a list nobody reads. The counts above it hold all."""

_ACCESS = {
    "confirmed": N_("Our access to your Google Account was removed at {time}, and Google confirmed it."),
    "unconfirmed": N_("Please act: Google has not confirmed that our access is removed. Remove it yourself."),
    "nothing-held": N_("We held no access to your Google Account."),
}

_REASONS = {
    Mark.FAILED_REFUSED: N_("your mail server refused it"),
    Mark.FAILED_FOLDER: N_("your mail server refused its folder"),
    Mark.FAILED_DAMAGED: N_("it is damaged"),
    Mark.FAILED_MISSING: N_("it was not found in the mailbox afterwards"),
    Mark.FAILED_GOOGLE: N_("Google gives no readable copy"),
    Mark.SKIPPED_CHAT: N_("left out: a chat"),
    Mark.SKIPPED_SPAM: N_("left out: spam"),
    Mark.SKIPPED_TRASH: N_("left out: trash"),
    Mark.SKIPPED_LABEL: N_("left out: label not chosen"),
    Mark.SKIPPED_GONE: N_("left out: deleted in Gmail"),
}


@dataclass(frozen=True, slots=True)
class NotCopied:
    """A message that was not copied: its hexadecimal id at Gmail, how it ended, and why in words (empty: by `mark`)."""

    gmail_id: str
    mark: Mark
    why: str = ""


@dataclass(frozen=True, slots=True)
class Original:
    """A link to a message in the customer's own Gmail; `number` tells the links apart."""

    number: int
    url: str


@dataclass(frozen=True, slots=True)
class Originals:
    """The messages that were not copied for one reason."""

    why: str
    originals: tuple[Original, ...]


@dataclass(frozen=True, slots=True)
class Removal:
    """What became of the access: `confirmed`, `unconfirmed` or `nothing-held`, and in words."""

    outcome: str
    words: Text


@dataclass(frozen=True, slots=True)
class Done:
    """The page. `removal` and `receipt` are empty while the receipt is not there; `gone` is when our data is."""

    frame: Frame
    migration: str
    standing: Standing
    ended: Moment
    sum: Sum
    folders: tuple[Folder, ...]
    brought: str
    originals: tuple[Originals, ...]
    unlisted: str
    removal: Removal | None
    receipt: str
    gone: Moment
    undo: bool
    undo_asks: bool
    complete: bool


def done(
    host: Host,
    migration: Migration,
    report: Report,
    receipt: Receipt | None,
    not_copied: Sequence[NotCopied],
    now: float,
    *,
    account: str = "",
    undo_asks: bool = True,
) -> Done:
    """Return the page of an import that has ended.

    Args:
        host: who offers it.
        migration: the record.
        report: its numbers.
        receipt: None where it is not there (any more).
        not_copied: messages that failed, and such as were skipped for another reason than the customer's choice.
        now: seconds since the epoch.
        account: the Gmail address, where the session still knows it: the links lead to that account then.
        undo_asks: whether an undo needs the mailbox's user name and password again.
    """
    listed = not_copied[:_LISTED]
    rest = len(not_copied) - len(listed)
    return Done(
        frame=Frame(host, 6),
        migration=migration.id,
        standing=standing_of(host, migration, now),
        ended=moment(migration.ended_at, now),
        sum=sum_of(report),
        folders=folders_of(report.folders),
        brought=_("{messages}, {size}").format(messages=messages(report.copied), size=size(report.bytes)),
        originals=_originals(listed, account),
        unlisted=_("and {messages} more").format(messages=messages(rest)) if rest else "",
        removal=_removal(receipt.access, now) if receipt else None,
        receipt=f"/imports/{migration.id}/receipt" if receipt else "",
        gone=moment(migration.ended_at + ENDED_SECONDS, now),
        undo=report.copied > 0,
        undo_asks=undo_asks,
        complete=migration.state in {State.DONE, State.DONE_WITH_EXCEPTIONS},
    )


def gmail_link(gmail_id: str, account: str = "") -> str:
    """Return where a message is found in Gmail's own pages, by its id."""
    who = f"?authuser={quote(account, safe='')}" if account else "u/0/"
    return f"{_GMAIL}{who}#all/{quote(gmail_id, safe='')}"


def _originals(rows: Sequence[NotCopied], account: str) -> tuple[Originals, ...]:
    """Return the links by reason, numbered through."""
    groups: dict[str, list[Original]] = {}
    for place, row in enumerate(rows, 1):
        link = Original(place, gmail_link(row.gmail_id, account))
        groups.setdefault(row.why or _(_REASONS[row.mark]), []).append(link)
    return tuple(Originals(why, tuple(links)) for why, links in groups.items())


def _removal(access: Access, now: float) -> Removal:
    when = moment(access.at.timestamp(), now) if access.at else ""
    return Removal(access.revocation, text(_(_ACCESS[access.revocation]), time=when))
