r"""Folder names that every server takes: what is replaced, how long a name may be, which names look alike.

`safe_level` replaces only what no server can hold or what would change meaning; it is always applied. `spellings` are
for a server that refused the first one: `stricter` (Cyrus takes no `{}<>!;=,"\%`, Courier no character beyond the BMP),
flat where folders cannot lie below others, with a suffix where the name itself cannot be had, and `in_ascii` where
letters of other scripts are refused. All are pure and look at one name alone, so that every run spells a label the
same way.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from itertools import count

# Bytes of a whole name, encoded. Maildir++ keeps it as one file name of at most 255 bytes, Dovecot in modified UTF-7,
# Courier in UTF-8; every ASCII label (Gmail: 225 characters) still fits below the prefix `INBOX.` with a suffix.
MAX_NAME = 240
# Bytes a shortened level needs at least: hash, suffix and a few letters.
MIN_LEVEL = 40

_NOT_ASCII = re.compile(r"[^\x20-\x7e]+")
_STRICT = re.compile(r"[!-,./:-@\[-^`{-~]|[^\0-\uffff](?:[^\0-\uffff]|\u200d|\ufe0f)*")
_NOT_PLAIN = re.compile(r"[^0-9A-Za-z _-]+")
# Names that mail stores keep for themselves. Dovecot 2.3 refuses `..`, `new cur tmp`, `dbox-Mails` and a leading `~`;
# with LAYOUT=fs it breaks on its own files (`dovecot-uidlist`) and never lists a folder `subscriptions`.
_RESERVED = re.compile(r"\.{1,2}|new|cur|tmp|dbox-Mails|subscriptions|dovecot[.-].*|~.*", re.DOTALL)


def encoded_length(name: str) -> int:
    """Return how many bytes `name` takes in modified UTF-7 (RFC 3501 §5.1.3; `&` takes two) or UTF-8, the larger."""
    shifted = sum(2 + -(-len(run.encode("utf-16-be")) * 4 // 3) for run in _NOT_ASCII.findall(name))
    in_utf7 = shifted + len(_NOT_ASCII.sub("", name)) + name.count("&")
    return max(in_utf7, len(name.encode()))


def twin_key(name: str) -> str:
    """Return what two names share that differ by case, Unicode form, blanks at the ends or invisible characters."""
    visible = "".join(c for c in name if unicodedata.category(c) != "Cf")
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", visible).casefold()).strip()


def mark_for(delimiter: str) -> str:
    """Return the character that stands for a replaced one."""
    return "-" if delimiter == "_" else "_"


def safe_level(level: str, delimiter: str) -> str:
    """Return one level of a name with what no server can hold replaced: control characters, the delimiter, nothing.

    The result is in NFC (RFC 9051 §5.1 asks for Net-Unicode). Names that mail stores keep for themselves get a mark
    in front; an empty or invisible level becomes the mark alone.
    """
    mark = mark_for(delimiter)
    text = "".join(mark if _unstorable(c, delimiter) else c for c in unicodedata.normalize("NFC", level))
    if not twin_key(text):
        return mark
    return mark + text if _RESERVED.fullmatch(text) else text


def shortened(level: str, suffix: str, room: int, source: str) -> str:
    """Return `level` cut to `room` encoded bytes (`MIN_LEVEL` or more), a hash of `source` and `suffix` included."""
    tail = f"-{_hash(source)}{suffix}"
    stems = (level[:end].rstrip("\u200d \u00a0") for end in range(len(level), -1, -1))
    return next(stem + tail for stem in stems if not stem or encoded_length(stem + tail) <= room)


def suffixes(word: str) -> Iterator[str]:
    """Yield what is put behind a name until it is free: nothing, then `word` in parentheses, then with numbers."""
    yield from ("", f" ({word})")
    yield from (f" ({word} {turn})" for turn in count(2))


def spellings(name: str, delimiter: str, prefix: str, word: str) -> list[str]:
    """Return a full folder name and what to try where it cannot be had, in order, each once.

    Stricter; flat, its levels joined; with a suffix of `word`; and, where there is no prefix, flat below INBOX: that is
    all that some servers leave to their users. At last the same in ASCII.
    """
    below = name.removeprefix(prefix)
    flat = below.replace(delimiter, mark_for(delimiter)) if delimiter else below
    inside = [f"INBOX{delimiter}"] if delimiter and not prefix else []
    tried = [name, prefix + flat, prefix + _suffixed(flat, f" ({word})", prefix, name), *(top + flat for top in inside)]
    each = (one for plain in tried for one in (plain, stricter(plain, delimiter, prefix)))
    last = (in_ascii(flat, mark_for(delimiter), top) for top in (prefix, *inside))
    return list(dict.fromkeys((*each, *last)))


def _suffixed(text: str, suffix: str, prefix: str, source: str) -> str:
    room = max(MIN_LEVEL, MAX_NAME - encoded_length(prefix))
    whole = text.rstrip() + suffix
    return whole if encoded_length(whole) <= room else shortened(text, suffix, room, source)


def stricter(name: str, delimiter: str, prefix: str = "") -> str:
    """Return the second spelling of a full folder name: no ASCII punctuation but `-` and `_`, nothing beyond the BMP.

    A level that changes gets eight hex digits of its hash, so that `a!b` and `a?b` stay apart; a child follows its
    parent, because each level is spelled by itself. A name with nothing to change comes back as it was.
    """
    below = name.removeprefix(prefix)
    levels = below.split(delimiter) if delimiter else [below]
    strict = prefix + delimiter.join(_strict_level(level, delimiter) for level in levels)
    if encoded_length(strict) <= MAX_NAME:
        return strict
    last = _STRICT.sub(mark_for(delimiter), levels[-1])
    return prefix + shortened(last, "", max(MIN_LEVEL, MAX_NAME - encoded_length(prefix) - 1), name)


def in_ascii(level: str, mark: str, prefix: str = "") -> str:
    """Return the last spelling of a level: ASCII letters and digits, accents left out, with `prefix` in front.

    A level that changes gets eight hex digits of its hash, which may be all that is left of it.
    """
    letters = "".join(c for c in unicodedata.normalize("NFKD", level) if not unicodedata.combining(c))
    plain = _NOT_PLAIN.sub(mark, letters).strip()
    if plain == level:
        return prefix + level
    return prefix + shortened(plain, "", max(MIN_LEVEL, MAX_NAME - encoded_length(prefix)), level)


def _strict_level(level: str, delimiter: str) -> str:
    plain = _STRICT.sub(mark_for(delimiter), level).strip()
    return level if plain == level else f"{plain}-{_hash(level)}"


def _unstorable(char: str, delimiter: str) -> bool:
    """Tell control characters, lone surrogates, line separators, noncharacters and the delimiter."""
    code = ord(char)
    noncharacter = (code & 0xFFFE) == 0xFFFE or 0xFDD0 <= code <= 0xFDEF  # noqa: PLR2004 - Unicode §23.7
    return char == delimiter or noncharacter or unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=4).hexdigest()
