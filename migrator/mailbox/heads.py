r"""What stands before a message in APPEND: flags, date, size; written only from what we know to be valid.

A server that finds an APPEND line invalid may go on reading where the mail begins, as commands: Dovecot 2.3 does so
for an unknown `\Flag` or a bad date sent with LITERAL+. So nothing unchecked ever stands in such a line.
"""

import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime

from .values import Item

_SYSTEM_FLAGS = frozenset({"\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"})
# An atom (RFC 9051 §9) of at most 50 bytes, Dovecot's limit; `]` is an atom's character, but not Dovecot's.
_KEYWORD = re.compile(r"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]{1,50}")
_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_SECOND_DAY = 86_400  # 2 January 1970: earlier dates wrap or become "now" on some servers


def check(flags: Iterable[str]) -> None:
    """Raise ValueError unless each is a system flag a client may set, or a keyword (RFC 9051 §2.3.2)."""
    for flag in flags:
        if flag not in _SYSTEM_FLAGS and not _KEYWORD.fullmatch(flag):
            raise ValueError("not a flag or keyword")


def is_keyword(flag: str) -> bool:
    """Whether it is a keyword and not a system flag."""
    return not flag.startswith("\\")


def before_literal(item: Item, flags: Iterable[str]) -> bytes:
    """Return ` (flags) "date" ` for one message of an APPEND (RFC 9051 §6.3.12)."""
    return b' (%b) "%b" ' % (" ".join(flags).encode("ascii"), internal_date(item.date))


def internal_date(milliseconds: int) -> bytes:
    """Return a time since the epoch as a date-time in UTC, kept within 2 January 1970 and now.

    Outside of that servers change it without a word: Dovecot makes a day ahead "now" and 1960 2096.
    """
    seconds = min(max(milliseconds // 1000, _SECOND_DAY), int(time.time()))
    at = datetime.fromtimestamp(seconds, UTC)
    month = _MONTHS[at.month - 1]
    return b"%02d-%b-%04d %02d:%02d:%02d +0000" % (at.day, month, at.year, at.hour, at.minute, at.second)
