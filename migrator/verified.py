"""How far the check of the copies is, and what it has found so far."""

from dataclasses import dataclass

from migrator.ledger import Ledger

VERIFIED = "verified"
"""The part of the ledger that holds it."""


@dataclass(frozen=True, slots=True)
class Verified:
    """How far the check is, and what was found so far, in placements (a message in two folders is two).

    `folder` and `done`: the folder's number, and the records done in it; `waits`: how often in a row a folder could
    not be opened. `found` = `identical` + `altered` + `by_size` (not read back) + `unreadable` (there, but the server
    could not hand it out). `unchecked`: not looked up, because their folder could not be opened, or the server did not
    say whether they are there. `missing`: not there.
    """

    folder: int = 0
    done: int = 0
    waits: int = 0
    found: int = 0
    identical: int = 0
    altered: int = 0
    by_size: int = 0
    unreadable: int = 0
    unchecked: int = 0
    missing: int = 0

    @classmethod
    def load(cls, ledger: Ledger) -> "Verified":
        """Return how far a migration's check is."""
        return cls(**(ledger.load(VERIFIED) or {}))

    def as_json(self) -> dict[str, int]:
        """Return the fields, as `load` reads them."""
        return {name: getattr(self, name) for name in self.__slots__}


CURSOR = frozenset({"folder", "done", "waits"})
"""The fields of `Verified` that say where the check is; the others count."""
