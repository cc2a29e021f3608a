"""Every page in every state, as somebody may see it: with everyday data and with hostile data."""

from collections.abc import Callable, Iterator
from typing import Any

from endings import endings
from scenery import HOST, HOSTILE, ID, NOW, SCRIPT, Scene, migration, receipt, report

from jobs.migration import Migration, State
from jobs.progress import Progress, Sample, progress_of
from jobs.report import Report
from migrator.foldermap import map_folders
from migrator.folders import ExistingFolder, MailboxShape
from migrator.labels import Choices, Label, catalogue_of
from migrator.preview import effect_of
from migrator.quota import PROFILES
from migrator.survey import Group, Survey
from web.views.check import Counted, check
from web.views.choose import Looked, choose, uncounted
from web.views.notice import notice
from web.views.progress import running
from web.views.signin import signin
from web.views.start import before, start

__all__ = [
    "EVERYDAY",
    "GIVEN_IN_WORDS",
    "HOST",
    "HOSTILE",
    "ID",
    "NOW",
    "SCRIPT",
    "Scene",
    "looked",
    "migration",
    "progress",
    "receipt",
    "report",
    "scenes",
]

DAYS = tuple(f"{2026 - years}-11-22" for years in (1, 2, 3, 4, 5, 7, 10, 15))
SHAPE = MailboxShape("/", "", (ExistingFolder("INBOX"), ExistingFolder("Sent", r"\Sent")), can_create_special_use=True)

EVERYDAY = (
    *("Bills", "Bills/2024", "Bills/2025", "Family", "Family/Grandma", "Holidays/Norway", "House", "Newsletters"),
    *(
        "School",
        "Sports club",
        "Tax",
        "Trash",
        "Work",
        "Work/Contracts",
        "Work/Contracts/Signed",
        "Work/Travel",
        "work",
    ),
)

REFUSED = "Access was not allowed at Google, so nothing was granted and nothing was copied."
LOST = ("Not found", "There is no such page.", "/", "To the start")
GIVEN_IN_WORDS = frozenset(
    {"Example Mail", REFUSED, *LOST, SCRIPT, HOSTILE[1], "Not found · Example Mail", f"{SCRIPT} · Example Mail"}
)
"""What views are given in words that are translated already."""


def progress(told: Report, *, pace: float = 4.8) -> Progress:
    """Return the progress of a report, with a minute of samples at a pace in messages a second."""
    done = sum(told.outcomes.values())
    samples = [
        Sample(at, int(done - pace * (60 - at)), int(told.bytes - pace * 9e4 * (60 - at))) for at in (0, 20, 45, 60)
    ]
    return progress_of(told.total, told.outcomes, samples if pace else [])


def looked(names: tuple[str, ...], choices: Choices) -> Looked:
    """Return an account with these labels looked over, by the functions that do it for a real one."""
    users = tuple(Label(f"Label_{place}", name, "user", hidden=place == 3) for place, name in enumerate(names))
    folder_map = map_folders(users, SHAPE, choices)
    sets = {frozenset({label.id, "INBOX"}): 37 * place + 1 for place, label in enumerate(users)}
    sets |= {frozenset({"INBOX"}): 3_120, frozenset({"SENT"}): 1_850, frozenset(): 5_040}
    sets |= {frozenset({"SPAM"}): 88, frozenset({"TRASH"}): 41, frozenset({"CHAT"}): 7}
    groups = tuple(
        Group(label_ids, count, age=place % (len(DAYS) + 1), likely=count * 150_000)
        for place, (label_ids, count) in enumerate(sets.items())
    )
    survey = Survey(groups, {}, DAYS, "2026-11-22")
    effect = effect_of(survey, catalogue_of(users), folder_map, choices)
    by_label = {label.id: 37 * place + 1 for place, label in enumerate(users)}
    return Looked(users, folder_map, effect, by_label, 5_000_000_000, holds_mail=bool(choices.since))


def scenes() -> tuple[Scene, ...]:
    """Return every page in every state."""
    return (*_beginnings(), *_choosing(), *_runs(), *endings())


def _beginnings() -> Iterator[Scene]:
    new = PROFILES["new"]
    yield Scene("start", "start.html", lambda: start(HOST, new))
    yield Scene("before", "before.html", lambda: before(HOST, "anna.meier@mail.example.org"))
    yield Scene("before-refused", "before.html", lambda: before(HOST, "anna@x.org", "anna@gmail.com", REFUSED))
    yield Scene("before-hostile", "before.html", lambda: before(HOST, HOSTILE[1], HOSTILE[1], SCRIPT))
    for name, counted in {
        "counting": None,
        "fits": Counted(21_408, 17, 1_900_000_000, 3_200_000_000, 12_000_000_000),
        "tight": Counted(21_408, 17, 1_900_000_000, 3_200_000_000, 2_000_000_000),
        "too-small": Counted(412_000, 140, 31_000_000_000, 52_000_000_000, 15_000_000_000),
        "untold": Counted(1, 0, 1_000, 9_000, None),
    }.items():
        yield Scene(f"check-{name}", "check.html", _checking("anna.meier.1979@gmail.com", "anna@example.org", counted))
    yield Scene("check-failed", "check.html", _checking("anna@gmail.com", "anna@x.org", None, REFUSED))
    yield Scene("check-hostile", "check.html", _checking(SCRIPT + "\u202e@gmail.com", HOSTILE[8] + "@x.org", None))
    yield Scene("signin", "signin.html", lambda: signin(HOST))
    yield Scene("signin-hostile", "signin.html", lambda: signin(HOST, REFUSED, HOSTILE[1]))
    yield Scene("notice", "notice.html", lambda: notice(HOST, *LOST))
    yield Scene("notice-hostile", "notice.html", lambda: notice(HOST, SCRIPT, HOSTILE[1]))


def _checking(account: str, mailbox: str, counted: Counted | None, failed: str = "") -> Callable[[], Any]:
    return lambda: check(HOST, ID, account, mailbox, counted, PROFILES["new"], failed)


def _choosing() -> Iterator[Scene]:
    chosen = Choices(
        policy="copy-per-label",
        spam=True,
        skip_labels=frozenset({"Label_7", "DRAFT"}),
        renames={"Label_0": "Invoices", "Label_1": HOSTILE[1]},
        since="2021-03-01",
    )
    for names, words in ((EVERYDAY, "everyday"), (HOSTILE, "hostile"), ((), "no-labels")):
        for choices, turn in ((Choices(), ""), (chosen, "-changed")):
            yield Scene(f"choose-{words}{turn}", "choose.html", _chosen(names, choices))
    yield Scene("choose-uncounted", "choose.html", lambda: uncounted(HOST, ID, Choices(), Choices()))


def _chosen(names: tuple[str, ...], choices: Choices) -> Callable[[], Any]:
    return lambda: choose(HOST, ID, looked(names, choices), choices, Choices())


def _runs() -> Iterator[Scene]:
    later = {"until": NOW + 25 * 60}
    for name, record in {
        "planning": migration(State.PLANNING, phase=State.PLANNING),
        "copying": migration(),
        "copying-pausing": migration(running=True, wish="pause"),
        "copying-hostile": migration(),
        "verifying": migration(State.VERIFYING, phase=State.VERIFYING),
        "finishing": migration(State.FINISHING, phase=State.FINISHING),
        "finishing-cancelled": migration(State.FINISHING, phase=State.FINISHING, ending="cancelled"),
        "waiting-quota": migration(State.WAITING, reason="google-quota", **later),
        "waiting-a-day": migration(State.WAITING, reason="google-bandwidth", until=NOW + 80_000),
        "waiting-full": migration(State.WAITING, reason="mailbox-full", **later),
        "waiting-failed": migration(State.WAITING, phase=State.VERIFYING, reason="failed-messages", until=NOW + 80_000),
        "waiting-google": migration(State.WAITING, reason="google-down", **later),
        "waiting-mailbox": migration(State.WAITING, reason="mailbox-unreachable", **later),
        "waiting-revocation": migration(State.WAITING, phase=State.FINISHING, reason="revocation-unconfirmed", **later),
        "waiting-unheard-of": migration(State.WAITING, reason="never-heard-of", **later),
        "paused": migration(State.PAUSED, reason="asked"),
        "paused-reconnect": migration(State.PAUSED, reason="reconnect-needed"),
        "paused-key-lost": migration(State.PAUSED, reason="key-lost"),
        "paused-password": migration(State.PAUSED, reason="login-refused"),
        "paused-not-started": migration(State.PAUSED, phase=State.PLANNING, reason="not-started"),
        "failed-password": migration(State.FAILED, reason="login-refused", resumable=True),
        "failed-host": migration(State.FAILED, reason="certificate-invalid", resumable=True),
        "failed-ours": migration(State.FAILED, reason="out-of-memory", resumable=True),
        "failed-for-good": migration(State.FAILED, reason="key-lost", resumable=False),
    }.items():
        yield Scene(f"run-{name}", "progress.html", _running(name, record))
    yield Scene("run-asked", "progress.html", _running("asked", migration()))
    yield Scene("part-of-run", "standing.html", _running("hostile", migration()))


def _running(name: str, record: Migration) -> Callable[[], Any]:
    early = record.phase is State.PLANNING
    folders = dict.fromkeys(HOSTILE, 7) if "hostile" in name else {}
    if early:
        told = report(record.state, {}, folders={}, bytes=0)
    else:
        told = report(
            record.state,
            {"copied": 11_402, "skipped (spam)": 88, "failed (folder)": 11}
            if record.reason == "failed-messages"
            else None,
            failures={"read-only": 11} if record.reason == "failed-messages" else {},
            left=0 if record.phase is not State.COPYING else 18_998,
            **({"folders": folders} if folders else {}),
        )
    moving = record.state is State.COPYING
    asked = name == "asked"
    return lambda: running(HOST, record, told, progress(told, pace=4.8 if moving else 0), NOW, asked=asked)
