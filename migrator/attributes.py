"""Whether the server keeps the flags, keywords and dates that APPEND gave it: looked at, put right, or counted.

A server should keep them (RFC 9051 §6.3.12), and some do not: GNU imap4d with Maildir drops the flags and takes the
date of the header, UW IMAP drops keywords. The first batch of a folder that brings flags, keywords or a date is looked
at, in one FETCH. Where all of it was kept the folder is never looked at again for that; where not, every batch is:
what is missing is set by STORE, as long as that helps, and messages that lack something in the end are counted.
"""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from migrator.errors import ConnectionLost
from migrator.ledger import Command, Ledger
from migrator.mailbox import Attributes
from migrator.opened import OpenFolders
from migrator.records import UNKNOWN_UID

_PART = "attributes"
_EXACT = 1
"""Seconds by which a date that was kept may differ: fractions are rounded."""
_NOTICED = 60
"""Seconds from which on a date counts as not kept."""
_SECOND_DAY = 86_400

Lost = Mapping[int, frozenset[str]]
"""Flags and keywords that messages were given and lack, by UID."""

FLAGS_NOT_KEPT, DATES_NOT_KEPT = "flags_not_kept", "dates_not_kept"
"""The ledger's counters of messages that lack flags or keywords they were given, or have another date."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a message of the plan was given when it was appended: flags and keywords, arrival in ms since the epoch."""

    number: int
    uid: int
    flags: tuple[str, ...]
    date: int


@dataclass(frozen=True, slots=True)
class Habit:
    """How a folder's server treats what it is given.

    `kept`: of "flags", "keywords" and "dates", what was seen to be kept; `dropped`: what was not, at least once.
    `hopeless`: of what was dropped, what STORE did not help to set.
    """

    kept: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    hopeless: tuple[str, ...] = ()

    def is_known_to_keep(self, kinds: frozenset[str]) -> bool:
        """True when nothing of these kinds needs a look."""
        return kinds <= set(self.kept) - set(self.dropped)

    def after(self, kinds: frozenset[str], lacking: frozenset[str]) -> "Habit":
        """Return the habit after a batch with these kinds was looked at, some of which were lacking."""
        kept, dropped = {*self.kept, *(kinds - lacking)}, {*self.dropped, *lacking}
        return replace(self, kept=tuple(sorted(kept)), dropped=tuple(sorted(dropped)))

    def without(self, kinds: frozenset[str]) -> "Habit":
        """Return the habit after STORE did not help to set any of these kinds."""
        return replace(self, hopeless=tuple(sorted({*self.hopeless, *kinds})))


class AttributeCheck:
    """Looks at what was appended, for one slice."""

    def __init__(self, ledger: Ledger, folders: OpenFolders) -> None:
        self._ledger = ledger
        self._folders = folders
        rows = ledger.load(_PART) or {}
        self._habits = {int(folder): Habit(*map(tuple, row)) for folder, row in rows.items()}
        self._given_up = set[int]()

    def look(self, folder: int, batch: Sequence[Given]) -> None:
        """Look at messages that were just appended to the open folder; a look that fails is no failure."""
        habit, kinds = self._habits.get(folder, Habit()), _kinds(batch)
        if folder in self._given_up or habit.is_known_to_keep(kinds):
            return
        try:
            self._look(folder, habit, {given.uid: given for given in batch if given.uid != UNKNOWN_UID})
        except ConnectionLost:
            self._given_up.add(folder)
            self._folders.reconnect()

    def _look(self, folder: int, habit: Habit, batch: Mapping[int, Given]) -> None:
        there = self._folders.mailbox.attributes(sorted(batch))
        lost = _lost(batch, there)
        dates = [uid for uid, now in there.items() if _seconds_off(batch[uid], now) > _EXACT]
        lacking = _kinds_in(lost) | ({"dates"} if dates else set())
        habit = habit.after(_kinds([batch[uid] for uid in there]), lacking)
        for kind in sorted(_kinds_in(lost) - set(habit.hopeless) - self._not_allowed(folder)):
            self._store(lost, kind)
            before, lost = lost, _lost(batch, self._folders.mailbox.attributes(sorted(batch)))
            habit = habit if _of_kind(lost, kind) != _of_kind(before, kind) else habit.without(frozenset({kind}))
        late = sum(_seconds_off(batch[uid], there[uid]) > _NOTICED for uid in dates)
        # An undo must not take for the customer's act what the server dropped.
        kept = [(batch[uid].number, set(batch[uid].flags) - flags) for uid, flags in lost.items()]
        commands = self._ledger.flagged(kept, anew=True)
        self._write_down(folder, habit, {FLAGS_NOT_KEPT: len(lost), DATES_NOT_KEPT: late}, commands)

    def _not_allowed(self, folder: int) -> frozenset[str]:
        """Return what is not set where APPEND could not give it: COPY may be refused for it then."""
        return frozenset() if self._folders.open(folder).keywords_allowed else frozenset({"keywords"})

    def _store(self, lost: Lost, kind: str) -> None:
        """Set what is missing of one kind: a server may refuse flags that come together with a keyword."""
        by_flags = defaultdict[frozenset[str], list[int]](list)
        for uid, flags in _of_kind(lost, kind).items():
            by_flags[flags].append(uid)
        for flags, uids in by_flags.items():
            self._folders.mailbox.add_flags(uids, flags)

    def _write_down(self, folder: int, habit: Habit, sums: Mapping[str, int], commands: list[Command]) -> None:
        key = self._ledger.key("counts")
        commands += [("HINCRBY", key, name, count) for name, count in sums.items() if count]
        if habit != self._habits.get(folder):
            self._habits[folder] = habit
            rows = {number: (held.kept, held.dropped, held.hopeless) for number, held in self._habits.items()}
            commands.append(self._ledger.keep(_PART, rows))
        if commands:
            self._ledger.write(*commands)


def _kinds(batch: Sequence[Given]) -> frozenset[str]:
    return frozenset({_kind(flag) for given in batch for flag in given.flags} | ({"dates"} if batch else set()))


def _kind(flag: str) -> str:
    return "flags" if flag.startswith("\\") else "keywords"


def _kinds_in(lost: Lost) -> frozenset[str]:
    return frozenset(_kind(flag) for flags in lost.values() for flag in flags)


def _of_kind(lost: Lost, kind: str) -> Lost:
    of_kind = {uid: frozenset(flag for flag in flags if _kind(flag) == kind) for uid, flags in lost.items()}
    return {uid: flags for uid, flags in of_kind.items() if flags}


def _lost(batch: Mapping[int, Given], there: Mapping[int, Attributes]) -> Lost:
    """Return the flags and keywords that messages lack, by UID; their names compare without case (RFC 9051 §2.3.2)."""
    lost = dict[int, frozenset[str]]()
    for uid, now in there.items():
        has = {flag.lower() for flag in now.flags}
        if lacking := frozenset(flag for flag in batch[uid].flags if flag.lower() not in has):
            lost[uid] = lacking
    return lost


def _seconds_off(given: Given, now: Attributes) -> float:
    """Return by how much the date differs; nothing is asked of a date outside of what the door sends."""
    asked = given.date // 1000
    if now.date is None or not _SECOND_DAY <= asked <= time.time():
        return 0
    return abs(now.date.timestamp() - asked)
