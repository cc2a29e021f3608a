"""Which folder each label becomes, decided for all labels before anything is created.

Two labels never share a folder, and no label shares one with INBOX or a special folder: the second one gets a suffix
and the customer a note. The same labels give the same names in any order, and again when the folders of an earlier
run exist already, all or some of them: a folder with exactly the name of a label *is* the label's folder. That is why
a label called like any special folder, in any language, gets its suffix even where no such folder exists yet.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from unicodedata import normalize

from migrator.foldernames import MAX_NAME, MIN_LEVEL, encoded_length, safe_level, shortened, twin_key
from migrator.folders import FolderMap, MailboxShape, Note, NoteKind, TargetFolder
from migrator.keywords import id_order
from migrator.labels import Choices, Label
from migrator.specialfolders import KEPT_FREE, SPECIAL_NAMES, SPECIAL_USE, find_special

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Spot:
    """The levels one label path came to lie at, and what had to be done on the way down to them."""

    levels: Path = ()
    kinds: frozenset[NoteKind] = frozenset()


@dataclass(frozen=True, slots=True)
class _Claims:
    """Names there already and names given away, both by twin key; `taken` tells the label path, None for no label."""

    shape: MailboxShape
    there: Mapping[str, frozenset[str]]
    taken: dict[str, str | None]

    def name(self, levels: Path) -> str:
        return self.shape.prefix + self.shape.delimiter.join(levels)

    def is_free(self, name: str) -> bool:
        key = twin_key(name)
        return key not in self.taken and name in self.there.get(key, {name})


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
    there: dict[str, frozenset[str]] = {}
    for folder in shape.folders:
        key = twin_key(folder.name)
        there[key] = there.get(key, frozenset()) | {folder.name}
    return _Claims(shape, there, {"inbox": None, **{twin_key(f.name): None for f in shape.folders if f.special_use}})


def _specials(claims: _Claims) -> dict[str, TargetFolder]:
    """Return the special folders: those found first, so that no new one takes the name of another one's."""
    found = {key: find_special(key, claims.shape) for key in SPECIAL_USE}
    return {key: TargetFolder(name or _new_special(key, claims), SPECIAL_USE[key]) for key, name in found.items()}


def _new_special(key: str, claims: _Claims) -> str:
    names = (claims.name((SPECIAL_NAMES[key][0] + suffix,)) for suffix in _suffixes("mail"))
    name = next(name for name in names if claims.is_free(name))
    claims.taken[twin_key(name)] = None
    return name


def _suffixes(word: str) -> Iterator[str]:
    yield from ("", f" ({word})")
    yield from (f" ({word} {turn})" for turn in count(2))


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
        here = [_claim(path, placed[path[:-1]], claims) for _ in ids or ("",)]
        placed[path] = here[0]
        spots.update(zip(ids, here, strict=False))
    return spots


def _claim(path: Path, parent: _Spot, claims: _Claims) -> _Spot:
    """Take the first free name for `path` below its parent, and tell what had to be done to the name."""
    text = safe_level(path[-1], claims.shape.delimiter)
    above = _with_room(parent.levels, claims)
    moved = above != parent.levels
    level, clash = _first_free(path, text, above, moved=moved, claims=claims)
    kinds: set[NoteKind] = set(parent.kinds | clash)
    if text != normalize("NFC", path[-1]):
        kinds.add("replaced")
    if moved or not level.startswith(text.rstrip()):
        kinds.add("shortened")
    claims.taken[twin_key(claims.name((*above, level)))] = "/".join(path)
    return _Spot((*above, level), frozenset(kinds))


def _first_free(path: Path, text: str, above: Path, *, moved: bool, claims: _Claims) -> tuple[str, frozenset[NoteKind]]:
    """Return the first free spelling of the last level, and what stood in the way of the plain one."""
    levels = _spellings(text, "/".join(path), _room(above, claims), moved=moved)
    plain = next(levels)
    if not (not above and twin_key(plain) in KEPT_FREE) and claims.is_free(claims.name((*above, plain))):
        return plain, frozenset()
    clash = _clash(claims.name((*above, plain)), "/".join(path), claims)
    return next(level for level in levels if claims.is_free(claims.name((*above, level)))), frozenset({clash})


def _spellings(text: str, source: str, room: int, *, moved: bool) -> Iterator[str]:
    """Yield `text` plain, then with a suffix; cut and hashed where it is too long, or not below its own parent."""
    for suffix in _suffixes("label"):
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
