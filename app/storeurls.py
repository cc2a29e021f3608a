"""The configured stores as URLs that hold all it takes to reach them: passwords and authorities come from files."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import click

from app.config import Store
from jobs.reach import sentinels_of


@dataclass(frozen=True)
class StoreUrls:
    """The three stores: state and ledger, the message broker, the key store that never persists."""

    state: str = field(repr=False)
    broker: str = field(repr=False)
    keys: str = field(repr=False)


def configured_urls(store: Store) -> StoreUrls:
    """Return the URLs of the stores that the configuration names.

    Raises:
        click.ClickException: one is missing or is none, or a password's file cannot be read.
    """
    if not (store.broker_url and store.keys_url):
        raise click.ClickException(
            "store.url is set, so store.broker_url and store.keys_url are needed too: the broker in a database of its "
            'own, the keys in a server that never persists (save "", appendonly no).'
        )
    state, keys, sentinel = store.password, store.keys_password, store.sentinel_password
    urls = StoreUrls(
        _completed("url", store.url, store.ca_file, state, sentinel),
        _completed("broker_url", store.broker_url, store.ca_file, state, sentinel),
        _completed("keys_url", store.keys_url, store.ca_file, keys, ""),
    )
    if sentinels_of(urls.keys):
        raise click.ClickException(
            "store.keys_url: the key store is one server without replicas. A key that is destroyed must be so in every "
            "copy; where the server is lost, customers connect again."
        )
    return urls


def keeper_url(store: Store, password: str) -> str:
    """Return the configured state store's URL for the audit log's keeper; `password` is `user:password`.

    Raises:
        click.ClickException: the URL is none, or a password's file cannot be read.
    """
    return _completed("url", store.url, store.ca_file, password, store.sentinel_password)


def _completed(setting: str, url: str, ca_file: Path | None, password: str, sentinel_password: str) -> str:
    parts = urlsplit(url)
    told = dict(parse_qsl(parts.query))
    user, _, password = password.rpartition(":") if not (parts.username or "username" in told) else ("", "", password)
    more = {
        "username": user,
        "password": "" if parts.password else password,
        "ssl_ca_certs": str(ca_file) if ca_file and parts.scheme.startswith("rediss") else "",
        "sentinel_password": sentinel_password if parts.scheme.endswith("+sentinel") else "",
    }
    query = urlencode({**{name: value for name, value in more.items() if value}, **told})
    completed = f"{url.partition('?')[0]}?{query}"
    try:
        sentinels_of(completed)
    except ValueError:  # its text may hold a part of the URL
        raise click.ClickException(
            f"store.{setting} is no store's address: redis://host:6379/0, rediss:// for TLS, unix:///path?db=0, or "
            "redis+sentinel://host:26379,host:26379/service/0."
        ) from None
    return completed
