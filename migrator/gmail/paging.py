"""Pages have an end: a listing whose tokens repeat, or never stop, is noticed."""

from collections import Counter

_SAME = 5
"""So often the same page may be asked for: Google answers an empty page with the token it was asked with."""


class Turns:
    """The pages of one listing that were asked for, `most` at most."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._asked: Counter[str | None] = Counter()

    def may_ask(self, token: str | None) -> bool:
        """Count a page that is about to be asked for; False where the listing does not end."""
        self._asked[token] += 1
        return self._asked[token] <= _SAME and self._asked.total() <= self._most
