"""What an error of a store says about the store: that it cannot serve for now, and why; all else is a fault of ours.

A store that is away, full, read-only, loading, without its replicas or without our rights is well again some time
later, with nothing to be mended here. A wrong command or a wrong type never is.
"""

import re

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,  # noqa: A004 - redis-py's own
    MasterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,  # noqa: A004
    TryAgainError,
)

_BY_CLASS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (BusyLoadingError, "store-loading"),
    ((AuthenticationError, AuthorizationError, NoPermissionError), "store-rights"),
    (ConnectionError, "store-unreachable"),
    (TimeoutError, "store-silent"),
    (ReadOnlyError, "store-read-only"),
    (OutOfMemoryError, "store-full"),
    ((MasterDownError, ClusterDownError, TryAgainError), "store-following"),
)
"""redis-py's classes, the narrower ones first."""

_BY_WORD = {
    "ACL failure": "store-rights",
    "BUSY": "store-busy",
    "CLUSTERDOWN": "store-following",
    "LOADING": "store-loading",
    "MASTERDOWN": "store-following",
    "MISCONF": "store-disk",
    "NOAUTH": "store-rights",
    "NOPERM": "store-rights",
    "NOREPLICAS": "store-replicas",
    "OOM": "store-full",
    "READONLY": "store-read-only",
    "TRYAGAIN": "store-following",
    "The user executing the script can't run": "store-rights",
    "UNKILLABLE": "store-busy",
}
"""How a server begins its answer; https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors."""

_WORDS = "|".join(map(re.escape, _BY_WORD))
_SAID = re.compile(rf"(?:^|^ERR |of pipeline caused error: |@user_script: ?\d+: )-?({_WORDS})\b", re.DOTALL)
"""At the beginning; behind the command, where a pipeline was sent; or behind the place in a script (Redis 6)."""


def trouble_of(error: BaseException) -> str:
    """Return by which code a store cannot serve for now; empty where the error is no sign of that.

    The code says why, and nothing of the error's text: `store-unreachable`, `store-silent`, `store-loading`,
    `store-read-only`, `store-full`, `store-replicas`, `store-rights`, `store-busy`, `store-disk`, `store-following`.
    """
    for kinds, code in _BY_CLASS:
        if isinstance(error, kinds):
            return code
    said = _SAID.search(str(error)) if isinstance(error, ResponseError) else None
    return _BY_WORD[said[1]] if said else ""


def is_away(error: BaseException) -> bool:
    """True if the store cannot be reached, or cannot take or answer anything for now."""
    return bool(trouble_of(error))
