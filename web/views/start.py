"""The first two screens: what an import is, and what is asked for right before Google asks it."""

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.migration import Migration
from migrator.quota import Profile
from web.views.estimate import estimate
from web.views.host import Frame, Host
from web.views.keeping import Keeping, keeping
from web.views.language import _
from web.views.progress import Standing, standing_of
from web.views.wording import Moment, Name, duration_range, messages, moment, name

_EXAMPLES = ((2_000, 4e8), (20_000, 2e9), (100_000, 1e10))
"""Mailboxes as people have them: messages and bytes."""


@dataclass(frozen=True, slots=True)
class Example:
    """How long a mailbox of some size takes."""

    messages: str
    time: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """An import that the customer has already: where it is found, how it stands, when it was connected."""

    place: str
    standing: Standing
    connected: Moment


@dataclass(frozen=True, slots=True)
class Start:
    """What happens, how long, what we never do; first of all the imports the customer has, the newest first."""

    frame: Frame
    earlier: tuple[Earlier, ...]
    examples: tuple[Example, ...]
    keeping: Keeping


@dataclass(frozen=True, slots=True)
class Before:
    """The disclosure that stands right before consent.

    `mailbox` is the target's address in full, None while none is chosen; `account` is the address typed before;
    `problem` says why the last try did not connect, empty at first; `removal` is where at Google access may be removed
    that we can't give back, empty where there is none.
    """

    frame: Frame
    mailbox: Name | None
    account: str
    problem: str
    removal: str
    keeping: Keeping
    limited_use: str


def start(host: Host, profile: Profile, imports: Sequence[Migration] = (), now: float = 0.0) -> Start:
    """Return the first screen; `imports` are those of the customer, `now` is in seconds since the epoch."""
    earlier = tuple(
        Earlier(f"/imports/{one.id}", standing_of(host, one, now), moment(one.created_at, now)) for one in imports
    )
    return Start(Frame(host, 1), earlier, tuple(_example(*row, profile) for row in _EXAMPLES), keeping())


def before(host: Host, mailbox: str, account: str = "", problem: str = "", removal: str = "") -> Before:
    """Return the screen before Google; `mailbox` is the target's address or empty, `problem` a sentence or empty."""
    limited_use = _(
        "{host}'s use of information received from Google APIs will adhere to the Google API Services User Data "
        "Policy, including the Limited Use requirements."
    ).format(host=host.name)
    shown = name(mailbox) if mailbox else None
    return Before(Frame(host, 2), shown, account, problem, removal, keeping(), limited_use)


def _example(count: int, octets: float, profile: Profile) -> Example:
    guess = estimate(count, octets, profile)
    return Example(messages(count), duration_range(guess.best, guess.worst))
