"""Bearer tokens Dovecot can check by itself (RFC 7519, HS256): OAuth without any network."""

import base64
import hashlib
import hmac
import json
import time

KEY = b"a key for tests"
ISSUER = "test-issuer"


def token(user: str, *, seconds: int = 300) -> str:
    """Return a token for `user` that ends in so many seconds; negative: it ended."""
    now = int(time.time())
    claims = {"iss": ISSUER, "sub": user, "email": user, "iat": now - 600, "exp": now + seconds}
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{signed}.{_base64url(hmac.digest(KEY, signed.encode(), hashlib.sha256))}"


def _part(value: dict[str, object]) -> str:
    return _base64url(json.dumps(value).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
