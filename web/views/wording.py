"""Numbers, sizes, times and names as customers read them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from string import Formatter

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_decimal, format_percent

from web.views.language import N_, _, ngettext, spoken

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0
_SIZES = ((N_("GB"), 1e9), (N_("MB"), 1e6), (N_("kB"), 1e3))
_FINE = 10
"""Below this a size has one decimal, above none: nobody needs 173.4 MB."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment for a `<time>` element: ISO 8601 in UTC for programs, and its text in the zone of the language."""

    iso: str
    text: str


@dataclass(frozen=True, slots=True)
class Name:
    """A name that somebody gave a label, folder or account: shown apart, so that it disturbs no sentence around it."""

    text: str


Text = tuple[str | Moment | Name, ...]
"""A sentence with moments and names in it; the template gives each piece its element."""


def text(sentence: str, **values: str | Moment | Name) -> Text:
    """Put values into the `{places}` of a translated sentence."""
    pieces: list[str | Moment | Name] = []
    for literal, place, _spec, _conversion in Formatter().parse(sentence):
        pieces += [literal] if literal else []
        pieces += [values[place]] if place else []
    return tuple(pieces)


def plain(sentence: Text) -> str:
    """Return a sentence as a string, for places without elements (a title)."""
    return "".join(piece if isinstance(piece, str) else piece.text for piece in sentence)


def number(value: float) -> str:
    """Return a number with the separators of the language."""
    return format_decimal(value, locale=_locale())


def percent(done: int, total: int) -> str:
    """Return whole percents, rounded down: 100 % means all."""
    return format_percent(math.floor(100 * done / total) / 100 if total else 0, locale=_locale())


def size(octets: float) -> str:
    """Return bytes in the unit people think in (decimal, as hosts sell space)."""
    unit, factor = next(((unit, factor) for unit, factor in _SIZES if octets >= factor), ("kB", 1e3))
    value = octets / factor
    return f"{number(round(value, 1) if value < _FINE else round(value))} {_(unit)}"


def size_range(least: float, most: float) -> str:
    """Return a range of bytes: `2 to 9.1 GB`, `about 3 GB` where both ends read the same."""
    low, high = size(least), size(most)
    if low == high:
        return _("about {size}").format(size=high)
    if low.split()[1] == high.split()[1]:
        low = low.split()[0]
    return _("{low} to {high}").format(low=low, high=high)


def messages(count: int) -> str:
    """Return `1 message`, `1,204 messages`."""
    return ngettext("{count} message", "{count} messages", count).format(count=number(count))


def duration_range(best: float, worst: float) -> str:
    """Return `less than 2 minutes`, `10 to 15 minutes`, `1 hour to 2 days`: the best rounded down, the worst up."""
    if worst <= 2 * _MINUTE:
        return _("less than 2 minutes")
    low, high = _span(best, math.floor), _span(worst, math.ceil)
    if low == high:
        return _("about {time}").format(time=_spoken_span(*high))
    if low[1] == high[1]:
        return _("{low} to {high}").format(low=number(low[0]), high=_spoken_span(*high))
    return _("{low} to {high}").format(low=_spoken_span(*low), high=_spoken_span(*high))


def moment(at: float, now: float) -> Moment:
    """Return seconds since the epoch as a moment; with its day unless that is today."""
    zone = spoken().zone
    when, today = datetime.fromtimestamp(at, zone), datetime.fromtimestamp(now, zone)
    clock = f"{format_time(when, 'short', locale=_locale())} {when.tzname()}"
    iso = when.astimezone(UTC).isoformat(timespec="seconds")
    if when.date() == today.date():
        return Moment(iso, clock)
    return Moment(iso, f"{format_date(when, 'medium', locale=_locale())}, {clock}")


def visible(name: str) -> str:
    """Return a name with what can't be seen made visible: control characters, direction overrides, odd blanks.

    The joiners stay: emoji and Persian words are written with them (Unicode 16 §23.2).
    """
    return "".join(c if c.isprintable() or c in "\u200c\u200d" else f"⟨U+{ord(c):04X}⟩" for c in name)


def name(given: str) -> Name:
    """Return a name for a sentence."""
    return Name(visible(given))


def _span(seconds: float, rounded: Callable[[float], int]) -> tuple[int, float]:
    """Return a span as a whole number of a unit (its seconds): single minutes, fives of them, hours, days."""
    if seconds <= 10 * _MINUTE:
        return max(1, rounded(seconds / _MINUTE)), _MINUTE
    if seconds <= _HOUR:
        return 5 * rounded(seconds / _MINUTE / 5), _MINUTE
    unit = _HOUR if seconds <= _DAY else _DAY
    return rounded(seconds / unit), unit


def _spoken_span(count: int, unit: float) -> str:
    words = {
        _MINUTE: ngettext("{count} minute", "{count} minutes", count),
        _HOUR: ngettext("{count} hour", "{count} hours", count),
        _DAY: ngettext("{count} day", "{count} days", count),
    }
    return words[unit].format(count=number(count))


def _locale() -> Locale:
    return Locale.parse(spoken().tag, sep="-")
