"""Consents begun and not yet answered: kept on the server, for ten minutes, for one answer of one session.

Verifier and state lie in the key store, which never persists, wrapped by the master key; the browser carries the state
alone. They belong to the session that began them, so that nobody's consent ends in somebody else's import
(RFC 9700 §4.7, login CSRF), and to one purpose, which the answer cannot change.
"""

import hashlib
import hmac
import json
from dataclasses import asdict, dataclass, field
from typing import Any, cast

from oauth import consent
from oauth.consent import Consent
from oauth.errors import ConsentNotOurs, SealBroken
from oauth.grant import Client
from oauth.keystores import Keys
from oauth.vault import Vault

_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a consent is for.

    Attributes:
        migration: the id of a migration, new or waiting for a new grant.
        reconnect: it exists and waits.
        expected: the Gmail address the customer named; empty when any will do.
    """

    migration: str
    reconnect: bool = False
    expected: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Pending:
    """A consent that was begun, and what for."""

    consent: Consent
    purpose: Purpose


def begin(keys: Keys, vault: Vault, client: Client, redirect_uri: str, session: str, purpose: Purpose) -> str:
    """Begin a consent and return the URL at Google to send the customer to.

    Args:
        keys: the key stores.
        vault: wraps what is kept.
        client: the host's OAuth client.
        redirect_uri: where Google sends the browser back to.
        session: the secret of the customer's session; its digest is kept.
        purpose: what the grant will be for.
    """
    begun = consent.begin(client, redirect_uri)
    name = _name(begun.state)
    row = {"session": _digest(session), "consent": asdict(begun), "purpose": asdict(purpose)}
    keys.set(name, vault.wrap(name, json.dumps(row).encode()), ex=_SECONDS)
    return begun.url


def take(keys: Keys, vault: Vault, session: str, answer_url: str) -> Pending:
    """Return the consent that a URL answers, which is waited for no longer, whoever asked.

    Raises:
        ConsentNotOurs: unknown, answered before, run out, or begun by another session.
    """
    state = consent.state_of(answer_url)
    name = _name(state)
    row = _opened(vault, name, cast("bytes | None", keys.getdel(name)))
    begun = Consent(**row["consent"])
    ours = hmac.compare_digest(str(row["session"]), _digest(session))
    if not (consent.is_for(answer_url, begun.state) and ours):
        raise ConsentNotOurs
    return Pending(begun, Purpose(**row["purpose"]))


def _opened(vault: Vault, name: str, wrapped: bytes | None) -> dict[str, Any]:
    if wrapped is None:
        raise ConsentNotOurs
    try:
        row: dict[str, Any] = json.loads(vault.unwrap(name, wrapped))
    except SealBroken:  # the master key it was wrapped by is gone
        raise ConsentNotOurs from None
    return row


def _name(state: str) -> str:
    return f"consent:{_digest(state)}"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
