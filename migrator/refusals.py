"""Whose fault a refusal is when the server gives no reason: the message's, its folder's, or nobody's here.

What the server accepts *after* a refusal tells it:

- mail of the same folder: then it was the message;
- mail of other folders: then it was the folder;
- nothing: then the mailbox is in trouble, all of it waits, and nothing is counted against anybody.

A message or folder under suspicion is tried again after `RETRY_AFTER`; when that is used up, it has failed for a reason
that a retry may still cure. A message is at fault only if it alone was refused, again and again for `ALONE_SECONDS`,
while messages before and after it were accepted in its folder. Nothing here asks for the time: it is given.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from migrator.failures import ALONE_SECONDS, RETRY_AFTER
from migrator.records import Deferred

FULL = "mailbox-full"
BROKEN = "connection-broke"
ALONE = "refused-alone"
READ_ONLY = "read-only"
UNUSABLE = "folder-unusable"

FOLDER_WORDS = frozenset(
    {
        *("missing", READ_ONLY, "no-permission", "name-refused", "name-changed", "control-character", "empty-level"),
        *("too-many-folders", "foreign-name", "shared", "no-subfolders", UNUSABLE),
    }
)
"""Why a folder was not accepted; all but the last are the server's own word for it."""

_ENOUGH = 16
"""So many refusals in a folder without an acceptance, and it is left alone for the rest of the slice."""

_BREAK = 6
"""A broken connection counts as so many refusals: three are enough."""

_BROKEN_SECONDS = 20.0
"""A message at which the connection broke is tried again so soon at first: mostly it is the line."""

_HOPELESS = 64
"""So many messages refused or left alone without an acceptance anywhere, and the slice reads no more."""

_HOPELESS_STILL = 4
"""The same in a slice after a pause, when the one before was in vain, too."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One message at one folder: `word` says why it was refused, empty when it was accepted.

    `whole`: the folder was refused, or left alone, so this message was not sent.
    """

    number: int
    folder: int
    word: str = ""
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What becomes of the messages that were refused in one slice.

    `deferred`: tried again later. `failed`: by number, the folder, the word, and whether the folder is to blame.
    `in_trouble`: the server accepts nothing at present.
    """

    deferred: dict[int, Deferred] = field(default_factory=dict)
    failed: dict[int, Tried] = field(default_factory=dict)
    in_trouble: bool = False


class Refusals:
    """What one slice has tried so far, and what it follows for the rest of the slice.

    Args:
        before: the open messages that earlier slices deferred.
        now: seconds since the epoch.
        used: folders in which mail was accepted before.
        fresh: whether there are open messages that nobody tried.
        wary: the slice before was in vain, so a message or two have to show first whether this one is not.
    """

    def __init__(
        self,
        before: Mapping[int, Deferred],
        now: float,
        used: Collection[int] = (),
        *,
        fresh: bool = True,
        wary: bool = False,
    ) -> None:
        self.before = before
        self._used = frozenset(used)
        self._now = now
        self._early = not fresh and all(held.tries and held.due > now for held in before.values())
        self._log: list[Tried] = []
        self._refused: set[tuple[int, int]] = set()
        self._in_a_row: Counter[int] = Counter()
        self._since_accepted = 0
        self._wary = wary
        self._standing = {} if self._early else _standing(before, now)
        self._closed: dict[int, str] = {folder: held.word for folder, held in self._standing.items()}

    # --- what was tried -----------------------------------------------------------------------------------------------

    def accepted(self, folder: int, numbers: Iterable[int]) -> None:
        """Note messages that the server took, or that are there already."""
        self._log += [Tried(number, folder) for number in numbers]
        self._in_a_row[folder] = self._since_accepted = 0
        self._wary = False
        self._closed.pop(folder, None)

    def refused(self, folder: int, number: int, word: str) -> None:
        """Note a message that was refused without a reason of its own."""
        self._log.append(Tried(number, folder, word))
        self._refused.add((folder, number))
        self._since_accepted += 1
        if word != FULL:  # what is smaller may still fit
            self._in_a_row[folder] += _BREAK if word == BROKEN else 1
        if self._in_a_row[folder] >= _ENOUGH:
            self._closed[folder] = word

    def shut(self, folder: int, numbers: Iterable[int], word: str) -> None:
        """Note that a folder as such was refused, and with it these messages."""
        self._closed[folder] = word
        self.leave(folder, numbers)

    def leave(self, folder: int, numbers: Iterable[int], word: str = "") -> None:
        """Note messages that were not sent, for their folder is left alone, or refused for this word."""
        word = word or self._closed.get(folder, "refused")
        left = [Tried(number, folder, word, whole=True) for number in numbers]
        self._log += left
        self._refused |= {(folder, entry.number) for entry in left}
        if folder not in self._standing:
            self._since_accepted += len(left)

    # --- what follows for this slice ----------------------------------------------------------------------------------

    def is_due(self, number: int) -> bool:
        """Tell whether a message is to be tried now: at its time, or before where there is nothing else to try."""
        held = self.before.get(number)
        return held is None or self._early or not held.tries or held.due <= self._now

    def was_refused(self, folder: int, number: int) -> bool:
        """Tell whether a message was refused, or left alone, at this folder in this slice."""
        return (folder, number) in self._refused

    def is_closed(self, folder: int) -> bool:
        """Tell whether a folder is left alone."""
        return folder in self._closed or (self.hopeless and self._in_a_row[folder] > 0)

    def is_doubtful(self, folder: int) -> bool:
        """Tell whether a folder had messages refused; tried before the others, it is judged by what they are told."""
        return any(held.folder == folder for held in self.before.values())

    def probe(self, folder: int) -> int | None:
        """Return how many messages to send next to a folder; None for as many as one likes."""
        refused = self._in_a_row[folder]
        if not refused:
            return 1 if self._wary else None
        return 3 if refused < 4 else 12  # noqa: PLR2004 - 1, 3, 12: what is refused by then is `_ENOUGH`

    @property
    def hopeless(self) -> bool:
        """True when so much was refused without an acceptance that reading on would be in vain."""
        return self._since_accepted >= (_HOPELESS_STILL if self._wary else _HOPELESS)

    @property
    def in_vain(self) -> bool:
        """True when something was refused in this slice and nothing accepted."""
        return bool(self._log) and all(entry.word for entry in self._log)

    def seen(self) -> frozenset[int]:
        """Return the messages that were deferred before, or tried in this slice."""
        return frozenset(self.before) | {entry.number for entry in self._log}

    def cleared(self) -> frozenset[int]:
        """Return the messages that were deferred before, and are accepted now."""
        return frozenset(
            entry.number
            for entry in self._log
            if not entry.word and entry.number in self.before and self.before[entry.number].folder == entry.folder
        )

    def verdicts(self, now: float, *, fresh: bool) -> Verdicts:
        """Return what becomes of the messages; `fresh`: open messages are left that nobody tried."""
        return judged(self._log, self.before, now, standing=self._standing, used=self._used, fresh=fresh)


def _standing(before: Mapping[int, Deferred], now: float) -> dict[int, Deferred]:
    return {held.folder: held for held in before.values() if held.whole and held.tries and held.due > now}


# --- the judgement ----------------------------------------------------------------------------------------------------


def judged(
    log: Sequence[Tried],
    before: Mapping[int, Deferred],
    now: float,
    *,
    standing: Mapping[int, Deferred] = MappingProxyType({}),
    used: Collection[int] = (),
    fresh: bool = False,
) -> Verdicts:
    """Judge what one slice tried, in its order.

    Args:
        log: what was tried.
        before: what earlier slices deferred, by message number.
        now: seconds since the epoch.
        standing: folders that were left alone from the start, with the record that says until when.
        used: folders in which mail was accepted in earlier slices.
        fresh: whether open messages are left that nobody tried.
    """
    accepted = _Accepted(log, used)
    refused = {entry.number: (place, entry) for place, entry in accepted.never() if entry.word}
    known = {number for number, (_, entry) in refused.items() if entry.whole and entry.folder in standing}
    silent = {n for n, (place, entry) in refused.items() if n not in known and accepted.nothing_since(place, entry)}
    in_trouble = any(not _has_waited(before.get(n), now, fresh=fresh or not accepted.ever) for n in silent)
    verdicts = Verdicts(in_trouble=in_trouble)
    for number, (place, entry) in refused.items():
        held = before.get(number)
        if number in known:
            verdicts.deferred[number] = standing[entry.folder]
        elif entry.word == FULL or (in_trouble and number in silent):
            verdicts.deferred[number] = held or Deferred(entry.word, now, now, 0, entry.folder, entry.whole)
        else:
            _count(verdicts, entry, held, now, alone=accepted.around(place, entry))
    return verdicts


class _Accepted:
    """Where in the log mail was accepted."""

    def __init__(self, log: Sequence[Tried], used: Collection[int]) -> None:
        self._log = log
        self._used = used
        places = [(place, entry.folder) for place, entry in enumerate(log) if not entry.word]
        self._first = {folder: place for place, folder in reversed(places)}
        self._last = {folder: place for place, folder in places}
        self._last_of_all = places[-1][0] if places else -1
        self.ever = bool(places or used)

    def never(self) -> Iterator[tuple[int, Tried]]:
        """Yield the refusals, with their places, of messages that were not accepted there in the end."""
        ends = {(entry.number, entry.folder): (place, entry) for place, entry in enumerate(self._log)}
        return ((place, entry) for place, entry in ends.values() if entry.word)

    def nothing_since(self, place: int, entry: Tried) -> bool:
        """Tell whether nothing was accepted after a refusal, so that it says nothing about message or folder.

        A reason that the server gives against the folder says enough where anything at all is accepted in the slice;
        that it opens the folder read-only (RFC 9051 §6.3.2) says enough where anything ever was.
        """
        if entry.word == FULL or (entry.word == READ_ONLY and self.ever):
            return False
        if entry.whole and entry.word in FOLDER_WORDS and self._last:
            return False
        return self._last_of_all < place

    def around(self, place: int, entry: Tried) -> bool:
        """Tell whether messages before and after this one were accepted in its folder."""
        if entry.whole or self._last.get(entry.folder, -1) < place:
            return False
        return entry.folder in self._used or self._first[entry.folder] < place


def _has_waited(held: Deferred | None, now: float, *, fresh: bool) -> bool:
    """Tell whether a refusal counts though nothing was accepted since, because there is nothing else left to try.

    Either others were accepted when the message was refused before, or an hour has passed in vain.
    """
    if held is None:
        return False
    return bool(held.tries) or (not fresh and now - held.since >= ALONE_SECONDS)


def _count(verdicts: Verdicts, entry: Tried, held: Deferred | None, now: float, *, alone: bool) -> None:
    if held and held.tries and now < held.due:  # tried early, because somebody wished it
        verdicts.deferred[entry.number] = held
        return
    held = held or Deferred(entry.word, now, now, 0)
    since_alone = held.alone or (now if alone else 0.0)
    if alone and now - since_alone >= ALONE_SECONDS:
        verdicts.failed[entry.number] = replace(entry, word=ALONE)
    elif held.tries == len(RETRY_AFTER):
        known = not entry.whole or entry.word in FOLDER_WORDS
        verdicts.failed[entry.number] = entry if known else replace(entry, word=UNUSABLE)
    else:
        first = entry.word == BROKEN and not held.tries
        due = now + (_BROKEN_SECONDS if first else RETRY_AFTER[held.tries])
        verdicts.deferred[entry.number] = Deferred(
            entry.word, held.since, due, held.tries + 1, entry.folder, entry.whole, since_alone
        )
