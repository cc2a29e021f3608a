"""Keys and vaults for tests: those of an installation's files, and fixed ones."""

from pathlib import Path

from oauth.keyring import KeyRing, add_key
from oauth.keystores import Keys
from oauth.vault import WorkersVault
from oauth.workerskeys import WorkersKeys, add_pair

WORKERS = WorkersKeys({"w": b"w" * 32})


def make_keys(folder: Path) -> Path:
    """Make the files of an installation's keys in a folder; return that of the master keys."""
    add_pair(folder / "workers.key", folder / "workers.pub")
    add_key(folder / "master.key")
    return folder / "master.key"


def vault_of(keys: Keys, master: Path) -> WorkersVault:
    """Return a worker's vault, with the keys of these files."""
    return WorkersVault(keys, KeyRing.read(master), WorkersKeys.read(master.with_name("workers.key")))


def fixed_vault(keys: Keys, **master: bytes) -> WorkersVault:
    """Return a worker's vault with these master keys; `m` where none is given."""
    return WorkersVault(keys, KeyRing(master or {"m": b"m" * 32}), WORKERS)
