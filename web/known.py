"""Browsers that are known: whoever signed in from one has tries of his own there, which nobody elsewhere can use up.

After a sign-in a browser is given a cookie that names it at random, for one account and for `KEPT_SECONDS`, under a
keyed hash (OWASP, "Slow Down Online Guessing Attacks with Device Cookies"). It signs nobody in, and nothing of it is
kept here: tries are counted by its name. For another account, or once that stands otherwise, it names nobody.
"""

import hmac
import re
import secrets
import time
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from oauth.vault import Vault

KEPT_SECONDS = 60 * 24 * 3600

_SHAPE = re.compile(r"([0-9a-f]{32})\.(\d{1,12})\.([0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class Known:
    """The known browsers of one site.

    Attributes:
        cookie: its name; the prefix `__Host-` has browsers refuse it from anybody else (RFC 6265bis §4.1.3.2).
        vault: makes the keyed hashes.
    """

    cookie: str
    vault: Vault

    def name_of(self, request: Request, account: str, now: float | None = None) -> str:
        """Return the name of a request's browser, empty where it is not known for an account.

        Args:
            request: the browser's.
            account: a text that is another once the browsers known so far shall be strangers.
            now: seconds since the epoch; the present when None.
        """
        found = _SHAPE.fullmatch(request.cookies.get(self.cookie, ""))
        if found is None:
            return ""
        name, ends, proof = found.groups()
        if not 0 < int(ends) - (time.time() if now is None else now) <= KEPT_SECONDS:
            return ""
        good = self.vault.pseudonyms(self._text(account, name, ends))
        return name if any(hmac.compare_digest(proof, one) for one in good) else ""

    def remember(self, answer: Response, account: str) -> Response:
        """Return an answer that makes its browser known for an account, under a new name."""
        name, ends = secrets.token_hex(16), str(int(time.time()) + KEPT_SECONDS)
        value = f"{name}.{ends}.{self.vault.pseudonyms(self._text(account, name, ends))[0]}"
        answer.set_cookie(
            self.cookie, value, max_age=KEPT_SECONDS, secure=True, httponly=True, samesite="strict", path="/"
        )
        return answer

    def _text(self, account: str, name: str, ends: str) -> str:
        return f"known browser\n{self.cookie}\n{name}\n{ends}\n{account}"
