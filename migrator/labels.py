r"""What a message's labels mean in a mailbox: the folder it goes to, its flags and its keywords.

Gmail keeps a message once and hangs labels on it; IMAP keeps a message in one folder and hangs flags and keywords on
it. `place` is the whole rule (docs/labels.md has it as a table), with one promise: a label is never lost silently.
It becomes the folder, a flag, a keyword, or the message is skipped with a reason.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from migrator.keywords import id_order, keyword_names

SkipReason = Literal["chat", "spam", "trash", "period", "label-not-chosen"]

_STATES = frozenset({"UNREAD", "STARRED", "IMPORTANT", "INBOX", "SENT", "DRAFT", "SPAM", "TRASH", "CHAT"})
# The coloured stars, bangs, checks, ... of Gmail's settings; the API reports them beside STARRED since 2025.
_SUPERSTAR = re.compile(r"(?:RED|ORANGE|YELLOW|GREEN|BLUE|PURPLE)_[A-Z]+")
_CATEGORY = re.compile(r"CATEGORY_([A-Z]{1,30})")
_SYSTEM_KEYWORDS = {"IMPORTANT": "$Important", "INBOX": "$Inbox", "SENT": "$Sent", "SPAM": "$Junk"}


@dataclass(frozen=True, slots=True)
class Label:
    """One entry of `users.labels.list`; `hidden` is `labelListVisibility = labelHide`."""

    id: str
    name: str
    type: Literal["system", "user"]
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Choices:
    """What the customer chose before the copy began.

    `skip_labels` holds label ids, or `INBOX`, `SENT`, `DRAFT`, `ARCHIVE`, that are not to be copied; `renames` holds
    the folder name asked for by label id, `/` between its levels. `spam` and `trash` are off unless ticked. `since` is
    the first day whose mail is copied (`2023-11-22`, see `migrator.period`), empty for all mail: a day and no number of
    years, so that it stays the same however long the import takes.
    """

    policy: Literal["one-copy", "copy-per-label"] = "one-copy"
    spam: bool = False
    trash: bool = False
    categories: Literal["keyword", "none"] = "keyword"
    sent_first: bool = False
    skip_labels: frozenset[str] = frozenset()
    renames: Mapping[str, str] = field(default_factory=dict)
    since: str = ""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The account's user labels, looked up by id: the label, its keyword, and its rank as a message's only folder."""

    labels: Mapping[str, Label]
    keywords: Mapping[str, str]
    rank: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Placement:
    r"""Where one message goes.

    `folders` are keys of `FolderMap.targets`, at least one, the primary first (the others are filled by COPY).
    `flags` are of `\Seen`, `\Flagged`, `\Draft`; `keywords` are atoms; `ghosts` counts label ids that
    `users.labels.list` does not know.
    """

    folders: tuple[str, ...]
    flags: tuple[str, ...]
    keywords: tuple[str, ...]
    ghosts: int = 0


@dataclass(frozen=True, slots=True)
class Skip:
    """The message is not copied, and why."""

    reason: SkipReason


def catalogue_of(labels: Iterable[Label]) -> Catalogue:
    """Return the lookup tables of the user labels among `labels`; the order of `labels` does not matter."""
    users = {label.id: label for label in labels if label.type == "user"}
    ranked = sorted(users.values(), key=_home_order)
    return Catalogue(
        labels=users,
        keywords=keyword_names({label.id: label.name for label in ranked}),
        rank={label.id: place for place, label in enumerate(ranked)},
    )


def empty_and_hidden(labels: Iterable[Label], counts: Mapping[str, int]) -> frozenset[str]:
    """Return the ids to leave unticked at first: hidden user labels with no message (`counts` by label id)."""
    return frozenset(lb.id for lb in labels if lb.type == "user" and lb.hidden and not counts.get(lb.id))


def place(
    label_ids: frozenset[str], catalogue: Catalogue, choices: Choices, *, too_old: bool = False
) -> Placement | Skip:
    """Return where a message with these labels goes, or why it is skipped; `too_old`: it arrived before the period."""
    folders = folders_for(label_ids, catalogue, choices, too_old=too_old)
    if isinstance(folders, Skip):
        return folders
    return Placement(
        folders=folders,
        flags=_flags(label_ids),
        keywords=_keywords(label_ids - set(folders) - choices.skip_labels, catalogue, choices),
        ghosts=len(ghosts_in(label_ids, catalogue)),
    )


def folders_for(
    label_ids: frozenset[str], catalogue: Catalogue, choices: Choices, *, too_old: bool = False
) -> tuple[str, ...] | Skip:
    """Return the folders alone of `place`, for who counts messages and files none."""
    reason = _left_out(label_ids, choices, too_old=too_old)
    if reason:
        return Skip(reason)
    if label_ids & {"TRASH", "SPAM"}:
        return ("TRASH",) if "TRASH" in label_ids else ("SPAM",)
    claims = ("DRAFT",) if "DRAFT" in label_ids else _claims(label_ids, catalogue, sent_first=choices.sent_first)
    chosen = tuple(key for key in claims or ("ARCHIVE",) if key not in choices.skip_labels)
    if not chosen:
        return Skip("label-not-chosen")
    return chosen if choices.policy == "copy-per-label" else chosen[:1]


def ghosts_in(label_ids: frozenset[str], catalogue: Catalogue) -> frozenset[str]:
    """Return the labels of a message that are neither Gmail's own nor in the catalogue."""
    return frozenset(label_id for label_id in label_ids if _is_ghost(label_id, catalogue))


def _home_order(label: Label) -> tuple[bool, int, str, tuple[int, str]]:
    """Order user labels by how good an only folder they are.

    A shown label comes before a hidden one, because the customer looks there; then the deepest, because
    `Work/Projects` says more than `Work`; then the alphabet, as in Gmail's own list. Counts would say how specific
    a label is, too, but they change between two runs, and a message must not.
    """
    return label.hidden, -label.name.count("/"), label.name.casefold(), id_order(label.id)


def _left_out(label_ids: frozenset[str], choices: Choices, *, too_old: bool) -> SkipReason | None:
    """Return why a message is left out whatever labels of the customer's it has; spam in the trash is trash."""
    if "CHAT" in label_ids:
        return "chat"
    if "TRASH" in label_ids:
        unwanted: SkipReason | None = None if choices.trash else "trash"
    else:
        unwanted = "spam" if "SPAM" in label_ids and not choices.spam else None
    return unwanted or ("period" if too_old else None)


def _claims(label_ids: frozenset[str], catalogue: Catalogue, *, sent_first: bool) -> tuple[str, ...]:
    """Return every label that is a place, the best one first; INBOX is one label among others and comes last."""
    users = sorted(label_ids & catalogue.rank.keys(), key=catalogue.rank.__getitem__)
    sent = [key for key in ("SENT",) if key in label_ids]
    inbox = [key for key in ("INBOX",) if key in label_ids]
    return (*sent, *users, *inbox) if sent_first else (*users, *sent, *inbox)


def _flags(label_ids: frozenset[str]) -> tuple[str, ...]:
    starred = "STARRED" in label_ids or any(_SUPERSTAR.fullmatch(label_id) for label_id in label_ids)
    carried = {r"\Seen": "UNREAD" not in label_ids, r"\Flagged": starred, r"\Draft": "DRAFT" in label_ids}
    return tuple(flag for flag, is_set in carried.items() if is_set)


def _keywords(label_ids: frozenset[str], catalogue: Catalogue, choices: Choices) -> tuple[str, ...]:
    """Return the keywords of labels that became neither folder nor flag: Gmail's first, then the customer's."""
    system = [word for label_id, word in _SYSTEM_KEYWORDS.items() if label_id in label_ids]
    if choices.categories == "keyword":
        matches = (_CATEGORY.fullmatch(label_id) for label_id in sorted(label_ids))
        system += [f"$Category{match[1].capitalize()}" for match in matches if match]
    users = sorted(label_ids & catalogue.rank.keys(), key=catalogue.rank.__getitem__)
    return (*system, *(catalogue.keywords[label_id] for label_id in users))


def _is_ghost(label_id: str, catalogue: Catalogue) -> bool:
    known = label_id in catalogue.labels or label_id in _STATES
    return not known and not _SUPERSTAR.fullmatch(label_id) and not _CATEGORY.fullmatch(label_id)
