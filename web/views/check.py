"""The third screen: from which account to which mailbox, how much that is, whether it fits, how long it takes."""

from dataclasses import dataclass, field
from typing import Literal

from migrator.quota import Profile
from web.views.estimate import Estimate, estimate
from web.views.host import Frame, Host
from web.views.language import _
from web.views.wording import Name, duration_range, messages, name, number, size, size_range

Fit = Literal["fits", "tight", "too-small", "unknown"]


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted. Bytes; `at_least` to `at_most` is the range of all sizes; `free` None where not told."""

    messages: int
    labels: int
    at_least: int
    at_most: int
    free: int | None = None


@dataclass(frozen=True, slots=True)
class Sums:
    """The counted figures in words, and whether they fit."""

    messages: str
    labels: str
    size: str
    free: str
    fit: Fit
    fit_words: str
    time: str
    time_reason: str


@dataclass(frozen=True, slots=True)
class Check:
    """Both addresses in full; `sums` None while counting, and when that failed: `failed` then says why."""

    frame: Frame
    migration: str
    account: Name = field(repr=False)
    mailbox: Name = field(repr=False)
    sums: Sums | None
    failed: str = ""


def check(
    host: Host, migration: str, account: str, mailbox: str, counted: Counted | None, profile: Profile, failed: str = ""
) -> Check:
    """Return the screen; `counted` is None while the account is still being counted.

    `failed` is the sentence about a look-over that failed: the page then counts no more, and offers to try again.
    """
    sums = _sums(counted, profile) if counted else None
    return Check(Frame(host, 3), migration, name(account), name(mailbox), sums, failed)


def fit_of(counted: Counted) -> Fit:
    """Tell whether the mail fits the free space; what lies inside the range is tight."""
    if counted.free is None:
        return "unknown"
    if counted.at_most <= counted.free:
        return "fits"
    return "tight" if counted.at_least <= counted.free else "too-small"


def _sums(counted: Counted, profile: Profile) -> Sums:
    fit, guess = fit_of(counted), estimate(counted.messages, counted.at_most, profile)
    return Sums(
        messages=messages(counted.messages),
        labels=number(counted.labels),
        size=size_range(counted.at_least, counted.at_most),
        free="" if counted.free is None else size(counted.free),
        fit=fit,
        fit_words=_fit_words(fit),
        time=duration_range(guess.best, guess.worst),
        time_reason=_reason(guess),
    )


def _fit_words(fit: Fit) -> str:
    return {
        "fits": _("It fits."),
        "tight": _("It may just fit. If the space runs out, the import waits and nothing is lost."),
        "too-small": _("Not all of it fits. Ask for more space first, or leave labels out in the next step."),
        "unknown": _("Your mailbox does not tell how much space is free."),
    }[fit]


def _reason(guess: Estimate) -> str:
    if guess.limit == "bytes":
        return _(
            "Google limits how many bytes may be read from one account in a day. We wait for it and go on by ourselves."
        )
    return _(
        "Google allows about {count} messages a second. Large attachments and busy servers make it slower."
    ).format(count=number(round(guess.pace)))
