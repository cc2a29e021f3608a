"""Which mail comes along by its age: the periods to choose from, each with what it means, and the form's answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from babel import Locale
from babel.dates import format_date

from migrator.period import ALL, YEARS, day_of
from web.views.language import _, ngettext, spoken

PERIOD = "period"
SINCE = "since"
"""Names of the form's two fields: which period, and the day for one that begins on a day."""

_DAY = "day"
_EARLIEST = date(1990, 1, 1)


@dataclass(frozen=True, slots=True)
class Period:
    """One period to choose."""

    value: str
    title: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Periods:
    """All periods; `since` is the day in the second field (ISO 8601), between `earliest` and `latest`."""

    offered: tuple[Period, ...]
    since: str
    earliest: str
    latest: str


def periods(since: str) -> Periods:
    """Return the periods, with the chosen one ticked; `since` as in `Choices`."""
    today = _today()
    chosen = next((word for word in (ALL, *YEARS) if day_of(word, today) == since), _DAY)
    rows = (
        (ALL, _("All mail")),
        *((word, ngettext("The last year", "The last {years} years", n).format(years=n)) for word, n in YEARS.items()),
        (_DAY, _("Since the day below")),
    )
    return Periods(
        offered=tuple(Period(value, title, value == chosen) for value, title in rows),
        since=since if chosen == _DAY else "",
        earliest=_EARLIEST.isoformat(),
        latest=today.isoformat(),
    )


def period_of(said: Mapping[str, str], before: str) -> str:
    """Return the first day of the period in a form that was sent; `before` where it asks for none.

    Raises:
        ValueError: it is none that the page offers.
    """
    word, today = said.get(PERIOD, ""), _today()
    if not word:
        return before
    if word != _DAY:
        return day_of(word, today) if word in {ALL, *YEARS} else _refused()
    if not said.get(SINCE):
        return ""
    day = date.fromisoformat(said[SINCE])
    return day.isoformat() if _EARLIEST <= day <= today else _refused()


def day_words(day: str) -> str:
    """Return a day in ISO 8601 as people of the language read it: `22 November 2023`."""
    return format_date(date.fromisoformat(day), "long", locale=Locale.parse(spoken().tag, sep="-"))


def _refused() -> str:
    raise ValueError(PERIOD)


def _today() -> date:
    return datetime.now(UTC).date()
