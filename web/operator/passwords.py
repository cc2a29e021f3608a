"""Passwords: Argon2id, and the same time for whoever asks, whether the name exists or not.

The parameters are those of OWASP's Password Storage Cheat Sheet: 19 MiB, two passes, one lane. How many are hashed at
once, the pool of the pages that ask for it bounds (`web.pools`).
"""

import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 1024
"""Characters of a password (NIST SP 800-63B-4 §3.1.1.2)."""

_FEWEST = 5
"""Different characters in one."""

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

_NOBODYS = _HASHER.hash("the password of nobody")
"""Verified where there is no account, so that the answer takes as long as where there is one."""


def problem_with(password: str, name: str) -> str:
    """Return a sentence on why a password cannot be taken, or nothing."""
    if len(password) < SHORTEST:
        return f"Take {SHORTEST} characters or more."
    if len(password) > LONGEST:
        return f"Take {LONGEST:,} characters at most."
    if name.lower() in password.lower() or len(set(password)) < _FEWEST:
        return "This password is too easy to guess: take another one, without your name in it."
    return ""


def hashed(password: str) -> str:
    """Return the hash to keep, which names its own parameters."""
    return _HASHER.hash(_normal(password))


def fits(known: str, password: str) -> bool:
    """Tell whether a password is the one of a hash; with no hash it is not, after the same time.

    No password at all is nobody's, whosever name stands beside it; that takes no time.
    """
    if not password:
        return False
    try:
        right = _HASHER.verify(known or _NOBODYS, _normal(password))
    except (VerificationError, InvalidHashError):
        return False
    return right and bool(known)


def is_outdated(known: str) -> bool:
    """Tell whether a hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(known)


def _normal(password: str) -> str:
    """One form for what keyboards send in several (NIST SP 800-63B-4 §3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)
