"""The configured stores as URLs that hold all it takes to reach them: passwords and authorities come from files."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import click

from app.config import Store
from jobs.reach import sentinels_of

_PORT = 6379


@dataclass(frozen=True)
class StoreUrls:
    """The three stores: state and ledger, the message broker, the key store that never persists.

    `draining`: further key stores, which hold keys of imports that began before. `embedded`: they are servers of ours.
    """

    state: str = field(repr=False)
    broker: str = field(repr=False)
    keys: str = field(repr=False)
    draining: tuple[str, ...] = field(default=(), repr=False)
    embedded: bool = False

    @property
    def key_stores(self) -> dict[str, str]:
        """The key stores' URLs by name, the one for new keys first."""
        if self.embedded:
            return {"embedded": self.keys}
        return {name_of(url): url for url in (self.keys, *self.draining)}


def configured_urls(store: Store) -> StoreUrls:
    """Return the URLs of the stores that the configuration names.

    Raises:
        click.ClickException: one is missing or is none, or a password's file cannot be read.
    """
    if not (store.broker_url and store.keys_urls):
        raise click.ClickException(
            "store.url is set, so store.broker_url and store.keys_url are needed too: the broker in a database of its "
            'own, the keys in a server that never persists (save "", appendonly no).'
        )
    state, keys, sentinel = store.password, store.keys_password, store.sentinel_password
    first, *draining = (_completed("keys_url", url, store.ca_file, keys, "") for url in store.keys_urls)
    urls = StoreUrls(
        _completed("url", store.url, store.ca_file, state, sentinel),
        _completed("broker_url", store.broker_url, store.ca_file, state, sentinel),
        first,
        tuple(draining),
    )
    if any(sentinels_of(url) for url in (first, *draining)):
        raise click.ClickException(
            "store.keys_url: the key store is one server without replicas. A key that is destroyed must be so in every "
            "copy; where the server is lost, customers connect again."
        )
    if len(urls.key_stores) < len(store.keys_urls):
        raise click.ClickException("store.keys_url names a store twice.")
    return urls


def name_of(url: str) -> str:
    """Return what a store is called: its host, port and database, or its socket; never a user or a password."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return f"{unquote(parts.path)}/{dict(parse_qsl(parts.query)).get('db', '0')}"
    database = parts.path.strip("/") or dict(parse_qsl(parts.query)).get("db", "0")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or _PORT}/{database}"


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
