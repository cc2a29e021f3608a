"""How long an import rests when the trouble is not its own: at first briefly, then longer, until something is achieved.

No worker is held meanwhile. What was tried in vain is kept in the ledger, so that a new slice does not begin anew.
"""

from migrator.ledger import Ledger

PAUSES = (3.0, 10.0, 20.0, 60.0, 120.0, 240.0, 480.0, 900.0)
"""Seconds from each try in vain to the next; the last one again and again."""

_PART = "pauses"


def pause(ledger: Ledger, now: float) -> float:
    """Return until when to rest, in seconds since the epoch: longer each time that nothing was achieved since the last.

    Achieved is whatever gives a message an outcome or a place, adds to the plan, or is looked up.
    """
    tries, before = ledger.load(_PART) or (0, None)
    reached = _reached(ledger)
    tries = tries + 1 if reached == before else 1
    ledger.note(_PART, [tries, reached])
    return now + PAUSES[min(tries, len(PAUSES)) - 1]


def is_in_vain(ledger: Ledger) -> bool:
    """Tell whether nothing has been achieved since the last pause."""
    tries, before = ledger.load(_PART) or (0, None)
    return bool(tries) and before == _reached(ledger)


def _reached(ledger: Ledger) -> list[object]:
    counts = ledger.counts()
    return [
        ledger.total(),
        counts.get("settled", 0),
        counts.get("bytes", 0),
        ledger.load("listing"),
        {name: value for name, value in (ledger.load("verified") or {}).items() if name != "waits"},
    ]
