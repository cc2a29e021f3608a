"""A small IMAP server in memory (RFC 3501, 9051): folders, mail, and a log of what it refused and why.

It follows the RFCs; what real servers do otherwise is in `personalities.py`, whose hooks are asked at every turn.
The log says the truth about each refusal, whatever the words were: that is what the product's reasons are held to.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from .clock import Clock

Blame = Literal["message", "folder", "weather", "other-way"]
"""Whose fault a refusal was: this message's for good, this folder's for good, or nobody's: it passes, or asked in
another way (without keywords, by another name) the server agrees."""

_TOKEN = re.compile(rb"sim-(\d+)\.")
CUSTOMER, PASSWORD = "customer", "secret"


@dataclass(frozen=True, slots=True)
class Stored:
    """One message as the server keeps it."""

    raw: bytes
    flags: frozenset[str]
    date: str

    @property
    def token(self) -> int:
        """The message's token, -1 for mail that was never in the account."""
        found = _TOKEN.search(self.raw)
        return int(found[1]) if found else -1


@dataclass(frozen=True, slots=True)
class Refusal:
    """A tagged NO (or BAD) and the truth about it; `drop`: the connection ends instead of an answer."""

    text: str
    blame: Blame
    drop: bool = False


@dataclass(slots=True)
class Folder:
    """One folder; `foreign`: it lies in a namespace that other users read."""

    name: str
    uidvalidity: int
    next: int = 1
    mail: dict[int, Stored] = field(default_factory=dict)
    use: str = ""
    foreign: bool = False
    selectable: bool = True
    read_only: bool = False

    def put(self, stored: Stored) -> int:
        uid, self.next = self.next, self.next + 1
        self.mail[uid] = stored
        return uid


class Server:
    """Everything the server knows. `personalities` are asked in order; the first answer counts.

    Attributes:
        commands: how often each verb came.
        refused: (token, folder) -> the refusals' truths, of APPEND; token -1 where it concerned the folder alone.
        removed: tokens that somebody else removed or that went with a folder.
        said: the answer to NAMESPACE where it is not just the personal one.
        foreign: beginnings of names that lie outside the personal namespace, where other users read.
    """

    def __init__(self, clock: Clock, delimiter: str = "/", prefix: str = "") -> None:
        self.clock = clock
        self.delimiter = delimiter
        self.prefix = prefix
        self.personalities: list[Personality] = []
        self.caps = {"IMAP4rev1", "NAMESPACE", "UIDPLUS", "LITERAL+", "SPECIAL-USE", "LIST-EXTENDED", "UNSELECT"}
        self.folders: dict[str, Folder] = {}
        self.commands: Counter[str] = Counter()
        self.refused: dict[tuple[int, str], set[Blame]] = {}
        self.removed: set[int] = set()
        self.logins = 0
        self.latency = 0.002
        self.said = ""
        self.foreign: tuple[str, ...] = ()
        self._validity = 1000
        self.make("INBOX")

    # --- folders ------------------------------------------------------------------------------------------------------

    def make(self, name: str, **about: object) -> Folder:
        self._validity += 1
        self.folders[name] = Folder(name, self._validity, foreign=self._is_foreign(name), **about)  # type: ignore[arg-type]
        return self.folders[name]

    def made_anew(self, name: str) -> None:
        """Let somebody delete a folder and make another of its name."""
        self.removed |= {m.token for m in self.folders[name].mail.values()}
        self.make(name, use=self.folders[name].use)

    def renumber(self, folder: Folder) -> None:
        """Give a folder another UIDVALIDITY."""
        self._validity += 1
        folder.uidvalidity = self._validity

    def _is_foreign(self, name: str) -> bool:
        own = name.upper() == "INBOX" or (self.prefix and name.startswith(self.prefix))
        return not own and name.startswith(self.foreign)

    def under(self, name: str) -> str:
        """Return the full name of a folder in the personal namespace."""
        return self.prefix + name.replace("/", self.delimiter)

    def refuse(self, refusal: Refusal, folder: str, token: int = -1) -> None:
        self.refused.setdefault((token, folder), set()).add(refusal.blame)

    def blames(self, token: int) -> set[Blame]:
        """Return the truths of all refusals that concerned a message, or a folder of its own."""
        return set().union(*(blames for (t, _), blames in self.refused.items() if t in {token, -1}))

    # --- what lies there ----------------------------------------------------------------------------------------------

    def lying(self) -> Iterator[tuple[Folder, int, Stored]]:
        for folder in self.folders.values():
            for uid, stored in folder.mail.items():
                yield folder, uid, stored

    def copies(self) -> Counter[int]:
        """Return how many copies of each token the mailbox holds."""
        return Counter(stored.token for _, _, stored in self.lying())

    # --- what personalities decide ------------------------------------------------------------------------------------

    def first(self, hook: str, *args: object) -> object:
        """Return the first answer to a hook that is one."""
        return next((a for p in self.personalities if (a := getattr(p, hook)(self, *args)) is not None), None)

    def through(self, hook: str, value: object, *args: object) -> object:
        """Return a value after every personality has changed it."""
        for personality in self.personalities:
            value = getattr(personality, hook)(self, value, *args)
        return value


class Personality:
    """How a server differs; each hook returns None (or the value it was given) for the usual behaviour."""

    def begin(self, server: Server) -> None:
        """Change the server before the first connection."""

    def command(self, server: Server, verb: str, args: str) -> str | Refusal | None:
        """Answer any command instead of the server."""

    def login(self, server: Server) -> Refusal | None:
        """Refuse a login, or with `drop` the connection before it."""

    def create(self, server: Server, name: str) -> Refusal | None:
        """Refuse to make a folder."""

    def select(self, server: Server, folder: Folder) -> Refusal | None:
        """Refuse to open a folder."""

    def append(self, server: Server, folder: Folder, message: Stored) -> Refusal | None:
        """Refuse a message."""

    def keeps_part(self, server: Server) -> bool | None:
        """True where a MULTIAPPEND is stored one by one, and what came before a refusal stays."""

    def appended(self, server: Server, folder: Folder, uid: int) -> None:
        """Something was stored."""

    def stored(self, server: Server, message: Stored) -> Stored:
        """What is kept of a message."""
        return message

    def size(self, server: Server, size: int, message: Stored) -> int:
        """RFC822.SIZE."""
        return size

    def visible(self, server: Server, uids: list[int], folder: Folder, at_select: int) -> list[int]:
        """The UIDs a session sees that selected the folder when its next UID was `at_select`."""
        return uids

    def opened(self, server: Server, lines: list[str], folder: Folder) -> list[str]:
        """The untagged answers to SELECT."""
        return lines

    def listed(self, server: Server, attributes: str, folder: Folder) -> str:
        """The attributes of a folder in LIST."""
        return attributes

    def fetched(self, server: Server, folder: Folder, message: Stored) -> Refusal | None:
        """Refuse to give a message's bytes."""
