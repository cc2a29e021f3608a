"""Why a message failed, and whether that is its own fault: then no retry can change it.

Every word is listed in docs/errors.md. A failure that is not the message's own fault is retried automatically
(`RETRY_AFTER`); what is left then is shown to the customer before the import ends, while a retry is still possible.
"""

from collections.abc import Mapping

RETRY_AFTER = (60.0, 600.0, 3600.0, 21600.0)
"""Seconds from each failure of a message to its next try: 1 min, 10 min, 1 h, 6 h."""

ALONE_SECONDS = 3600.0
"""A message without a known reason is at fault only after being refused for so long, while others are accepted."""

PROCESS_DIED = "process-died"
"""Word of a deferred message that was being processed alone when its process died (`migrator.suspects`)."""

HOLD_SECONDS = 24 * 3600.0
"""An import with failures that a retry may cure is held for so long before it finishes."""

OWN_FAULT = frozenset(
    {
        *("nul-characters", "bare-newlines", "invalid-header", "8-bit-header", "empty", "too-large", "virus"),
        "refused-alone",  # refused for an hour without a reason we know, while other messages were accepted
        "kills-the-import",
        "unreadable",  # Google gives no readable copy
        *("moved-or-removed", "content-differs"),
    }
)
"""Words of failures that concern the message itself. Every other word is one that a retry may cure."""


def curable(failures: Mapping[str, int]) -> int:
    """Return how many messages failed for a reason that a retry may change; `failures` counts messages by word."""
    return sum(count for word, count in failures.items() if not is_own_fault(word))


def is_own_fault(word: str) -> bool:
    """Tell whether a failure with this word is the message's own fault."""
    return word in OWN_FAULT
