"""Quota: an account at Google's real limits; nearly all of the ceiling must be used, and never a unit over it."""

import threading
import time
from functools import partial
from typing import Any, Literal

from bench.figures import Goal, judge, show
from bench.google import Google, google
from bench.installation import begin, installation, warm_up
from bench.parts import mailbox_server, workplace

Profile = Literal["new", "legacy"]

_UNITS = {"new": 6_000, "legacy": 15_000}  # per user and minute (Gmail API, "Usage limits")
_COST = {"new": 20, "legacy": 5}  # units of a messages.get
_SHARE = 0.95
_LEAD = 10.0  # seconds that a burst at the beginning may last: not measured
_BODY = 10_000
_LOOK = 0.05
_START_SECONDS = 60.0


def quota(profile: Profile, seconds: float) -> bool:
    """Copy for `seconds` from an account with the profile's limits at real scale; True when every goal is met.

    Raises:
        RuntimeError: copying did not begin within a minute.
    """
    messages = int(_UNITS[profile] / _COST[profile] * (seconds / 60 + 2))
    options = ("--synthetic", str(messages), "--body-bytes", str(_BODY), "--quota", profile)
    with (
        workplace() as folder,
        google(*options) as gmail,
        mailbox_server() as server,
        installation(folder, gmail, "127.0.0.1", server.port, {"google": {"profile": profile}}) as installed,
    ):
        user = server.new_user()
        warm_up(installed, user)
        begin(installed, gmail, user)
        started = _first_get(gmail)
        first = _at(gmail, started + min(_LEAD, seconds / 2))
        last = _at(gmail, started + seconds)
    return _told(profile, first, last)


def _told(profile: Profile, first: tuple[float, dict[str, Any]], last: tuple[float, dict[str, Any]]) -> bool:
    (begun, before), (ended, after) = first, last
    span = ended - begun
    units, gets = after["units"] - before["units"], _gets(after) - _gets(before)
    refusals = {reason: count for reason, count in after["reasons"].items() if reason}
    share = units / (_UNITS[profile] / 60 * span)
    show(
        f"Profile {profile}: {_UNITS[profile]:,} units a minute, {span:.0f} s measured",
        ("what", "figure", ""),
        [
            ("units used", f"{units:,}", f"{share:.1%} of the ceiling"),
            ("messages fetched", f"{gets:,}", f"{gets / span:.2f} a second"),
            ("refusals since the start", str(sum(refusals.values())), ", ".join(sorted(refusals))),
            ("requests at once, at most", str(after["max_concurrency"]), ""),
        ],
    )
    return judge(
        [
            Goal("share of the ceiling", 100 * share, "at least", 100 * _SHARE, "%"),
            Goal("quota errors", sum(refusals.values()), "at most", 0),
        ]
    )


def _first_get(gmail: Google) -> float:
    """Return when the first message was fetched (monotonic seconds)."""
    clock = threading.Event()
    end = time.monotonic() + _START_SECONDS
    for _ in iter(partial(clock.wait, _LOOK), True):  # noqa: FBT003 - never set: a clock's tick
        if _gets(gmail.ledger()):
            return time.monotonic()
        if time.monotonic() > end:
            raise RuntimeError("copying did not begin")
    raise AssertionError


def _at(gmail: Google, moment: float) -> tuple[float, dict[str, Any]]:
    """Wait until `moment` and return the stand-in's ledger with the time it was read at."""
    threading.Event().wait(max(0.0, moment - time.monotonic()))
    report = gmail.ledger()
    return time.monotonic(), report


def _gets(report: dict[str, Any]) -> int:
    return int(report["calls"].get("messages.get", 0))
