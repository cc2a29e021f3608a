"""An intruder who holds a copy of the Redis folder and all files of keys, and tries everything to open the secrets."""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from promise.keys import master_keys
from promise.places import in_files, in_store
from redis import Redis
from vaults import vault_of

from app import embedded
from app.stores import connect
from oauth.errors import SealBroken
from oauth.vault import Safe

_KEY, _ENCAPSULATED, _TAG = 32, 32, 16
_SEALED_KEY = _ENCAPSULATED + _KEY + _TAG
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)

_WRITTEN_KEY = re.compile(rb"[0-9A-Fa-f]{64}|[A-Za-z0-9+/_-]{43}=?")
_LEAST_HIGH = 6
"""Of 32 random bytes at least so many have their high bit set, but for one in 17,000; of ASCII text none has."""

Secret = tuple[str, str]
"""A migration's id and the field's name."""


@dataclass(frozen=True)
class Loot:
    """What was stolen: the sealed values by migration and field, and every byte string there was."""

    sealed: dict[Secret, bytes] = field(repr=False)
    found: tuple[bytes, ...] = field(repr=False)


def loot(folder: Path) -> Loot:
    """Take a folder of the state store: start a server on it, read every value, and every file as it is."""
    files = [blob for _, blob in in_files(folder)]
    with embedded.start(folder) as store, connect(store.url) as state:
        values = [blob for _, blob in in_store("state", state)]
        return Loot(dict(_sealed(state)), tuple(dict.fromkeys([*files, *values])))


def _sealed(state: Any) -> Iterator[tuple[Secret, bytes]]:
    for name in state.scan_iter("mig:*:sealed"):
        migration = re.findall(r"\{(\w+)\}", name.decode())[0]
        for one, value in state.hgetall(name).items():
            yield (migration, one.decode()), value


def opened_as_the_product_does(folder: Path, keys: Redis, master: Path, ids: Iterable[str]) -> set[Secret]:
    """Return the secrets that the product's own code opens, with this folder of the state and this key store."""
    vault, opened = vault_of(keys, master), set()
    with embedded.start(folder) as store, connect(store.url) as state:
        for migration in ids:
            for name in ("grant", "mailbox"):
                try:
                    Safe(state, migration, vault.key(migration)).open(name)
                except SealBroken:
                    continue
                opened.add((migration, name))
    return opened


def opened_by_force(taken: Loot, sealed: dict[Secret, bytes], master: Path, public: frozenset[bytes]) -> set[Secret]:
    """Return the secrets that some byte string of the loot opens: as a key, or as a key sealed to the workers.

    Args:
        taken: the loot.
        sealed: the sealed values to open, from this loot or from an older one.
        master: the file of the master keys; that of the workers' lies beside it.
        public: the public halves of the migrations' keys, which tell a key quicker than a trial at each value does.
    """
    workers = dict(line.split() for line in master.with_name("workers.key").read_text().splitlines())
    own = {name: base64.b64decode(text) for name, text in workers.items()}
    found = {*_plain_keys(taken), *_unsealed(taken, sealed, own), *master_keys(master), *own.values()}
    keys = [key for key in found if _private(key).public_key().public_bytes_raw() in public]
    return {which for which, value in sealed.items() if any(_opened(key, value, "/".join(which)) for key in keys)}


def _private(key: bytes) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(key)


def _opened(key: bytes, value: bytes, label: str) -> bytes | None:
    try:
        return _SUITE.decrypt(value, _private(key), info=label.encode())
    except (InvalidTag, ValueError):
        return None


def _plain_keys(taken: Loot) -> Iterator[bytes]:
    """Yield every 32 bytes that may be a key, wherever they begin, and all that are written as text."""
    for blob in taken.found:
        yield from _random_windows(blob, _KEY)
        for written in _WRITTEN_KEY.findall(blob):
            yield from _read(written)


def _read(written: bytes) -> Iterator[bytes]:
    if len(written) == 2 * _KEY and not re.search(rb"[^0-9A-Fa-f]", written):
        yield binascii.unhexlify(written)
    else:
        yield base64.b64decode(written.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/")) + b"=")


def _unsealed(taken: Loot, sealed: dict[Secret, bytes], workers: dict[str, bytes]) -> Iterator[bytes]:
    """Yield every key that was sealed to the workers, for any of the migrations: it says to which of their keys."""
    labels = {f"key:{{{migration}}}" for migration, _ in sealed}
    for (name, private), blob in product(workers.items(), taken.found):
        for begin in re.finditer(re.escape(f"{name}:".encode()), blob):
            value = blob[begin.end() : begin.end() + _SEALED_KEY]
            tried = (_opened(private, value, f"{name}/{label}") for label in labels)
            yield from (key for key in tried if key is not None)


def _random_windows(blob: bytes, size: int) -> Iterator[bytes]:
    """Yield every `size` bytes that look random."""
    high = bytes(byte >> 7 for byte in blob)
    count = sum(high[:size])
    for at in range(len(blob) - size + 1):
        if count >= _LEAST_HIGH:
            yield blob[at : at + size]
        count += (high[at + size] if at + size < len(blob) else 0) - high[at]
