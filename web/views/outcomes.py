"""The account that adds up, for customers: every message of the Gmail account under exactly one outcome."""

from collections.abc import Mapping
from dataclasses import dataclass

from jobs.report import Report
from migrator.outcome import Mark
from web.views.language import N_, _
from web.views.wording import Name, name, number

_WORDS: dict[Mark, str] = {
    Mark.COPIED: N_("copied"),
    Mark.COPIED_ALTERED: N_("copied; your mail server changed line ends or headers"),
    Mark.ALREADY_THERE: N_("already there"),
    Mark.ALREADY_ELSEWHERE: N_("already there, in another folder"),
    Mark.SKIPPED_CHAT: N_("left out: chats are no mail"),
    Mark.SKIPPED_SPAM: N_("left out: spam, as chosen"),
    Mark.SKIPPED_TRASH: N_("left out: trash, as chosen"),
    Mark.SKIPPED_LABEL: N_("left out: labels not chosen"),
    Mark.SKIPPED_PERIOD: N_("left out: older than the period chosen"),
    Mark.SKIPPED_GONE: N_("left out: deleted in Gmail during the import"),
    Mark.FAILED_REFUSED: N_("not copied: your mail server refused it"),
    Mark.FAILED_FOLDER: N_("not copied: your mail server refused the folder"),
    Mark.FAILED_DAMAGED: N_("not copied: damaged"),
    Mark.FAILED_MISSING: N_("not copied: not found afterwards"),
    Mark.FAILED_GOOGLE: N_("not copied: Google gives no readable copy"),
}
_BY_REPORT = {mark.words: mark for mark in _WORDS}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a sum: words and how many; `kind` is `copied`, `there`, `skipped`, `failed` or `open`."""

    kind: str
    words: str
    count: str


@dataclass(frozen=True, slots=True)
class Sum:
    """Rows that add up to `total`."""

    rows: tuple[Row, ...]
    total: str


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder and how many messages this import put into it."""

    name: Name
    count: str


def sum_of(report: Report) -> Sum:
    """Return every outcome in the order of the story, what is still open last.

    Raises:
        ValueError: the rows do not add up to the report's total.
    """
    marks = sorted((_BY_REPORT[words], count) for words, count in report.outcomes.items())
    rows = [Row(_kind(mark), _(_WORDS[mark]), number(count)) for mark, count in marks if count]
    if report.open:
        rows.append(Row("open", open_words(report), number(report.open)))
    if sum(report.outcomes.values()) + report.open != report.total:
        raise ValueError("the outcomes do not add up")
    return Sum(tuple(rows), number(report.total))


def folders_of(folders: Mapping[str, int]) -> tuple[Folder, ...]:
    """Return the folders, INBOX first, then by the alphabet."""
    order = sorted(folders.items(), key=lambda row: (row[0] != "INBOX", row[0].casefold()))
    return tuple(Folder(name(folder), number(count)) for folder, count in order)


def open_words(report: Report) -> str:
    """Return what a message without outcome is: still to come, or never reached."""
    return _("not reached before the end") if report.state in {"cancelled", "expired"} else _("still to come")


def _kind(mark: Mark) -> str:
    if mark in {Mark.ALREADY_THERE, Mark.ALREADY_ELSEWHERE}:
        return "there"
    return mark.name.partition("_")[0].lower()
