"""The check of what a desk has copied, and what it found."""

import pytest
from desk import Desk
from engine import KEY, heir

from migrator.retry import Patience
from migrator.verified import CURSOR
from migrator.verify import verify_slice

thoroughly = pytest.mark.parametrize("by_digest", [False, True], ids=["by size", "by digest"])


def verified(desk: Desk, *, by_digest: bool = False, patience: Patience | None = None) -> dict[str, int]:
    """Verify to the end; return what was found, without the cursor."""
    desk.ledger = heir(desk.redis, desk.ledger)
    while not verify_slice(desk.enter, desk.ledger, KEY, patience or Patience(scale=0), by_digest=by_digest):
        patience = None
    return found_so_far(desk)


def found_so_far(desk: Desk) -> dict[str, int]:
    """Return what was found, without what is nought."""
    found: dict[str, int] = desk.ledger.load("verified") or {}
    return {name: value for name, value in found.items() if value and name not in CURSOR}
