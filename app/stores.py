"""Where a process finds its stores: Redis by URL, or the embedded servers, started here or joined."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import click
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from app import embedded
from app.config import Store
from app.storeurls import StoreUrls, configured_urls
from app.storeusers import Role
from jobs.broker import Sender, make_sender, open_state
from jobs.reach import open_store, open_store_async
from oauth.errors import MasterKeyUnusable, WorkersKeyUnusable
from oauth.keyring import KeyRing, add_key
from oauth.keystores import KeyStores
from oauth.vault import Vault, WorkersVault
from oauth.workerskeys import WorkersKeys, WorkersPublicKey, add_pair

__all__ = ["StoreUrls", "Stores", "connect", "connect_async", "open_stores", "urls_of"]

_TIMEOUT = 60
"""Seconds: an AOF fsync or a fork may stall Redis; redis-py's 5 s would lose answers (Dramatiq #894)."""


@dataclass(frozen=True)
class Stores:
    """The stores a process works with, and the files of the master keys and of the workers'.

    Where these are not named, they are beside the master keys.
    """

    urls: StoreUrls
    master_key_file: Path
    workers_key_file: Path | None = None
    workers_public_key_file: Path | None = None
    hurried: bool = False
    """People wait for the answers: a store that gives none within seconds is given up."""
    embedded: Path | None = None
    """The folder of embedded stores."""

    def as_role(self, role: Role) -> "Stores":
        """Return the same stores for work of one role, which may do what that needs; configured ones as they are."""
        urls = _joined(self.embedded, role) if self.embedded else None
        return replace(self, urls=urls or self.urls)

    def for_pages(self) -> "Stores":
        """Return the same stores for a server whose pages people wait for."""
        return replace(self, hurried=True)

    @cached_property
    def state(self) -> Redis:
        """A client of the state store."""
        return self._client(self.urls.state)

    @cached_property
    def sender(self) -> Sender:
        """Sends messages to the broker."""
        return make_sender(self.urls.broker)

    @cached_property
    def keys(self) -> Redis:
        """A client of the key store that takes new keys."""
        return self._client(self.urls.keys)

    @cached_property
    def keystores(self) -> KeyStores:
        """All key stores, that one first."""
        older = {name: self._client(url) for name, url in list(self.urls.key_stores.items())[1:]}
        return KeyStores({next(iter(self.urls.key_stores)): self.keys, **older}, self.state)

    def _client(self, url: str) -> Redis:
        return open_state(url) if self.hurried else connect(url)

    @cached_property
    def vault(self) -> Vault:
        """The keys of all migrations, for sealing; raises `WorkersKeyUnusable` without the workers' public key."""
        return Vault(self.keystores, KeyRing.read(self.master_key_file), self._workers_public)

    @cached_property
    def opening_vault(self) -> WorkersVault:
        """The same for opening; raises `WorkersKeyUnusable` where the workers' private keys cannot be read."""
        return WorkersVault(self.keystores, KeyRing.read(self.master_key_file), WorkersKeys.read(self._private_file))

    @property
    def _workers_public(self) -> WorkersPublicKey:
        """Read from the private file where that can be read: what is sealed is never for another key than is had."""
        if os.access(self._private_file, os.R_OK):
            return WorkersKeys.read(self._private_file).public
        return WorkersPublicKey.read(self.workers_public_key_file or self.master_key_file.with_name("workers.pub"))

    @property
    def _private_file(self) -> Path:
        return self.workers_key_file or self.master_key_file.with_name("workers.key")


def connect(url: str) -> Redis:
    """Return a client; importing or making one opens no connection."""
    return open_store(url, _TIMEOUT, health_check_interval=30)


def connect_async(url: str) -> AsyncRedis:
    """Return a client for use in an event loop; it closes its connections as a context manager."""
    return open_store_async(url, _TIMEOUT, health_check_interval=30)


@contextmanager
def open_stores(store: Store, role: Role = "admin") -> Iterator[Stores]:
    """Use the configured Redis; without one, join the embedded servers of the folder or start them.

    Args:
        store: the configuration of the stores.
        role: as whom embedded stores are used; a configured one says it in its URL or password file.

    Raises:
        click.ClickException: a URL is missing, or a server cannot be started; the text says what to do.
    """
    with ExitStack() as stack:
        urls = urls_of(store)
        if urls is None:
            store.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            urls = _started(store.directory, stack)
        folder = None if store.url else store.directory
        stores = Stores(urls, _master_key(store), *_workers_keys(store), embedded=folder)
        yield stores.as_role(role)


def urls_of(store: Store, role: Role = "admin") -> StoreUrls | None:
    """Return where the stores are, starting none; None where they are embedded and do not run.

    Raises:
        click.ClickException: a URL is missing.
    """
    return configured_urls(store) if store.url else _joined(store.directory, role)


def _joined(directory: Path, role: Role) -> StoreUrls | None:
    state = embedded.address_of_running(directory / "redis", role)
    keys = embedded.address_of_running(directory / "keys", role)
    if state is None or keys is None:
        return None
    return StoreUrls(state, state.replace("?db=0", "?db=1"), keys, embedded=True)


def _started(directory: Path, stack: ExitStack) -> StoreUrls:
    try:
        state = stack.enter_context(embedded.start(directory / "redis"))
        keys = stack.enter_context(embedded.start(directory / "keys", persistent=False))
    except embedded.EmbeddedStoreError as error:
        raise click.ClickException(str(error)) from None
    return StoreUrls(state.url, state.broker_url, keys.url, embedded=True)


def _master_key(store: Store) -> Path:
    """Return the file of master keys that can be read; the embedded set-up makes one at its first start."""
    path = store.master_key_path
    if store.master_key_file is None and not path.exists():
        add_key(path)
    try:
        KeyRing.read(path)
    except MasterKeyUnusable:
        raise click.ClickException(
            f"store.master_key_file: {path} must hold lines of an id and a key. Make it: migrator master-key add {path}"
        ) from None
    return path


def _workers_keys(store: Store) -> tuple[Path, Path]:
    """Return the files of the workers' private keys and of the public one; our own are made at the first start.

    One of them is enough, and which one says what this process can do.
    """
    private, public = store.workers_key_path, store.workers_public_key_path
    if store.makes_workers_keys and not (private.exists() or public.exists()):
        add_pair(private, public)
    try:
        WorkersKeys.read(private) if os.access(private, os.R_OK) else WorkersPublicKey.read(public)
    except WorkersKeyUnusable:
        raise click.ClickException(
            f"store.workers_key_file: a worker needs {private}, all else {public}. Make both: migrator workers-key add"
        ) from None
    return private, public
