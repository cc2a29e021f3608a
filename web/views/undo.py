"""How an undo stands: what is being removed, what stays and why, or what stopped it and how to go on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from jobs.undowish import Standing
from migrator.undo import Undone
from web.views.done import Taking
from web.views.host import Frame, Host
from web.views.language import N_, _, ngettext
from web.views.wording import number, percent

_STOPPED: dict[str, str] = {
    "login-refused": N_("The mailbox did not accept the password, so nothing was changed. Look at it and try again."),
    "other-mailbox": N_("This is another mailbox than the one the import went into, so nothing was changed."),
    "mailbox-unreachable": N_("The mail server of {host} does not answer just now. Please try again in a moment."),
    "connection-lost": N_("The connection to your mailbox broke. Go on: it begins where it stopped."),
    "folder-refused": N_("Your mail server does not let us remove mail from this mailbox. Tell the support of {host}."),
    "unknown-host": N_("We can't reach your mailbox: {host} has to put this right. Please try again later."),
    "audit-broken": N_("We could not write this down in our log, so we did not do it. Please try again."),
}
_ALIKE = {
    "server-misbehaves": "connection-lost",
    **dict.fromkeys(("certificate-invalid", "host-not-allowed"), "unknown-host"),
    "audit-busy": "audit-broken",
}
_CUT_OFF = N_("It was cut off. Go on: it begins where it stopped, and nothing is removed twice.")

_ROWS = {
    "removed": N_("removed from your mailbox"),
    "changed": N_("left there: you have answered, starred or changed them since"),
    "missing": N_("not found: moved or removed before"),
    "refused": N_("left there: your mail server does not let us remove them"),
    "doubtful": N_("left there: we can't tell for certain that they are from this import"),
}
_ONLY_IF_ANY = frozenset({"doubtful"})

_HEADLINES = {
    "none": N_("Undo this import"),
    "running": N_("Your import is being undone"),
    "done": N_("Your import is undone"),
    "stopped": N_("The undo has stopped"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the account: what became of copies, and of how many."""

    kind: str
    words: str
    count: str


@dataclass(frozen=True, slots=True)
class Undo:
    """The page. `done` of `total` copies for the bar; `problem` says what stopped it; `asking` when it may be asked.

    `folders` says in sentences how many folders were removed, and how many were left why; empty until that is known.
    """

    frame: Frame
    migration: str
    kind: Literal["none", "running", "done", "stopped"]
    headline: str
    done: int
    total: int
    percent: str
    rows: tuple[Row, ...]
    sum: str
    folders: tuple[str, ...]
    problem: str
    asking: Taking | None


def undo(host: Host, migration: str, standing: Standing, total: int, asking: Taking) -> Undo:
    """Return the page.

    Args:
        host: who offers the import.
        migration: the import's id.
        standing: how the undo stands.
        total: copies that the import put into the mailbox (a message in two folders is two).
        asking: how it is asked for, when it does not run.
    """
    undone = standing.undone
    counts = {kind: getattr(undone, kind) for kind in _ROWS}
    done, finished = sum(counts.values()), standing.kind == "done"
    return Undo(
        frame=Frame(host),
        migration=migration,
        kind=standing.kind,
        headline=_(_HEADLINES[standing.kind]),
        done=done,
        total=max(done, total),
        percent=percent(done, max(done, total)),
        rows=tuple(_rows(counts, whole=finished)),
        sum=number(done),
        folders=tuple(_folders(undone)) if finished else (),
        problem=_problem(host, standing.code) if standing.kind == "stopped" else "",
        asking=asking if standing.kind in {"none", "stopped"} else None,
    )


def stopped_by(code: str) -> str | None:
    """Return the sentence, not translated, for a code that stops an undo; None for one without a sentence."""
    return _STOPPED.get(_ALIKE.get(code, code))


def _problem(host: Host, code: str) -> str:
    return _(stopped_by(code) or _CUT_OFF).format(host=host.name)


def _rows(counts: Mapping[str, int], *, whole: bool) -> Iterator[Row]:
    for kind, count in counts.items():
        if count or (whole and kind not in _ONLY_IF_ANY):
            yield Row(kind, _(_ROWS[kind]), number(count))


def _folders(undone: Undone) -> Iterator[str]:
    if count := len(undone.gone):
        yield ngettext(
            "{count} folder that the import had made was empty, and is removed.",
            "{count} folders that the import had made were empty, and are removed.",
            count,
        ).format(count=number(count))
    if count := undone.folders_used:
        yield ngettext(
            "{count} folder that the import had made still holds mail or other folders, so we left it.",
            "{count} folders that the import had made still hold mail or other folders, so we left them.",
            count,
        ).format(count=number(count))
    if count := undone.folders_refused:
        yield ngettext(
            "{count} folder that the import had made is still there: your mail server does not let us remove it.",
            "{count} folders that the import had made are still there: your mail server does not let us remove them.",
            count,
        ).format(count=number(count))
