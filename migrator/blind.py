"""What the ledger's hashes are worth when their key is lost: nothing, and nothing else of it.

Hashes are made with a key that is lost together with the key store; when the customer connects again there is another
one. Where mail lies (folder, UIDVALIDITY, UID, size) is as true as before, but no old hash compares with a new one:

- what was under way is settled as not found, read from Gmail once more, and recognised in the mailbox by new hashes;
- messages that are in some of their folders get theirs anew, from the copy that lies in the mailbox;
- messages that were placed before are *blind*: verified by their size, and by nothing more.
"""

from contextlib import suppress
from dataclasses import replace
from functools import partial

from migrator.errors import FolderRefused
from migrator.ledger import Ledger
from migrator.message import fingerprint, key_name
from migrator.opened import OpenFolders
from migrator.outcome import Mark
from migrator.records import Expected, Partial

_PART = "hashed"

_HAS_OUTCOME = bytes(value not in {Mark.PENDING, Mark.PENDING_LARGE} for value in range(256))


def renew(ledger: Ledger, folders: OpenFolders, key: bytes) -> None:
    """Make the hashes that copying goes on by anew, if the key is another one than they were made with.

    The intent must have been settled before. Cut off in between, it is done once more.
    """
    if ledger.load(_PART) not in {None, key_name(key)}:
        for source in sorted({_source(held) for held in ledger.partials().values()}):
            with suppress(FolderRefused):  # what lies in a closed folder cannot be copied from there either
                folders.patiently(partial(_renew_partials, ledger, folders, source, key))
    blind(ledger, key)


def blind(ledger: Ledger, key: bytes) -> bytes:
    """Return a byte a message, 1 for the blind ones; under another key than before, all that were placed become so."""
    held, now = ledger.load(_PART), key_name(key)
    if held is None:
        ledger.note(_PART, now)
    elif held != now:
        ledger.write(ledger.keep(_PART, now), ledger.blinded(_placed(ledger)))
    return ledger.blind()


def _placed(ledger: Ledger) -> bytes:
    marks = bytearray(ledger.marks().translate(_HAS_OUTCOME))
    for number in ledger.partials():
        marks[number] = 1
    return bytes(marks)


def _source(held: Partial) -> int:
    return next(iter(held.at))


def _renew_partials(ledger: Ledger, folders: OpenFolders, source: int, key: bytes) -> None:
    folders.open(source, again=True)
    there = {held.at[source]: (number, held) for number, held in ledger.partials().items() if _source(held) == source}
    for uid, body in folders.mailbox.bodies(sorted(there)):
        number, held = there[uid]
        expected = Expected.of(number, fingerprint(body, key))
        ledger.write(ledger.partial(number, replace(held, expected=expected)))
