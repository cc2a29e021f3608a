"""Both addresses of an import, for the customer's eyes: sealed under the import's own key, so that they end with it."""

import json
from dataclasses import asdict

from app.stores import Stores
from oauth.errors import SealBroken
from oauth.vault import Safe
from web.doors import Addresses

_FIELD = "addresses"


def remember(stores: Stores, migration: str, addresses: Addresses) -> None:
    """Seal the addresses of an import; raises `SealBroken` when its key is lost."""
    _safe(stores, migration).seal(**{_FIELD: json.dumps(asdict(addresses)).encode()})


def addresses_of(stores: Stores, migration: str) -> Addresses | None:
    """Return the addresses of an import; None when its key is destroyed, as at its end, or lost."""
    try:
        return Addresses(**json.loads(_safe(stores, migration).open(_FIELD)))
    except SealBroken:
        return None


def _safe(stores: Stores, migration: str) -> Safe:
    return Safe(stores.state, migration, stores.vault.key(migration))
