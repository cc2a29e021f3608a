"""The fifth screen: where an import stands, in plain words, and what happens next."""

from dataclasses import dataclass
from typing import Literal

from jobs.migration import ENDS, PHASES, TRANSITIONS, Migration, State
from jobs.progress import Progress
from jobs.renewing import waits_for_password
from jobs.report import Report
from jobs.retention import EXPIRE_SECONDS
from jobs.retrying import is_held
from migrator.failures import curable
from web.views import states
from web.views.host import Frame, Host
from web.views.language import _, ngettext
from web.views.outcomes import Folder, Sum, folders_of, sum_of
from web.views.states import Tone, Words
from web.views.wording import Text, duration_range, moment, number, percent, size, text

Action = Literal["pause", "resume", "retry", "finish", "reconnect", "enter", "cancel", "start"]

_HELD = frozenset({State.PAUSED, State.FAILED})


@dataclass(frozen=True, slots=True)
class Standing:
    """The state: badge, big sentence, what happens next; `code` for the support, where nobody else can help."""

    tone: Tone
    badge: str
    headline: str
    then: Text
    wish: str
    code: str


@dataclass(frozen=True, slots=True)
class Bar:
    """How far it is: `done` of `total` messages as numbers for the bar, and in words; empty words where unknown."""

    done: int
    total: int
    percent: str
    words: str
    pace: str
    left: str


@dataclass(frozen=True, slots=True)
class Running:
    """The page. `key` changes when the page's buttons do: then the whole page is to be loaded again, not a part.

    `signs_in`: the host lets customers in by the mailbox's address and password. `asked`: the support asks to see more.
    """

    frame: Frame
    migration: str
    key: str
    standing: Standing
    bar: Bar
    sum: Sum
    folders: tuple[Folder, ...]
    actions: frozenset[Action]
    resume_words: str
    by_itself: bool
    signs_in: bool
    asked: bool


def running(
    host: Host,
    migration: Migration,
    report: Report,
    progress: Progress,
    now: float,
    *,
    signs_in: bool = True,
    asked: bool = False,
) -> Running:
    """Return the page of an import that has not ended; `now` in seconds since the epoch."""
    actions = actions_of(migration)
    return Running(
        frame=Frame(host, 5),
        migration=migration.id,
        key=f"{migration.state}.{migration.phase}.{migration.reason}.{migration.wish}",
        standing=standing_of(host, migration, now, failed=curable(report.failures)),
        bar=_bar(migration, progress),
        sum=sum_of(report),
        folders=folders_of(report.folders),
        actions=actions,
        resume_words=_resume_words(migration),
        by_itself=migration.state not in _HELD and not is_held(migration),
        signs_in=signs_in,
        asked=asked,
    )


def words_of(migration: Migration) -> Words:
    """Return the words of a state and its reason."""
    code = migration.reason.partition(":")[0]
    match migration.state:
        case State.WAITING:
            return states.WAITING.get(code, states.WAITING_ELSE)
        case State.PAUSED:
            return states.PAUSED.get(code, states.PAUSED_ELSE)
        case State.FAILED:
            otherwise = states.FAILED_ELSE if migration.resumable else states.FAILED_FOR_GOOD
            return states.FAILED.get(code, otherwise)
        case state if state in ENDS:
            return states.ENDED[state]
        case phase:
            return states.PHASES[phase]


def standing_of(host: Host, migration: Migration, now: float, *, failed: int = 0) -> Standing:
    """Return how the import stands; the moment in it is when we go on, or until when its place is kept.

    `failed`: how many messages a held import could not copy, where that is known.
    """
    words = words_of(migration)
    when = migration.until if migration.state is State.WAITING else migration.progress_at + EXPIRE_SECONDS
    return Standing(
        tone=words.tone,
        badge=_(states.BADGES[words.tone]),
        headline=_failed_words(failed) if failed and is_held(migration) else _(words.headline),
        then=text(_(words.then), host=host.name, time=moment(max(when, now), now)),
        wish=_wish(migration),
        code=migration.reason.partition(":")[0] if words in {states.FAILED_ELSE, states.FAILED_FOR_GOOD} else "",
    )


def actions_of(migration: Migration) -> frozenset[Action]:
    """Return what the customer may ask for now."""
    if is_held(migration):
        return frozenset({"retry", "finish", "cancel"})
    state, may = migration.state, set[Action]()
    if State.PAUSED in TRANSITIONS[state] and not migration.wish and migration.phase is not State.FINISHING:
        may.add("pause")
    if state is State.PAUSED or (state is State.FAILED and migration.resumable):
        may.add(_goes_on(migration.reason))
    if waits_for_password(migration):
        may.add("enter")
    if state is State.WAITING:
        may.add("resume")
    if state not in ENDS and migration.phase is not State.FINISHING and migration.wish != "cancel":
        may.add("cancel")
    return frozenset(may)


def _goes_on(reason: str) -> Action:
    other: dict[str, Action] = {"reconnect-needed": "reconnect", "key-lost": "reconnect", "not-started": "start"}
    return other.get(reason, "resume")


def _resume_words(migration: Migration) -> str:
    match migration.state:
        case State.WAITING:
            return _("Try now")
        case State.FAILED:
            return _("Try again")
        case _ if waits_for_password(migration):
            return _("Try again")
        case _:
            return _("Go on")


def _failed_words(count: int) -> str:
    return ngettext("{count} message could not be copied", "{count} messages could not be copied", count).format(
        count=number(count)
    )


def _wish(migration: Migration) -> str:
    """Return what was asked for and is not done yet."""
    if migration.wish == "pause":
        return _("You asked for a pause: the messages on their way are finished first.")
    if migration.wish == "cancel" or migration.ending == State.CANCELLED:
        return _("You cancelled this import: it is being brought to an end.")
    return ""


def _bar(migration: Migration, progress: Progress) -> Bar:
    done = progress.total - progress.left
    if not progress.total:
        return Bar(0, 0, "", "", "", "")
    moves = migration.state in PHASES and progress.rate is not None and progress.left > 0
    return Bar(
        done=done,
        total=progress.total,
        percent=percent(done, progress.total),
        words=_("{done} of {total} messages").format(done=number(done), total=number(progress.total)),
        pace=_pace(progress) if moves else "",
        left=_left(progress) if moves else "",
    )


def _pace(progress: Progress) -> str:
    if progress.rate is None:
        return ""
    return _("{count} messages and {size} a second").format(
        count=number(round(progress.rate.messages, 1)), size=size(progress.rate.bytes)
    )


def _left(progress: Progress) -> str:
    if progress.eta_seconds is None:
        return _("We can't tell yet how long it takes.")
    return _("{time} left").format(time=duration_range(*progress.eta_seconds))
