"""How the console says numbers, times and states: English, short, for people who read it at night."""

from datetime import datetime
from typing import Literal

from jobs.migration import ENDS, State
from web.operator.models import ImportRow

Tone = Literal["running", "waiting", "resting", "stopped", "ended"]

STATES: dict[State, str] = {
    State.PLANNING: "Planning",
    State.COPYING: "Copying",
    State.VERIFYING: "Verifying",
    State.FINISHING: "Finishing",
    State.WAITING: "Waiting",
    State.PAUSED: "Paused",
    State.FAILED: "Failed",
    State.DONE: "Done",
    State.DONE_WITH_EXCEPTIONS: "Done with exceptions",
    State.CANCELLED: "Cancelled",
    State.EXPIRED: "Expired",
}

_MEANINGS: dict[State, str] = {
    State.PLANNING: "Messages are being listed and folder names decided.",
    State.COPYING: "Messages are being read and filed.",
    State.VERIFYING: "Every copied message is being looked up in the mailbox.",
    State.FINISHING: "Google's access is being given back and the key destroyed.",
    State.WAITING: "It goes on by itself.",
    State.PAUSED: "It goes on when a person resumes it.",
    State.FAILED: "It cannot go on by itself.",
    State.DONE: "Every message has an outcome, none failed.",
    State.DONE_WITH_EXCEPTIONS: "Every message has an outcome, some failed.",
    State.CANCELLED: "Ended by a person; what was copied stays.",
    State.EXPIRED: "Ended after 71 hours without progress, while access could still be given back.",
}

_TONES: dict[State, Tone] = {
    State.WAITING: "waiting",
    State.PAUSED: "resting",
    State.FAILED: "stopped",
    **dict.fromkeys(ENDS, "ended"),
}

_WISHES = {
    "pause": "A pause was asked for: the slice under way is finished first.",
    "cancel": "It was cancelled: the slice under way is finished first.",
    "expire": "It was ended: the slice under way is finished first.",
}

ACTS = {
    "resume": "Resume",
    "pause": "Pause",
    "cancel": "Cancel",
    "expire": "Expire now",
    "retry": "Retry failed messages",
    "finish": "Finish without failed messages",
}

FIELDS = {
    "report": "How many messages were copied, left out or failed",
    "folder-names": "The names of folders",
    "failure-words": "Why messages were not copied",
    "history": "When the import was in which state",
}

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def state_words(state: State) -> str:
    """Return a state as people say it."""
    return STATES[state]


def tone(state: State) -> Tone:
    """Return in which colour a state is shown."""
    return _TONES.get(state, "running")


def meaning(row: ImportRow) -> str:
    """Return what an import's state means, in a sentence or two."""
    if row.state is State.FAILED and not row.resumable:
        return "It failed for good: nobody can resume it. Cancel it; what was copied stays."
    return " ".join(part for part in (_MEANINGS[row.state], _WISHES.get(row.wish, "")) if part)


def number(count: float) -> str:
    """Return `1,204`; one decimal below ten, where there is one."""
    rounded = round(count, 1) if count < 10 else round(count)  # noqa: PLR2004 - as it says
    return f"{rounded:,.1f}" if rounded % 1 else f"{round(rounded):,}"


def imports(count: int) -> str:
    """Return `1 import`, `1,204 imports`."""
    return f"{count:,} import{'' if count == 1 else 's'}"


def span(seconds: float) -> str:
    """Return a length of time in its two largest units: `40 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    left = max(0, int(seconds))
    if left < _MINUTE:
        return f"{left} s"
    for unit, name, below, below_name in ((_DAY, "d", _HOUR, "h"), (_HOUR, "h", _MINUTE, "min")):
        if left >= unit:
            rest = left % unit // below
            return f"{left // unit} {name}" + (f" {rest} {below_name}" if rest else "")
    return f"{left // _MINUTE} min"


def ago(then: datetime | None, now: datetime) -> str:
    """Return `12 min ago`; `never` for nothing."""
    return f"{span((now - then).total_seconds())} ago" if then else "never"


def ahead(then: datetime, now: datetime) -> str:
    """Return `in 12 min`; `now` for what is due."""
    seconds = (then - now).total_seconds()
    return f"in {span(seconds)}" if seconds >= 1 else "now"


def short(name: str) -> str:
    """Return the first eight letters of an opaque name, by which people tell one from another."""
    return name[:8]


def size(megabytes: int | None) -> str:
    """Return rounded bytes: `about 120 MB`, `about 1.2 GB`; `too few messages to tell` for none."""
    if megabytes is None:
        return "not told below 20 messages"
    return f"about {megabytes / 1000:,.1f} GB" if megabytes >= 1000 else f"about {megabytes} MB"  # noqa: PLR2004


def clock(when: datetime) -> str:
    """Return a time of day, in UTC: `14:20`."""
    return when.strftime("%H:%M")


def stamp(when: datetime) -> str:
    """Return day and time, in UTC: `2026-11-22 14:20:05 UTC`."""
    return when.strftime("%Y-%m-%d %H:%M:%S UTC")


def share(part: float, whole: float) -> int:
    """Return whole percents, rounded down: 100 means all."""
    return int(part * 100 // whole) if whole else 0
