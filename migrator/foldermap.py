"""Which folder each label becomes, decided for all labels before anything is created.

Two labels never share a folder, and no label shares one with INBOX or a special folder: the second one gets a suffix
and the customer a note. The same labels give the same names in any order, and again when the folders of an earlier
run exist already, all or some of them: a folder with exactly the name of a label *is* the label's folder. That is why
a label called like any special folder, in any language, gets its suffix even where no such folder exists yet.

No folder lies outside the customer's own namespace: the names of foreign ones are kept free like those of special
folders, and a folder that others may read is nobody's folder here. Where a folder can hold no others, what would lie
below it stands beside it under one flat name.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from unicodedata import normalize

from migrator.foldernames import (
    MAX_NAME,
    MIN_LEVEL,
    encoded_length,
    mark_for,
    safe_level,
    shortened,
    suffixes,
    twin_key,
)
from migrator.folders import ExistingFolder, FolderMap, MailboxShape, Note, NoteKind, TargetFolder
from migrator.keywords import id_order
from migrator.labels import Choices, Label
from migrator.namespace import reserved
from migrator.specialfolders import KEPT_FREE, SPECIAL_NAMES, SPECIAL_USE, find_special, is_special

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Spot:
    """The levels one label path came to lie at, and what had to be done on the way down to them.

    `bears`: folders can lie below it.
    """

    levels: Path = ()
    kinds: frozenset[NoteKind] = frozenset()
    bears: bool = True


@dataclass(frozen=True, slots=True)
class _Claims:
    """Names there already and names given away, both by twin key; `taken` tells the label path, None for no label.

    `foreign`: first levels and folders of other people. `mail_or_folders`: a folder of this server holds only one of
    the two, as an mbox file does.
    """

    shape: MailboxShape
    there: Mapping[str, Mapping[str, ExistingFolder]]
    taken: dict[str, str | None]
    foreign: frozenset[str]
    mail_or_folders: bool

    def name(self, levels: Path) -> str:
        return self.shape.prefix + self.shape.delimiter.join(levels)

    def folder(self, name: str) -> ExistingFolder | None:
        return self.there.get(twin_key(name), {}).get(name)

    def is_free(self, name: str, *, for_mail: bool = True) -> bool:
        key, folder = twin_key(name), self.folder(name)
        if key in self.taken or key in self.foreign or (key in self.there and not folder):
            return False
        if folder and for_mail and self.mail_or_folders and not folder.selectable:
            return False
        return self.shape.owns(name)

    def bears(self, name: str, *, for_mail: bool) -> bool:
        """Whether folders can lie below a folder, there or to be made, that is to hold mail or only folders."""
        folder = self.folder(name)
        if folder and folder.childless:
            return False
        return not self.mail_or_folders or not (folder.selectable if folder else for_mail)


def map_folders(labels: Sequence[Label], shape: MailboxShape, choices: Choices) -> FolderMap:
    """Return the folder of every chosen user label and of INBOX, SENT, DRAFT, SPAM, TRASH and ARCHIVE, with notes.

    Labels that are not to be copied are left out, but keep their name, so that choosing them later moves no other.
    """
    claims = _claims_of(shape if shape.delimiter else replace(shape, delimiter="_"))
    targets = {"INBOX": TargetFolder("INBOX"), **_specials(claims)}
    users = sorted((label for label in labels if label.type == "user"), key=lambda label: id_order(label.id))
    spots = _spots(_wanted(users, choices.renames), claims)
    known = {label.name for label in users}
    notes: list[Note] = []
    for label in (label for label in users if label.id not in choices.skip_labels):
        name = claims.name(spots[label.id].levels)
        targets[label.id] = TargetFolder(name)
        kinds = sorted(spots[label.id].kinds | _own_kinds(label, known))
        notes += (Note(label.id, kind, label.name, name) for kind in kinds)
    return FolderMap(targets, tuple(notes))


def _claims_of(shape: MailboxShape) -> _Claims:
    there: dict[str, dict[str, ExistingFolder]] = {}
    for folder in shape.folders:
        there.setdefault(twin_key(folder.name), {})[folder.name] = folder
    taken: dict[str, str | None] = {twin_key(f.name): None for f in shape.folders if f.special_use and not f.shared}
    levels = reserved(shape.prefix, shape.foreign, shape.delimiter)
    foreign = {twin_key(shape.prefix + level) for level in levels} | {
        twin_key(f.name) for f in shape.folders if f.shared
    }
    plain = [f for f in shape.folders if f.selectable and f.name != "INBOX" and not is_special(f, shape)]
    childless = bool(plain) and all(folder.childless for folder in plain)
    return _Claims(shape, there, {"inbox": None, **taken}, frozenset(map(twin_key, foreign)), childless)


def _specials(claims: _Claims) -> dict[str, TargetFolder]:
    """Return the special folders: those found first, so that no new one takes the name of another one's."""
    found = {key: find_special(key, claims.shape) for key in SPECIAL_USE}
    return {key: TargetFolder(name or _new_special(key, claims), SPECIAL_USE[key]) for key, name in found.items()}


def _new_special(key: str, claims: _Claims) -> str:
    text = _own_start(SPECIAL_NAMES[key][0], claims)
    names = (claims.name((text + suffix,)) for suffix in suffixes("mail"))
    name = next(name for name in names if claims.is_free(name))
    claims.taken[twin_key(name)] = None
    return name


def _own_start(text: str, claims: _Claims) -> str:
    """Return a first level with a mark in front where no suffix would take it out of a foreign namespace."""
    marks = chain(("", mark_for(claims.shape.delimiter)), map(chr, count(ord("A"))))
    return next(mark + text for mark in marks if claims.shape.owns(claims.name((f"{mark}{text} (label)",))))


def _wanted(users: Sequence[Label], renames: Mapping[str, str]) -> dict[str, Path]:
    """Return the path the customer wants for each label; as at Gmail, labels below a renamed one follow it."""
    asked = {label.name: renames[label.id] for label in users if label.id in renames}
    return {label.id: tuple(_renamed(label.name, asked).split("/")) for label in users}


def _renamed(name: str, asked: Mapping[str, str]) -> str:
    levels = name.split("/")
    heads = ("/".join(levels[:depth]) for depth in range(len(levels), 0, -1))
    head = next((head for head in heads if head in asked), "")
    return asked.get(head, head) + name[len(head) :]


def _spots(wanted: Mapping[str, Path], claims: _Claims) -> dict[str, _Spot]:
    """Return where each label lies, by id. `wanted` is in id order: of two twins the older label keeps its name.

    Level by level from the top, so that a label finds its parent placed; labels before mere parents.
    """
    owners: dict[Path, list[str]] = {}
    for label_id, path in wanted.items():
        owners.setdefault(path, []).append(label_id)
    parents = {path[:depth] for path in owners for depth in range(1, len(path))} - owners.keys()
    placed: dict[Path, _Spot] = {(): _Spot()}
    spots: dict[str, _Spot] = {}
    for path in sorted((*owners, *sorted(parents)), key=len):
        ids = owners.get(path, [])
        here = [_claim(path, placed[path[:-1]], claims, for_mail=bool(ids)) for _ in ids or ("",)]
        placed[path] = here[0]
        spots.update(zip(ids, here, strict=False))
    return spots


def _claim(path: Path, parent: _Spot, claims: _Claims, *, for_mail: bool) -> _Spot:
    """Take the first free name for `path` below its parent, and tell what had to be done to the name."""
    text = safe_level(path[-1], claims.shape.delimiter)
    kinds: set[NoteKind] = set(parent.kinds)
    if text != normalize("NFC", path[-1]):
        kinds.add("replaced")
    flat = not parent.bears and not claims.folder(claims.name((*parent.levels, text)))
    if flat:
        text = mark_for(claims.shape.delimiter).join((*parent.levels, text))
        kinds.add("no-subfolders")
    above = () if flat else _with_room(parent.levels, claims)
    moved = not flat and above != parent.levels
    if not above and (own := _own_start(text, claims)) != text:
        text = own
        kinds.add("foreign-name")
    level, clash = _first_free(path, text, above, moved=moved, claims=claims, for_mail=for_mail)
    kinds |= clash
    if moved or not level.startswith(text.rstrip()):
        kinds.add("shortened")
    name = claims.name((*above, level))
    claims.taken[twin_key(name)] = "/".join(path)
    return _Spot((*above, level), frozenset(kinds), not flat and claims.bears(name, for_mail=for_mail))


def _first_free(
    path: Path, text: str, above: Path, *, moved: bool, claims: _Claims, for_mail: bool
) -> tuple[str, frozenset[NoteKind]]:
    """Return the first free spelling of the last level, and what stood in the way of the plain one."""
    levels = _spellings(text, "/".join(path), _room(above, claims), moved=moved)
    plain = next(levels)
    kept_free = not above and twin_key(plain) in KEPT_FREE
    if not kept_free and claims.is_free(claims.name((*above, plain)), for_mail=for_mail):
        return plain, frozenset()
    clash = _clash(claims.name((*above, plain)), "/".join(path), claims)
    free = (level for level in levels if claims.is_free(claims.name((*above, level)), for_mail=for_mail))
    return next(free), frozenset({clash})


def _spellings(text: str, source: str, room: int, *, moved: bool) -> Iterator[str]:
    """Yield `text` plain, then with a suffix; cut and hashed where it is too long, or not below its own parent."""
    for suffix in suffixes("label"):
        whole = text.rstrip() + suffix if suffix else text
        yield shortened(text, suffix, room, source) if moved or encoded_length(whole) > room else whole


def _with_room(levels: Path, claims: _Claims) -> Path:
    """Return `levels` without those at the end below which no further level would fit."""
    while levels and MAX_NAME - encoded_length(claims.name((*levels, ""))) < MIN_LEVEL:
        levels = levels[:-1]
    return levels


def _room(above: Path, claims: _Claims) -> int:
    """Return how many encoded bytes a level below `above` may take."""
    return max(MIN_LEVEL, MAX_NAME - encoded_length(claims.name((*above, "") if above else ())))


def _clash(name: str, source: str, claims: _Claims) -> NoteKind:
    key = twin_key(name)
    holder = claims.taken.get(key)
    if holder is not None:
        return _likeness(source, holder)
    if key in claims.foreign or not claims.shape.owns(name):
        return "foreign-name"
    if key in claims.taken or key not in claims.there:
        return "special-name"
    return _likeness(name, min(claims.there[key]))


def _likeness(one: str, other: str) -> NoteKind:
    if one == other:
        return "name-taken"
    one, other = normalize("NFC", one), normalize("NFC", other)
    if one == other:
        return "unicode-twin"
    return "case-twin" if one.casefold() == other.casefold() else "name-taken"


def _own_kinds(label: Label, known: set[str]) -> set[NoteKind]:
    """Return what is to be shown about a label whatever its folder is called."""
    levels = label.name.split("/")
    orphan = any("/".join(levels[:depth]) not in known for depth in range(1, len(levels)))
    kinds: set[NoteKind] = {"parent-missing"} if orphan else set()
    return kinds | {"hidden"} if label.hidden else kinds
