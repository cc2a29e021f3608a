r"""Which special uses of LIST are believed (RFC 6154 §2): attributes that can be one, where they can be one.

Some servers list the flags of messages as attributes of every folder, `\Flagged` among them.
"""

from collections import Counter
from collections.abc import Set as AbstractSet

SPECIAL_USES = ("\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Important", "\\Junk", "\\Sent", "\\Trash")
_VIEWS = frozenset({"\\All", "\\Flagged", "\\Important"})
_MESSAGE_FLAGS = frozenset({"\\seen", "\\answered", "\\deleted", "\\draft", "\\recent"})
_MANY = 3


def special_use(attributes: AbstractSet[str], *, offered: bool) -> str | None:
    """Return the special use among a folder's attributes (in small letters); a view only where they are `offered`."""
    if attributes & _MESSAGE_FLAGS:
        return None
    uses = (use for use in SPECIAL_USES if use.lower() in attributes)
    return next((use for use in uses if offered or use not in _VIEWS), None)


def doubtful(uses: list[str | None]) -> frozenset[str]:
    """Return the uses that so many folders have that they mean nothing: a view of two, or any of all of several."""
    counts = Counter(use for use in uses if use)
    return frozenset(
        use for use, count in counts.items() if (use in _VIEWS and count > 1) or (count == len(uses) and count >= _MANY)
    )
