"""What the tests of consent are made of: the stores of an installation, its configuration, and customers who press."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from engine import ADDRESS, pressed
from redis import Redis
from stand_in import Google
from vaults import make_keys

from app.config import Config
from app.embedded import start
from app.stores import Stores, StoreUrls
from oauth import pending
from oauth.grant import SCOPE
from oauth.pending import Pending, Purpose

REDIRECT = "http://127.0.0.1:1/consent/return"
SESSION = "a session's secret"
METADATA = "https://www.googleapis.com/auth/gmail.metadata"
OTHER_SCOPES = {"subset": ["openid"], "another": [METADATA], "superset": [SCOPE, METADATA]}

Consented = tuple[Pending, str]


@contextmanager
def stores_in(folder: Path) -> Iterator[Stores]:
    """Give the stores of an installation: two servers of their own, one master key."""
    make_keys(folder)
    with start(folder / "redis") as state, start(folder / "keys", persistent=False) as keys:
        stores = Stores(StoreUrls(state.url, state.broker_url, keys.url), folder / "master.key")
        for store in (stores.state, stores.keys):
            store.config_set("rdbcompression", "no")  # DUMP hides in compressed values what is searched for
        yield stores
        stores.state.close()
        stores.keys.close()


def emptied(stores: Stores) -> Stores:
    """Return running stores with nothing in them."""
    stores.state.flushall()
    stores.keys.flushall()
    return stores


def config_for(google: Google, stores: Stores, folder: Path, **sections: dict[str, object]) -> Config:
    """Return a configuration that has the stand-in for Google."""
    (folder / "client-secret").write_text("demo-secret")
    rows: dict[str, dict[str, object]] = {
        "google": {
            "client_id": "demo-client",
            "client_secret_file": folder / "client-secret",
            "profile": "off",
            "api": google.url,
            "auth_uri": f"{google.url}/o/oauth2/v2/auth",
            "token_uri": f"{google.url}/token",
            "revoke_uri": f"{google.url}/revoke",
        },
        "store": {
            "url": stores.urls.state,
            "broker_url": stores.urls.broker,
            "keys_url": stores.urls.keys,
            "master_key_file": stores.master_key_file,
        },
    }
    return Config.model_validate({**rows, **sections})


def consented(
    google: Google,
    config: Config,
    stores: Stores,
    purpose: Purpose,
    *,
    decision: str = "allow",
    account: str = ADDRESS,
    change: Callable[[str], str] = str,
) -> Consented:
    """Have a customer consent; return what `connect` takes. `change` alters the URL he is sent to."""
    url = pending.begin(stores.keys, stores.vault, config.client, REDIRECT, SESSION, purpose)
    answer = pressed(google, change(url), decision, account)
    return pending.take(stores.keys, stores.vault, SESSION, answer), answer


def code_in(answer: str) -> str:
    """Return the authorization code in an answer of Google's."""
    return parse_qs(urlsplit(answer).query)["code"][0]


def grants(google: Google) -> list[dict[str, object]]:
    """Return the grants that are alive at the stand-in."""
    rows: list[dict[str, object]] = google.control("grants")["grants"]
    return rows


def names(stores: Stores) -> set[str]:
    """Return the names of all keys of both stores, but those of the audit log, quota, counts and a refused client."""
    found = {name.decode() for store in (stores.state, stores.keys) for name in store.scan_iter()}
    return {name for name in found if not name.startswith(("audit:", "quota:", "used:", "flow:", "google:"))}


def everything(store: Redis) -> bytes:
    """Return every name and value of a store of `stores_in`, as they lie there."""
    return b"".join(name + (store.dump(name) or b"") for name in store.scan_iter())
