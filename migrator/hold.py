"""An import with failures that a retry may cure is held before it finishes, for a day at most.

Finishing gives the access to Google back, and nothing can be retried after that. Until then somebody may have the
messages tried again (`jobs.retrying`), or finish without them. Failures that are the messages' own fault hold nothing.
"""

from collections import Counter

from migrator.failures import HOLD_SECONDS, curable
from migrator.ledger import Ledger
from migrator.outcome import Mark

FAILED_MESSAGES = "failed-messages"
"""Why an import waits that is held."""

_UNTIL = "hold"
_FINISH = "finish"


def held_until(ledger: Ledger, now: float) -> float | None:
    """Return until when the import is held, in seconds since the epoch; None when it may finish.

    The time is counted from the first call after copying ended, and kept.
    """
    if ledger.load(_FINISH) or not curable(_failures(ledger)):
        return None
    until = ledger.load(_UNTIL)
    if until is None:
        until = now + HOLD_SECONDS
        ledger.note(_UNTIL, until)
    return float(until) if now < until else None


def _failures(ledger: Ledger) -> Counter[str]:
    marks = ledger.marks()
    return Counter(word for number, word in ledger.reasons().items() if Mark(marks[number]).is_failure)
