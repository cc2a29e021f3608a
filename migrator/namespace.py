"""Which names on a server are the customer's own, by its namespaces (RFC 2342): pure, by name alone.

A prefix reaches as far as its text: what begins with it lies in it, and so does the folder named like it without the
delimiter at its end (`Shared` for `Shared/`). Foreign prefixes hold in any case and Unicode form. Of two prefixes that
fit a name the longer one decides; where both are the same, nothing shows whose the name is, and it is not ours.
"""

from collections.abc import Iterable

from migrator.foldernames import twin_key

ASSUMED_FOREIGN = ("user", "Other Users", "Shared Folders", "Shared", "Public Folders", "Public")
"""First levels that servers use for other people's folders; assumed where a server does not tell its namespaces."""
SIGILS = ("#", "~")
"""Characters with which names outside the personal namespace begin by convention (RFC 3501 §5.1.2)."""


def owned(name: str, personal: Iterable[str], foreign: Iterable[str]) -> bool:
    """Whether `name` is the customer's own: INBOX, or nearer to a personal prefix than to a foreign one."""
    if name.upper() == "INBOX":
        return True
    own = max((len(twin_key(prefix)) for prefix in personal if name.startswith(prefix)), default=-1)
    return own > max((len(twin_key(prefix)) for prefix in foreign if _lies_in(name, prefix)), default=-1)


def reserved(prefix: str, foreign: Iterable[str], delimiter: str) -> frozenset[str]:
    """Return the twin keys of the first levels of foreign prefixes, below `prefix` and as they are."""
    paths = {path for one in foreign for path in (one, one.removeprefix(prefix))}
    return frozenset(twin_key(stem(path.split(delimiter)[0] if delimiter else path)) for path in paths) - {""}


def stem(prefix: str) -> str:
    """Return a prefix without the delimiter at its end, whichever that is."""
    return prefix[:-1] if len(prefix) > 1 and not prefix[-1].isalnum() else prefix


def _lies_in(name: str, prefix: str) -> bool:
    """Whether a name lies in a foreign namespace; one with a blank prefix says nothing about any name."""
    key, begins = twin_key(name), twin_key(prefix)
    return bool(begins) and (key.startswith(begins) or key == twin_key(stem(prefix)))
