"""Launches minted here for a panel that asks over the API: one code, one use, one minute, kept sealed.

For a host who rather calls than signs. The code travels as a signed launch does: by a form of the panel's page.
"""

import hashlib
import json
import secrets
import time
from dataclasses import asdict
from typing import cast

from oauth.errors import SealBroken
from oauth.keystores import Keys
from oauth.vault import Vault
from web.launch_token import LONGEST_SECONDS, Launch, LaunchRefused

_CODE_BYTES = 32


def mint(keys: Keys, vault: Vault, customer: str, mailbox: str, password: str | None = None) -> tuple[str, float]:
    """Return a code of 256 random bits for one launch, and when it ends (seconds since the epoch)."""
    code = secrets.token_urlsafe(_CODE_BYTES)
    ends = time.time() + LONGEST_SECONDS
    row = asdict(Launch(customer, mailbox, code, ends, password))
    del row["jti"]
    keys.set(_name(code), vault.wrap(_name(code), json.dumps(row).encode()), ex=LONGEST_SECONDS)
    return code, ends


def take(keys: Keys, vault: Vault, code: str) -> Launch:
    """Return the launch of a code, which is good no longer.

    Raises:
        LaunchRefused: unknown, used before, or run out.
    """
    wrapped = cast("bytes | None", keys.getdel(_name(code)))
    if wrapped is None:
        raise LaunchRefused("code-unknown")
    try:
        row = json.loads(vault.unwrap(_name(code), wrapped))
    except SealBroken:  # the master key it was wrapped by is gone
        raise LaunchRefused("code-unknown") from None
    return Launch(**row, jti=code)


def _name(code: str) -> str:
    return f"launch:{hashlib.sha256(code.encode()).hexdigest()}"
