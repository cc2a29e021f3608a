"""What the keeper makes of notes: entries in order, each tied to the one before; pure.

A process in hostile hands may write anything into its own inbox. So a time that it names counts only between that of
the entry before and now, staff is believed of the console alone, and what is no note becomes an entry that says so.
"""

from collections.abc import Iterable, Sequence

from jobs.audit.entry import Entry, Note
from jobs.audit.places import CONSOLE, KEEPER, OTHER
from jobs.audit.words import WORKER, Act

Written = tuple[str, str]
"""Who wrote it, and the line in his inbox."""

_MAY_NAME_STAFF = frozenset({CONSOLE, OTHER})


def entries_of(
    last: Entry | None, written: Sequence[Written], now: int, floor: int = 0, known: Iterable[Entry] = ()
) -> list[Entry]:
    """Return the entries that follow `last`.

    Args:
        last: the newest entry; None where there is none.
        written: the notes that wait, each writer's own in his order.
        now: seconds since the epoch, by the store's clock.
        floor: no entry is of a time before; days before it are closed.
        known: the entries before, among which a note may be that was sent twice.
    """
    notes, refused = _read(written)
    seen = {(entry.by, entry.nonce, str(entry.actor), entry.act, entry.migration, entry.code) for entry in known}
    made: list[Entry] = []
    for by, note in sorted(notes, key=lambda row: min(row[1].at, now)):
        same = (by, note.nonce, str(note.actor), note.act, note.migration, note.code)
        if same not in seen:
            seen.add(same)
            last = Entry.after(last, note, by, max(floor, min(note.at, now)))
            made.append(last)
    for by in refused:
        last = Entry.after(last, Note.make(now, WORKER, Act.NOTE_REFUSED, code=by), KEEPER, max(floor, now))
        made.append(last)
    return made


def _read(written: Iterable[Written]) -> tuple[list[tuple[str, Note]], list[str]]:
    """Return who wrote which note, and who wrote what is none: one entry each is enough to say so."""
    notes: list[tuple[str, Note]] = []
    refused: dict[str, None] = {}
    for by, line in written:
        note = _note(line)
        if note is None or (note.actor.is_staff and by not in _MAY_NAME_STAFF):
            refused[by] = None
        else:
            notes.append((by, note))
    return notes, list(refused)


def _note(line: str) -> Note | None:
    try:
        return Note.from_line(line)
    except ValueError:
        return None
