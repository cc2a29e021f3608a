"""The mail that was in the mailbox before the import, in all its folders, and what of it was recognised elsewhere.

Customers sort their mail: a message that an earlier import brought may lie in any folder by now. `migrator.inventory`
lists the mailbox once, before anything is stored in it; nothing but UIDs, sizes and keyed hashes is kept.

In the ledger, both ending with the migration:

    :existing  hash: `folders`, JSON of `ListedFolder`s; "<folder>:<UID>", messages from that UID on, packed (`Lot`)
    :elsewhere hash, "<message>:<folder>" -> "<UID>:<name>": it was found there instead of in its own folder
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

from migrator.ledger import Command, Ledger
from migrator.matching import Lot, Lying

_FOLDERS = "folders"

Pair = tuple[int, int]
"""A message's number and the number of one of its folders."""


class Place(NamedTuple):
    """A message in a folder of the mailbox."""

    name: str
    uid: int


@dataclass(frozen=True, slots=True)
class ListedFolder:
    """A folder as it was when the import began. `listed`: all UIDs below it are; `until` is what UIDNEXT was."""

    name: str
    uidvalidity: int = 0
    listed: int = 1
    until: int = 0

    @property
    def is_done(self) -> bool:
        """True when every message that was there is listed."""
        return self.until > 0 and self.listed >= self.until


class Existing:
    """What the ledger knows of the mail that was there before; `hashed` names the key of its hashes.

    Read once in a slice; the messages themselves when they are first asked for.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        row = json.loads(ledger.field("existing", _FOLDERS) or b"{}")
        self.hashed: str = row.get("hashed", "")
        self.folders = [ListedFolder(**folder) for folder in row.get("folders", ())]
        self.elsewhere = _elsewhere(ledger)
        self._lots: dict[str, Lot] | None = None

    # --- what was there -----------------------------------------------------------------------------------------------

    @property
    def is_done(self) -> bool:
        """True when all folders are listed."""
        return all(folder.is_done for folder in self.folders)

    def folder(self, name: str, uidvalidity: int) -> tuple[int, Lot]:
        """Return the messages listed in a folder, and the UID up to which all are; 1 and none in another folder.

        Without a UIDVALIDITY (0) UIDs hold for one connection alone, and what was listed is worth nothing.
        """
        for row in self.folders:
            if row.name == name and row.uidvalidity == uidvalidity != 0:
                return row.listed, self._loaded().get(name, Lot())
        return 1, Lot()

    def _loaded(self) -> dict[str, Lot]:
        if self._lots is None:
            chunks: dict[int, list[tuple[int, bytes]]] = defaultdict(list)
            for field, packed in self._ledger.fields("existing").items():
                number, _, uid = field.partition(":")
                if uid:
                    chunks[int(number)].append((int(uid), packed))
            self._lots = {
                self.folders[number].name: Lot(b"".join(packed for _, packed in sorted(rows)))
                for number, rows in chunks.items()
            }
        return self._lots

    # --- listing it ---------------------------------------------------------------------------------------------------

    def begin(self, hashed: str, names: Iterable[str]) -> None:
        """Begin to list these folders, forgetting what was listed before."""
        self.hashed, self.folders, self._lots = hashed, [ListedFolder(name) for name in names], None
        self._ledger.write(("DEL", self._ledger.key("existing")), self._kept())

    def add(self, at: int, folder: ListedFolder, lying: Sequence[Lying] = ()) -> None:
        """Write down some more messages of a folder, and how far it is listed now."""
        self.folders[at], self._lots = folder, None
        key, commands = self._ledger.key("existing"), [self._kept()]
        if lying:
            commands.append(("HSET", key, f"{at}:{lying[0].uid}", Lot.pack(lying)))
        self._ledger.write(*commands)

    def _kept(self) -> Command:
        listing = {"hashed": self.hashed, "folders": [asdict(folder) for folder in self.folders]}
        return ("HSET", self._ledger.key("existing"), _FOLDERS, json.dumps(listing))

    # --- what was found elsewhere -------------------------------------------------------------------------------------

    def speak_for(self, place: Place) -> None:
        """Let a message that was there stand for nothing else."""
        if self._lots and place.name in self._lots:
            self._lots[place.name].take(place.uid)

    def taken(self, name: str) -> dict[int, Pair]:
        """Return the messages of a folder that stand for one that should lie elsewhere, by UID."""
        return {place.uid: pair for pair, place in self.elsewhere.items() if place.name == name}

    def take(self, pair: Pair, place: Place) -> Command:
        """Return the command that records where a message lies instead of in its folder."""
        self.elsewhere[pair] = place
        return ("HSET", self._ledger.key("elsewhere"), _field(pair), f"{place.uid}:{place.name}")

    def give_back(self, pair: Pair) -> Command:
        """Return the command that forgets it."""
        del self.elsewhere[pair]
        return ("HDEL", self._ledger.key("elsewhere"), _field(pair))


def _field(pair: Pair) -> str:
    number, folder = pair
    return f"{number}:{folder}"


def _elsewhere(ledger: Ledger) -> dict[Pair, Place]:
    found: dict[Pair, Place] = {}
    for field, value in ledger.fields("elsewhere").items():
        number, _, folder = field.partition(":")
        uid, _, name = value.decode().partition(":")
        found[int(number), int(folder)] = Place(name, int(uid))
    return found
