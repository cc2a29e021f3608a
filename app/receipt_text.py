"""A receipt told to the customer in plain sentences."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby

from migrator.receipt import Access, Discarded, Read, Receipt, Retained, StaffAct, Written

_ENDS = {
    "done": "It is complete: every message was copied, was there already, or was left out as chosen.",
    "done-with-exceptions": "It is complete, except for messages that could not be copied.",
    "cancelled": "It was cancelled before it was complete. What had been copied is in the mailbox.",
    "expired": "It was ended because nothing had moved for too long. What had been copied is in the mailbox.",
}
_REVOCATIONS = {
    "confirmed": "The access to your Google Account was revoked, and Google confirmed it.",
    "unconfirmed": "PLEASE ACT: it is not confirmed that the access to your Google Account has ended.",
    "nothing-held": "There was no access to revoke.",
}
_VERIFIED = {
    "found": "found in the mailbox:",
    "identical": "  read back, and the same as what was sent",
    "altered": "  changed by the mail server",
    "by_size": "  looked up by their size alone",
    "unreadable": "  that the mail server could not read back",
    "unchecked": "could not be looked up",
    "missing": "not found",
    "flags_not_kept": "lack flags or keywords that the mail server did not keep",
    "dates_not_kept": "have another date of arrival, given by the mail server",
}
_ALWAYS_SAID = frozenset({"found", "altered", "missing"})


def told(receipt: Receipt) -> Iterator[str]:
    """Yield the lines of the whole receipt, without line ends; a chapter's lines are indented by two blanks.

    Names in them may be hostile: make control characters visible before a terminal sees them.
    """
    yield f"Import {receipt.migration}, from {_time(receipt.began)} to {_time(receipt.ended)}."
    yield _ENDS[receipt.end]
    yield from _chapter("What was read", _read(receipt.read))
    yield from _chapter("Where it went", _written(receipt.written))
    yield from _chapter("Hosts contacted", receipt.contacted or ("none recorded",))
    yield from _chapter("Your Google Account", _access(receipt.access))
    yield from _chapter("Destroyed and unlinked", _discarded(receipt.discarded))
    yield from _chapter("Staff access", _staff(receipt.staff_access))
    yield from _chapter("What is still kept, and until when", _retained(receipt.retained))
    yield from _chapter("What it refers to", _references(receipt))
    yield from _chapter("What a receipt cannot prove", receipt.limits)


def _chapter(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield ""
    yield title
    yield from (f"  {line}" for line in lines)


def _read(read: Read) -> Iterator[str]:
    yield f"With the permission {read.scope}, these methods of the Gmail API were called:"
    yield from _counted(read.calls) if read.calls else ("none",)


def _written(written: Written) -> Iterator[str]:
    yield f"Into the mailbox at {written.mailbox}, {_protection(written.tls)}."
    yield f"{written.messages:,} messages in Gmail:"
    yield from _counted(written.outcomes)
    if written.without_outcome:
        yield from _counted({"not reached": written.without_outcome})
    if written.folders:
        yield f"{sum(written.folders.values()):,} placed in folders, {written.bytes:,} bytes:"
        yield from _counted(written.folders)
    if any(written.verified.values()):
        yield "Looked up afterwards:"
        yield from looked_up(written.verified)


def looked_up(verified: Mapping[str, int]) -> Iterator[str]:
    """Yield the lines that say how copies were checked and what was found; `verified` as in a receipt."""
    known = [name for name in _VERIFIED if name in verified]
    others = [name for name in verified if name not in _VERIFIED]
    said = [name for name in (*known, *others) if verified[name] or name in _ALWAYS_SAID]
    yield from _counted({_VERIFIED.get(name, name): verified[name] for name in said})


def _protection(tls: str) -> str:
    if not tls:
        return "to which no connection was made"
    return "over a connection without TLS" if tls == "none" else f"over {tls}"


def _access(access: Access) -> Iterator[str]:
    yield _REVOCATIONS[access.revocation]
    yield access.how
    if access.at is not None:
        yield f"Last try: {_time(access.at)}; tries: {access.tries}."
    if access.advice:
        yield access.advice


def _discarded(discarded: Discarded) -> Iterator[str]:
    yield f"The key of all secrets of this import: {_time(discarded.key_destroyed)}."
    yield f"Unlinked: {_time(discarded.data_unlinked)}:"
    yield from (f"  {what}" for what in discarded.what)
    yield f"The store's log, which may still hold them, was told to be rewritten: {_time(discarded.log_rewrite_asked)}."


def _staff(acts: tuple[StaffAct, ...]) -> Iterator[str]:
    if not acts:
        yield "none, by the audit log"
    for act in acts:
        yield f"{_time(act.at)}  {act.act}{f' ({act.code})' if act.code else ''}"


def _retained(rows: tuple[Retained, ...]) -> Iterator[str]:
    for until, group in groupby(sorted(rows, key=lambda row: row.until), key=lambda row: row.until):
        yield f"until {_time(until)}:"
        for row in group:
            why = f" ({row.why})" if row.why else ""
            yield f"  {row.what}{why}; seen by {row.seen_by}"


def _references(receipt: Receipt) -> Iterator[str]:
    policy, software = receipt.policy, receipt.software
    yield f"Privacy policy: {_words(policy.version, policy.url)}"
    yield f"Software: {_words(software.name, software.version)}"
    yield f"Audit log at entry {receipt.audit.checkpoint}"
    yield f"Receipt {receipt.receipt}"


def _words(*parts: str) -> str:
    return " ".join(filter(None, parts)) or "not named"


def _counted(rows: Mapping[str, int]) -> Iterator[str]:
    yield from (f"{count:>9,}  {name}" for name, count in rows.items())


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
