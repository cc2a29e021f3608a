"""What may stand in a line of the log: known events, allow-listed keys, values of a known shape, and nothing else.

Everything that is logged passes `line`. What it lets through is decided by these tables, not by who calls it: a value
of another shape becomes the word `withheld`, a key that is not listed is dropped. `docs/logs.md` says what each event
means.
"""

import json
import math
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

WITHHELD = "withheld"
UNNAMED = "unnamed"


@dataclass(frozen=True, slots=True)
class Event:
    """One kind of line: its name, the level or levels it may have, the keys it comes with."""

    name: str
    levels: str
    keys: str = ""


EVENTS: Mapping[str, Event] = {
    event.name: event
    for event in (
        Event("worker-started", "info", "version threads"),
        Event("kernel-walls-missing", "warning", "code"),
        Event("worker-stopped", "info", "seconds"),
        Event("stop-cut-short", "warning", "error"),
        Event("slice-ended", "info", "migration phase kind code seconds"),
        Event("slice-crashed", "error", "migration phase code seconds"),
        Event("forkserver-restarted", "warning"),
        Event("cannot-start", "error", "code error"),
        Event("can-start-again", "warning", "seconds"),
        Event("worker-gave-up", "critical", "code seconds"),
        Event("egress-refused", "critical", "migration phase code"),
        Event("audit-refused", "error", "migration code"),
        Event("lease-lost", "warning", "migration phase"),
        Event("illegal-step", "error", "migration before after"),
        Event("ticket-dropped", "warning", "error"),
        Event("google-client-refused", "error"),
        Event("google-client-accepted", "info"),
        Event("store-away", "warning", "error"),
        Event("store-back", "warning"),
        Event("store-trouble", "warning", "place code"),
        Event("not-ready", "warning", "place code"),
        Event("ready-again", "warning"),
        Event("disk-slow", "warning"),
        Event("replica-slow", "warning"),
        Event("look-failed", "error", "error"),
        Event("rewrite-refused", "warning", "error"),
        Event("audit-checkpoint", "info", "checkpoint"),
        Event("audit-damaged", "critical", "code entry"),
        Event("audit-put-back", "warning", "count"),
        Event("audit-elsewhere", "warning"),
        Event("not-connected", "error", "migration code"),
        Event("consent-failed", "info warning error", "migration code"),
        Event("grant-unconfirmed", "error", "migration code"),
        Event("proxy-unnamed", "warning", "place"),
        Event("web-started", "info", "version port"),
        Event("web-stopped", "info"),
        Event("console-started", "info", "version port"),
        Event("console-stopped", "info"),
        Event("metrics-started", "info", "version port"),
        Event("metrics-stopped", "info"),
        Event("signin-refused", "warning", "code"),
        Event("account-rests", "warning", "member"),
        Event("sso-away", "warning", "error"),
        Event("launch-refused", "warning", "code place"),
        Event("mailbox-silent", "warning", "code"),
        Event("pool-full", "warning", "kind"),
        Event("survey-failed", "warning error", "migration code error"),
        Event("undo-stopped", "warning", "migration code error"),
        Event("receipt-unreadable", "error", "migration error"),
        Event("hook-away", "warning", "migration"),
        Event("hook-refused", "warning", "migration status"),
        Event("hook-given-up", "error", "migration"),
        Event("hooks-held-up", "warning", "error"),
        Event("unhandled", "critical", "place error"),
        Event("foreign", "warning error critical", "logger error"),
        Event("warned", "warning", "error"),
        Event("stray-output", "warning", "place"),
        Event("lines-lost", "error", "count"),
        Event(UNNAMED, "debug info warning error critical"),
    )
}

_WORD = r"(?:[a-z]{1,24}[0-9]{0,4}|[0-9]{1,4})"
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_CODE = re.compile(rf"[a-z]{{1,24}}[0-9]{{0,2}}(?:-{_WORD}){{0,6}}(?::[A-Za-z_][A-Za-z0-9_]{{0,63}})?|", re.ASCII)
_TEXTS: Mapping[str, re.Pattern[str]] = {
    "migration": re.compile(r"[0-9a-f]{32}", re.ASCII),
    "member": re.compile(r"[0-9a-f]{32}", re.ASCII),
    "checkpoint": re.compile(r"[0-9]{1,12}:[0-9a-f]{64}", re.ASCII),
    "version": re.compile(r"[0-9]{1,4}(?:\.[0-9a-z+]{1,12}){1,4}", re.ASCII),
    **dict.fromkeys(("phase", "kind", "code", "before", "after", "place"), _CODE),
}
_NUMBERS = frozenset({"seconds", "threads", "count", "port", "status", "entry"})
_MOST = 1e9
"""No number of ours is as large; what is may be somebody's text in digits."""

KEYS = frozenset({*_TEXTS, *_NUMBERS, "error", "logger"})
"""What a caller may tell. A line has `time`, `level`, `event` beside them, and with `error` also `causes`, `where`."""

_OURS = frozenset({"app", "jobs", "migrator", "oauth", "web"})
_MOST_CAUSES = 8
_MOST_FRAMES = 8


def line(level: str, event: object, given: Mapping[str, object]) -> str:
    """Return one line of the log, as JSON in ASCII, below 4 KiB.

    Args:
        level: debug, info, warning, error or critical.
        event: one of `EVENTS`; anything else becomes `unnamed`.
        given: what the caller tells. `error` and `exc_info` take an exception (or its class), of which the classes
            of its chain and the places in our own code get out.
    """
    told: dict[str, object] = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": level,
        "event": event if type(event) is str and event in EVENTS else UNNAMED,
    }
    told |= {key: _shaped(key, value) for key, value in given.items() if key in KEYS and key != "error"}
    errors = [given[key] for key in ("exc_info", "error") if key in given]
    told |= next((_error(one) for one in errors if one is not None and one is not False), {})
    return json.dumps(told)


def _shaped(key: str, value: object) -> object:
    kind = type(value)
    if key in _NUMBERS:
        fits = kind in {int, float} and math.isfinite(value) and abs(value) < _MOST  # type: ignore[arg-type]
        return round(value, 3) if fits else WITHHELD  # type: ignore[call-overload]
    if not issubclass(kind, str):
        return WITHHELD
    text = str.__str__(value)  # an enum's text, and no one's own idea of it
    if key == "logger":
        return _module(text)
    return text if _TEXTS[key].fullmatch(text) else WITHHELD


def _module(name: str) -> str:
    """Return as much of a logger's name as is a module's: the rest may be anything."""
    parts = name[:200].split(".")
    prefixes = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((prefix for prefix in prefixes if prefix in sys.modules), WITHHELD)


def _error(given: object) -> dict[str, object]:
    """Return an exception's class, the classes it came from, and the places of ours it passed."""
    error = _exception(given)
    if error is None:
        return {"error": _class(given) if issubclass(type(given), type) else WITHHELD}
    chain = list(_chain(error))
    names, where = [_class(type(one)) for one in chain], next(filter(None, map(_places, chain)), [])
    return {
        "error": names[0],
        **({"causes": names[1:]} if names[1:] else {}),
        **({"where": where} if where else {}),
    }


def _exception(given: object) -> BaseException | None:
    """Return the exception in what `exc_info` may be."""
    if given is True:
        return sys.exception()
    parts = given if type(given) is tuple else (given,)
    return next((part for part in parts if issubclass(type(part), BaseException)), None)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Give an exception, what it came from, and the members of groups, each once."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting and len(seen) < _MOST_CAUSES:
        one = waiting.pop(0)
        if any(one is other for other in seen):
            continue
        seen.append(one)
        yield one
        hidden = one.__suppress_context__ or one.__cause__ is not None
        before = one.__cause__ if hidden else one.__context__
        waiting += [before] if before is not None else []
        waiting += one.exceptions if isinstance(one, BaseExceptionGroup) else ()


def _places(error: BaseException) -> list[str]:
    """Return the places in our own code that the exception passed, as `module:function:line`, outermost first."""
    places = []
    for frame, number in traceback.walk_tb(error.__traceback__):
        module = frame.f_globals.get("__name__")
        if type(module) is str and module.partition(".")[0] in _OURS:
            places.append(f"{module}:{frame.f_code.co_name}:{number}")
    return places[-_MOST_FRAMES:]


def _class(kind: object) -> str:
    name = type.__dict__["__name__"].__get__(kind)  # a class may have its own idea of its name
    return name if _IDENTIFIER.fullmatch(name) else WITHHELD
