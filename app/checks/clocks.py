"""Clocks that agree: permits, certificates and second factors are good for a time."""

from collections.abc import Iterator

from app.checks.finding import Finding, bad, ok

SKEW_SECONDS = 2.0


def skew_of(before: float, after: float, earliest: float, latest: float) -> float:
    """Return by how much another clock differs at least: asked between two moments, it told one between two others."""
    return max(0.0, earliest - after, before - latest)


def clock(name: str, skew: float) -> Iterator[Finding]:
    """Give what is to be said about a clock that differs by `skew` seconds from this machine's."""
    if skew > SKEW_SECONDS:
        way_out = "Set both machines' clocks by NTP (chrony, systemd-timesyncd)."
        yield bad(name, f"differs by {skew:,.0f} s from this machine's", way_out)
    else:
        yield ok(name, "agrees with this machine's")
