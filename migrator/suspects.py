"""One message that kills every slice must not stop the account: found, and set aside.

After a slice has died, messages are tried one at a time, each noted beforehand. If that slice's process dies too, the
noted message is the culprit (more memory than there is, a crash in a library) and fails; the rest goes on. A slice that
was stopped, or lost its lease, accuses nobody: the note is taken away then (`jobs/lua`).
"""

from collections.abc import Iterable, Iterator

from migrator.ledger import Ledger
from migrator.outcome import Mark

_PART = "trying"

Wanted = tuple[int, str, Mark]


def one_at_a_time(ledger: Ledger, wanted: Iterable[Wanted]) -> Iterator[Wanted]:
    """Yield the wanted messages, each noted before it is tried; set aside the one a slice died of."""
    culprit = ledger.load(_PART)
    for row in wanted:
        if row[0] == culprit:
            ledger.write(*ledger.fail(row[0], Mark.FAILED_DAMAGED, "kills-the-import"))
            continue
        ledger.note(_PART, row[0])
        yield row
    ledger.note(_PART, None)
