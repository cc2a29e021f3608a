"""The second factor: codes of six digits from a secret and the time (RFC 6238), each good once.

A code names a time step of 30 seconds. One step earlier or later is taken too, for clocks that differ and people who
type slowly; a step at or before the last one taken is not (§5.2).
"""

import hmac
from io import BytesIO

import segno
from pyotp import TOTP, random_base32

STEP_SECONDS = 30
_WINDOW = (-1, 0, 1)
_ISSUER = "Mail import console"


def new_secret() -> str:
    """Return a new secret: 160 bits in base 32 (RFC 4226 §4, R6)."""
    return random_base32(32)


def step_of(secret: str, code: str, now: float, last: int) -> int | None:
    """Return the time step that a code stands for, if it is near now and after the last one taken; else None."""
    return next((step for step in _steps_of(secret, code, now) if step > last), None)


def is_spent(secret: str, code: str, now: float, last: int) -> bool:
    """Tell whether a code was right, and is good no more: whoever sends it again guesses nothing by it."""
    return any(step <= last for step in _steps_of(secret, code, now))


def _steps_of(secret: str, code: str, now: float) -> list[int]:
    """Return the time steps near now that a code stands for."""
    given = "".join(code.split())
    about, made = int(now) // STEP_SECONDS, TOTP(secret)
    return [about + by for by in _WINDOW if hmac.compare_digest(made.generate_otp(about + by), _ascii(given))]


def address_of(secret: str, name: str) -> str:
    """Return what an authenticator is told by the picture (Google's Key URI Format)."""
    return TOTP(secret).provisioning_uri(name=name, issuer_name=_ISSUER)


def picture_of(address: str) -> bytes:
    """Return an address as a QR code: an SVG to stand inside a page, black on white whatever the page's colours."""
    drawn = BytesIO()
    code = segno.make(address, error="m", micro=False)
    code.save(drawn, kind="svg", xmldecl=False, svgns=False, nl=False, omitsize=True, light="#fff", svgclass=None)
    return drawn.getvalue()


def in_fours(secret: str) -> str:
    """Return a secret as one reads and types it."""
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def _ascii(text: str) -> str:
    """Let nothing but ASCII be compared: the comparison in constant time takes no other text."""
    return text if text.isascii() else ""
