"""The fourth screen: which labels come along, under which names, as one copy or several; defaults in one click."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from migrator.folders import FolderMap, NoteKind
from migrator.labels import Choices, Label
from migrator.preview import StorageEffect
from web.views.choices import PLACES, RENAME, user_labels
from web.views.host import Frame, Host
from web.views.language import N_, _
from web.views.periods import Periods, day_words, periods
from web.views.policies import Policy, policies
from web.views.wording import Name, messages, name, number, size, visible

_DEEPEST = 5
"""Levels that are indented further; a phone has no room for more."""

_PLACES = {
    "INBOX": N_("Inbox"),
    "SENT": N_("Sent"),
    "DRAFT": N_("Drafts"),
    "ARCHIVE": N_("Mail without a label (archive)"),
}

_NOTES: dict[NoteKind, str] = {
    "special-name": N_("It has the name of a special folder."),
    "foreign-name": N_("Folders with this name are shared with other people."),
    "no-subfolders": N_("The folder above it cannot contain folders, so this one is placed next to it."),
    "case-twin": N_("Another folder has the same name but for capitals."),
    "unicode-twin": N_("Another folder's name looks the same."),
    "name-taken": N_("Another label takes this folder's name."),
    "replaced": N_("It holds characters that mail servers do not take."),
    "shortened": N_("It is longer than mail servers allow."),
    "parent-missing": N_("There is no label above it, so the folder above it will be made."),
    "hidden": N_("It is hidden in Gmail."),
}


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found when the account was looked over under some choices.

    `by_label` counts the messages that carry a label, by its id; `free` is the mailbox's free space in bytes, None
    where it does not tell. `holds_mail`: there is mail in the mailbox already.
    """

    labels: tuple[Label, ...]
    folder_map: FolderMap
    effect: StorageEffect
    by_label: Mapping[str, int]
    free: int | None = None
    holds_mail: bool = False


@dataclass(frozen=True, slots=True)
class Branch:
    """One row of the tree.

    `name` is what stands in the row, `path` the whole name for who can't see the tree; `folder` is set where the
    folder is called differently. `field` names the text field of a new name, empty where none can be given.
    """

    key: str
    name: Name
    path: str
    depth: int
    count: str
    ticked: bool
    folder: Name | None
    notes: tuple[str, ...]
    field: str
    renamed: str


@dataclass(frozen=True, slots=True)
class Choose:
    """The page. `together` is the sentence beside the one button; `usual` says that nothing was changed yet.

    `again`: there is mail in the mailbox, so the page says what a second import does. Not `counted`: neither labels
    nor messages are known yet, and the page says so.
    """

    frame: Frame
    migration: str
    together: str
    usual: bool
    left_out: tuple[str, ...]
    to_look_at: tuple[Branch, ...]
    places: tuple[Branch, ...]
    tree: tuple[Branch, ...]
    policies: tuple[Policy, ...]
    categories: bool
    spam: bool
    trash: bool
    periods: Periods
    again: bool
    counted: bool = True


def choose(host: Host, migration: str, looked: Looked, choices: Choices, usual: Choices) -> Choose:
    """Return the screen for the choices as they stand; `usual` are the host's defaults."""
    known = {label.name for label in looked.labels if label.type == "user"}
    tree = tuple(_branch(label, known, looked, choices) for label in user_labels(looked.labels))
    kept = _amount(looked.effect.one_copy_messages, looked.effect)
    return Choose(
        frame=Frame(host, 4),
        migration=migration,
        together=_("{messages} in {folders} folders, about {size}").format(
            messages=kept, folders=number(len(looked.effect.folders)), size=size(_bytes(looked.effect, choices))
        ),
        usual=choices == usual,
        left_out=_left_out(looked.effect, choices.since),
        to_look_at=tuple(branch for branch in tree if branch.notes and branch.ticked),
        places=tuple(_place(key, looked, choices) for key in PLACES),
        tree=tree,
        policies=policies(looked.effect, looked.free, choices.policy),
        categories=choices.categories == "keyword",
        spam=choices.spam,
        trash=choices.trash,
        periods=periods(choices.since),
        again=looked.holds_mail,
    )


def uncounted(host: Host, migration: str, choices: Choices, usual: Choices) -> Choose:
    """Return the screen for an account that was not counted yet: Gmail's own places, and no numbers."""
    return Choose(
        frame=Frame(host, 4),
        migration=migration,
        together=_(
            "Your mail hasn't been counted yet, so we can't say how much it is or whether it fits. If you start now, "
            "the next page shows the numbers as soon as they are known."
        ),
        usual=choices == usual,
        left_out=(),
        to_look_at=(),
        places=tuple(_uncounted_place(key, choices) for key in PLACES),
        tree=(),
        policies=policies(None, None, choices.policy),
        categories=choices.categories == "keyword",
        spam=choices.spam,
        trash=choices.trash,
        periods=periods(choices.since),
        again=False,
        counted=False,
    )


def _amount(count: int, effect: StorageEffect) -> str:
    """Return so many messages; "about" so many where the period begins on a day that was not counted to."""
    return messages(count) if effect.exact else _("about {messages}").format(messages=messages(count))


def _left_out(effect: StorageEffect, since: str) -> tuple[str, ...]:
    words = {
        "chat": _("{messages} left out: chats are no mail"),
        "spam": _("{messages} left out: spam"),
        "trash": _("{messages} left out: trash"),
        "period": _("{messages} left out: older than {day}"),
        "label-not-chosen": _("{messages} left out: labels not ticked"),
    }
    day = day_words(since) if since else ""
    return tuple(
        words[reason].format(messages=_amount(count, effect), day=day)
        for reason, count in sorted(effect.skipped.items())
    )


def _place(key: str, looked: Looked, choices: Choices) -> Branch:
    title = _(_PLACES[key])
    ticked = key not in choices.skip_labels
    return Branch(key, Name(title), title, 0, _count(key, looked, ticked=ticked), ticked, None, (), "", "")


def _uncounted_place(key: str, choices: Choices) -> Branch:
    title = _(_PLACES[key])
    return Branch(key, Name(title), title, 0, "", key not in choices.skip_labels, None, (), "", "")


def _branch(label: Label, known: set[str], looked: Looked, choices: Choices) -> Branch:
    depth, shown = _in_tree(label.name, known)
    target = looked.folder_map.targets.get(label.id)
    notes = [note for note in looked.folder_map.notes if note.label_id == label.id]
    renamed = choices.renames.get(label.id, "")
    ticked = label.id not in choices.skip_labels
    differs = target is not None and (renamed or any(note.old != note.new for note in notes))
    return Branch(
        key=label.id,
        name=name(shown),
        path=visible(label.name),
        depth=min(depth, _DEEPEST),
        count=_count(label.id, looked, ticked=ticked),
        ticked=ticked,
        folder=name(target.name) if target and differs else None,
        notes=tuple(_(_NOTES[kind]) for kind, _group in groupby(note.kind for note in notes)),
        field=RENAME + label.id,
        renamed=renamed,
    )


def _in_tree(path: str, known: set[str]) -> tuple[int, str]:
    """Return how many labels lie above a label, and what of its name they do not say."""
    levels = path.split("/")
    above = [depth for depth in range(1, len(levels)) if "/".join(levels[:depth]) in known]
    return len(above), "/".join(levels[above[-1] :]) if above else path


def _count(key: str, looked: Looked, *, ticked: bool) -> str:
    """Return how many messages come to lie in the row's folder; of what is left out, how many carry the label."""
    target = looked.folder_map.targets.get(key)
    if not ticked or target is None:
        return messages(looked.by_label.get(key, 0))
    return messages(looked.effect.folders.get(target.name, 0))


def _bytes(effect: StorageEffect, choices: Choices) -> int:
    return effect.one_copy_bytes if choices.policy == "one-copy" else effect.copy_per_label_bytes
