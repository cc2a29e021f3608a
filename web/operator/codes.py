"""Codes on paper: those of recovery, for who has lost the second factor, and those by which somebody enrols.

They are so many random bits that a plain hash of them can be kept: nobody guesses them, there is nothing to slow down.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Iterable

RECOVERY_CODES = 10

_RECOVERY_BYTES, _ENROLMENT_BYTES = 10, 20
_GROUP = 4


def new_recovery_codes() -> tuple[str, ...]:
    """Return ten new codes of 80 bits, to be shown once."""
    return tuple(_new(_RECOVERY_BYTES) for _ in range(RECOVERY_CODES))


def new_enrolment_code() -> str:
    """Return a new code of 160 bits, to be shown once."""
    return _new(_ENROLMENT_BYTES)


def digest_of(code: str) -> str:
    """Return the SHA-256 of a code, in hex, however it was typed: blanks, dashes and capitals do not count."""
    return hashlib.sha256("".join(code.replace("-", "").split()).upper().encode()).hexdigest()


def without(digests: Iterable[str], code: str) -> tuple[str, ...] | None:
    """Return the digests that are left when a code is used; None where it is none of them."""
    known, digest = tuple(digests), digest_of(code)
    left = tuple(one for one in known if not hmac.compare_digest(one, digest))
    return left if len(left) < len(known) else None


def _new(size: int) -> str:
    text = base64.b32encode(os.urandom(size)).decode()
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP)).lower()
