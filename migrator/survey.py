"""An account looked over without reading a message: which labels each message has, and about how large all are.

Listing ids costs 5 units per 500, so every label can be listed (Gmail API, "Usage limits"); sizes are not listed, but
`larger:` in a search says how many messages are above a bound.
"""

import math
from collections import defaultdict
from dataclasses import dataclass

from migrator.gmail import Gmail, Listing
from migrator.labels import Label
from migrator.retry import Patience, attempt

_BOUNDS = (0, 10_000, 100_000, 1_000_000, 5_000_000, 25_000_000)
_AT_MOST = 50_000_000


@dataclass(frozen=True, slots=True)
class Survey:
    """Label ids of every message, and the range in which the sum of all sizes lies, in bytes."""

    label_sets: tuple[frozenset[str], ...]
    at_least: int
    at_most: int

    @property
    def likely_bytes(self) -> int:
        """The geometric middle of the range: sizes of mail are spread over orders of magnitude."""
        return math.isqrt(max(self.at_least, 1) * max(self.at_most, 1))


def survey(gmail: Gmail, labels: tuple[Label, ...], patience: Patience) -> Survey:
    """List every label and every size class of an account; reads no message."""
    held: dict[str, set[str]] = defaultdict(set)
    for message_id in _ids(gmail, Listing(), patience):
        held[message_id] = set()
    for label in labels:
        for message_id in _ids(gmail, Listing(label_ids=(label.id,)), patience):
            held[message_id].add(label.id)
    above = [len(held), *(len(_ids(gmail, Listing(query=f"larger:{bound}"), patience)) for bound in _BOUNDS[1:]), 0]
    classes = [above[i] - above[i + 1] for i in range(len(_BOUNDS))]
    upper = [*_BOUNDS[1:], _AT_MOST]
    return Survey(
        tuple(frozenset(label_ids) for label_ids in held.values()),
        sum(count * low for count, low in zip(classes, _BOUNDS, strict=True)),
        sum(count * high for count, high in zip(classes, upper, strict=True)),
    )


def _ids(gmail: Gmail, listing: Listing, patience: Patience) -> list[str]:
    return attempt(patience, lambda: list(gmail.ids(listing)))
