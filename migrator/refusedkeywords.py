"""Keywords that the mailbox refused, by folder, so that later messages are sent without them from the start."""

from collections.abc import Collection

from migrator.ledger import Ledger

_PART = "keywords"


class RefusedKeywords:
    """What one migration has learned about each folder's keywords; kept in the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._by_folder = {int(folder): set(words) for folder, words in (ledger.load(_PART) or {}).items()}

    def without(self, folder: int, keywords: tuple[str, ...]) -> tuple[str, ...]:
        """Return the keywords that this folder has not refused."""
        refused = self._by_folder.get(folder, ())
        return tuple(keyword for keyword in keywords if keyword not in refused)

    def learn(self, folder: int, keywords: Collection[str]) -> None:
        """Remember that a message was accepted without these keywords, and not with them."""
        known = self._by_folder.setdefault(folder, set())
        if not known.issuperset(keywords):
            known |= set(keywords)
            self._ledger.note(_PART, {str(number): sorted(words) for number, words in self._by_folder.items() if words})
