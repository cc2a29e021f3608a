"""What is held about an import right now, for its customer: read from the stores, in the retention table's words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jobs.kept import Sight, Until, Where
from jobs.migration import ENDS, Migration
from jobs.overview import Holding
from web.views.host import Frame, Host
from web.views.language import N_, _
from web.views.wording import Text, moment, size, text

SIGHTS: dict[str, str] = {
    Sight.WORKER: N_("our programs alone"),
    Sight.SERVICE: N_("our programs alone"),
    Sight.OWNER: N_("you"),
    Sight.OPERATOR: N_("our staff"),
    Sight.CUSTOMER: N_("you and our staff"),
    Sight.ALLOWED: N_("you, and our staff if you allow it"),
    Sight.HOST: N_("who runs our machines"),
}
"""Who may see something, in a customer's words."""

PLACES: dict[str, str] = {
    Where.STATE: N_("in our database"),
    Where.KEYS: N_("in memory alone"),
    Where.BROKER: N_("in our queue"),
    Where.FILES: N_("on disk, until it is written over"),
}

TITLES: dict[str, str] = {
    Until.DAY_AFTER: N_("For a day after the end"),
    Until.END: N_("While the import is under way"),
    Until.KEY: N_("While the import is under way"),
    Until.REWRITE: N_("For a minute"),
    Until.AUDIT: N_("For 400 days: who did what, and nothing about you"),
}
"""Until when something of an import is kept, as the title of all that is kept so long."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is held, and what for; `why` is empty where the import itself needs it."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Group:
    """Things that lie in one place, seen by the same people: where, by whom, how much, until when at the latest."""

    told: Text
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """All that is kept equally long."""

    title: str
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class MyData:
    """The page. `read` tells when the stores were asked; `ended` whether all of it can be erased now."""

    frame: Frame
    migration: str
    parts: tuple[Part, ...]
    read: Text
    ended: bool


def mydata(host: Host, migration: Migration, holdings: Sequence[Holding], now: float) -> MyData:
    """Return the page; `now` in seconds since the epoch."""
    return MyData(
        frame=Frame(host),
        migration=migration.id,
        parts=tuple(_parts(holdings, now)),
        read=text(
            _("Read at {time}: {size} in all."),
            time=moment(now, now),
            size=size(sum(holding.bytes for holding in holdings)),
        ),
        ended=migration.state in ENDS,
    )


def _parts(holdings: Sequence[Holding], now: float) -> Iterator[Part]:
    """Yield the parts in the order of the table of titles; two kinds of end may share a title."""
    for title in dict.fromkeys(TITLES.values()):
        rows = [holding for holding in holdings if TITLES[holding.ends] == title]
        kinds = dict.fromkeys((SIGHTS[row.sight], PLACES[row.where]) for row in rows)
        groups = (([row for row in rows if (SIGHTS[row.sight], PLACES[row.where]) == kind], kind) for kind in kinds)
        if rows:
            yield Part(_(title), tuple(_group(some, who, place, now) for some, (who, place) in groups))


def _group(rows: Sequence[Holding], who: str, place: str, now: float) -> Group:
    told = text(
        _("Seen by {who}. Lies {place}: {size}. Gone at {time}, if not before."),
        who=_(who),
        place=_(place),
        size=size(sum(row.bytes for row in rows)),
        time=moment(max(row.until for row in rows), now),
    )
    return Group(told, tuple(Line(_(row.holds), _(row.why) if row.why else "") for row in rows))
