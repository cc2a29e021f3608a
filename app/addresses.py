"""Both addresses of an import, for its customer's eyes, for as long as the import's keys are there.

They lie beside what is sealed for the import, under a small key of their own that opens nothing else
(`oauth.vault.Vault.shown_key`), and are opened anew for each page that shows them.
"""

import json
from dataclasses import asdict

from app.stores import Stores
from oauth.errors import SealBroken
from oauth.sealing import closed, opened
from oauth.vault import label_of, put, sealed_in
from web.doors import Addresses

_FIELD = "addresses"


def remember(stores: Stores, migration: str, addresses: Addresses) -> None:
    """Seal the addresses of an import; raises `SealBroken` when its keys are lost."""
    text = json.dumps(asdict(addresses)).encode()
    put(stores.state, migration, {_FIELD: closed(stores.vault.shown_key(migration), text, label_of(migration, _FIELD))})


def addresses_of(stores: Stores, migration: str) -> Addresses | None:
    """Return the addresses of an import; None when its keys are destroyed, as at its end, or lost."""
    try:
        sealed = sealed_in(stores.state, migration, _FIELD)
        return Addresses(**json.loads(opened(stores.vault.shown_key(migration), sealed, label_of(migration, _FIELD))))
    except SealBroken:
        return None
