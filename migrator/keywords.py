r"""The IMAP keyword each label becomes when it does not become a folder.

A keyword is an atom (RFC 3501 §9): no blank, control character, 8-bit byte or any of `(){%*"\]`. Servers add limits
of their own: Dovecot takes 50 bytes at most, Cyrus 100 different keywords in a folder. All of them compare keywords
without regard to case.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import count

MAX_BYTES = 50
_SPELLABLE = re.compile(r"[^A-Za-z0-9_./&+-]")
# Words without `$` that mail programs act upon (or, for NIL, that parsers trip over); `$` itself is never kept.
_TAKEN = frozenset(
    {"nonjunk", "notjunk", "junk", "junkrecorded", "phishing", "forwarded", "redirected", "mdnsent", "submitted"}
    | {"answered", "deleted", "draft", "flagged", "recent", "seen", "important", "old", "nil"}
)


def keyword_names(names: Mapping[str, str]) -> dict[str, str]:
    """Return a keyword for each label, given the label names by id.

    A name that is a keyword already stays (`Work/Projects`); blanks become `_` and accents fall away. A name that
    loses more than that, is too long, is a word with a meaning of its own or equals another one but for case gets
    eight hex digits of its hash. The same names give the same keywords, whatever their order.
    """
    taken = set(_TAKEN)
    found: dict[str, str] = {}
    for label_id in sorted(names, key=lambda key: (_readable(names[key]) != names[key], id_order(key))):
        word = next(w for w in _spellings(names[label_id]) if w.lower() not in taken)
        taken.add(word.lower())
        found[label_id] = word
    return found


def id_order(label_id: str) -> tuple[int, str]:
    """Order label ids by length, then text: `Label_2` comes before `Label_10`, so the older label comes first."""
    return len(label_id), label_id


def _spellings(name: str) -> Iterator[str]:
    plain = _readable(name)
    if len(plain) <= MAX_BYTES and not _loses_letters(name):
        yield plain
    stem = plain[: MAX_BYTES - 9].strip("_./&+-") or "label"
    for turn in count():
        yield f"{stem}_{hashlib.blake2b(name.encode(errors='replace'), digest_size=4, salt=b'%d' % turn).hexdigest()}"


def _readable(name: str) -> str:
    """Return `name` in the characters every server takes; what has no such spelling becomes `_`."""
    return _SPELLABLE.sub("_", _without_accents(name))


def _loses_letters(name: str) -> bool:
    spelled = re.sub(r"\s", "_", _without_accents(name))
    return bool(_SPELLABLE.search(spelled)) or not any(c.isalnum() for c in spelled)


def _without_accents(name: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
