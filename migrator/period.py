"""The period whose mail is copied: everything that arrived on a day or later, all mail without one.

A day is a calendar day in UTC, written as in ISO 8601 (`2023-11-22`). Arrival is Gmail's `internalDate`, which becomes
INTERNALDATE (RFC 9051 §2.3.3) in the mailbox; what a mail's own header claims does not matter.
"""

from datetime import UTC, date, datetime, timedelta

YEARS = {"1y": 1, "3y": 3, "5y": 5}
"""Periods that are offered by name: how many years back from today."""

ALL = "all"

_MARGIN = timedelta(days=1)


def day_of(period: str, today: date) -> str:
    """Return the first day of a period: empty for `all`; for `1y`, `3y`, `5y` so many years ago; else the day itself.

    Raises:
        ValueError: it is none of these.
    """
    if period == ALL:
        return ""
    return years_before(today, YEARS[period]) if period in YEARS else date.fromisoformat(period).isoformat()


def years_before(day: date, years: int) -> str:
    """Return the same day of an earlier year; 29 February becomes 28 February where it has to."""
    try:
        return day.replace(year=day.year - years).isoformat()
    except ValueError:
        return day.replace(year=day.year - years, day=28).isoformat()


def is_before(arrived: int, since: str) -> bool:
    """Tell whether mail that arrived then, in ms since the epoch, is older than the period; never where it is all."""
    return bool(since) and arrived < midnight(since) * 1000


def midnight(day: str) -> int:
    """Return when a day begins, in seconds since the epoch."""
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


def surely_before(since: str) -> str:
    """Return the Gmail search for mail that is older than the period beyond doubt, to be left out without reading it.

    A search takes seconds since the epoch (Gmail API, "Searching for Messages"). It is asked a day short: how Google
    treats the limit itself is not said, and what lies near it is decided when the message is read.
    """
    return f"before:{midnight((date.fromisoformat(since) - _MARGIN).isoformat())}"
