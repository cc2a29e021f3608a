"""How long what is kept, told to customers from the one table of it (`jobs.retention`)."""

from dataclasses import dataclass

from jobs.kept import HOUR, Until
from jobs.retention import ENDED_SECONDS, KEPT, UNFINISHED_SECONDS
from web.views.language import N_, _, ngettext
from web.views.wording import number

_UNTIL = {
    Until.END: N_("until the import ends"),
    Until.KEY: N_("until the import ends"),
    Until.DAY_AFTER: N_("until {hours} hours after its end"),
    Until.AUDIT: N_("400 days: says who did what, and holds nothing about you"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is kept; `why` says what it is still there for after the end, empty where it is not."""

    what: str
    until: str
    why: str


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long we keep what: the sentences everybody reads, and every line of the table for who wants them."""

    mail: str
    access: str
    counts: str
    unfinished: str
    lines: tuple[Line, ...]


def keeping() -> Keeping:
    """Return what the retention table promises."""
    return Keeping(
        mail=_("Your mail: not at all. It passes through, from Google to your mailbox."),
        access=_("Our access to Google and your password: sealed, until the import ends. Then they are destroyed."),
        counts=_("Counts and folder names: {time} after the end, so that you can look at the result.").format(
            time=_hours(ENDED_SECONDS)
        ),
        unfinished=_("If nothing moves for {time}, we end the import and remove everything.").format(
            time=_hours(UNFINISHED_SECONDS)
        ),
        lines=tuple(
            Line(_(row.holds), _until(row.until), _(row.why) if row.why else "")
            for row in KEPT
            if (row.is_of_migration or "<id>" in row.pattern or row.pattern == "audit:*")
        ),
    )


def _until(until: Until) -> str:
    return _(_UNTIL[until]).format(hours=number(ENDED_SECONDS // HOUR))


def _hours(seconds: int) -> str:
    hours = seconds // HOUR
    return ngettext("{count} hour", "{count} hours", hours).format(count=number(hours))
