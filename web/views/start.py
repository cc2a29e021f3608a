"""The first two screens: what an import is, and what is asked for right before Google asks it."""

from dataclasses import dataclass

from migrator.quota import Profile
from web.views.estimate import estimate
from web.views.host import Frame, Host
from web.views.keeping import Keeping, keeping
from web.views.language import _
from web.views.wording import Name, duration_range, messages, name

_EXAMPLES = ((2_000, 4e8), (20_000, 2e9), (100_000, 1e10))
"""Mailboxes as people have them: messages and bytes."""


@dataclass(frozen=True, slots=True)
class Example:
    """How long a mailbox of some size takes."""

    messages: str
    time: str


@dataclass(frozen=True, slots=True)
class Start:
    """What happens, how long, what we never do."""

    frame: Frame
    examples: tuple[Example, ...]
    keeping: Keeping


@dataclass(frozen=True, slots=True)
class Before:
    """The disclosure that stands right before consent.

    `mailbox` is the target's address in full, None while none is chosen; `account` is the address typed before;
    `problem` says why the last try did not connect, empty at first.
    """

    frame: Frame
    mailbox: Name | None
    account: str
    problem: str
    keeping: Keeping
    limited_use: str


def start(host: Host, profile: Profile) -> Start:
    """Return the first screen."""
    return Start(Frame(host, 1), tuple(_example(*row, profile) for row in _EXAMPLES), keeping())


def before(host: Host, mailbox: str, account: str = "", problem: str = "") -> Before:
    """Return the screen before Google; `mailbox` is the target's address or empty, `problem` a sentence or empty."""
    limited_use = _(
        "{host}'s use of information received from Google APIs will adhere to the Google API Services User Data "
        "Policy, including the Limited Use requirements."
    ).format(host=host.name)
    return Before(Frame(host, 2), name(mailbox) if mailbox else None, account, problem, keeping(), limited_use)


def _example(count: int, octets: float, profile: Profile) -> Example:
    guess = estimate(count, octets, profile)
    return Example(messages(count), duration_range(guess.best, guess.worst))
