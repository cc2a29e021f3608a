"""Keys and files: there, readable, whole, and for one user's eyes."""

import stat
from collections.abc import Iterator
from pathlib import Path

from app.checks.finding import Finding, bad, ok, warn
from app.config import Config
from migrator.signingkeys import KeyUnusable, SigningKey
from oauth.errors import MasterKeyUnusable, WorkersKeyUnusable
from oauth.keyring import KeyRing
from oauth.workerskeys import WorkersKeys, WorkersPublicKey

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_PROVIDED = Path("/run")
"""Where systemd and Docker put what they hand to one service alone; who may read it there is theirs to say."""

_KEEP = "Start a worker, then keep a copy of it elsewhere."


def files(config: Config) -> Iterator[Finding]:
    """Look at every file that holds a secret."""
    yield from _master_key(config)
    yield from _workers_key(config)
    yield from _receipt_key(config)
    for setting, path in secret_files(config):
        yield from _secret(setting, path)
    yield from _folder(config)


def secret_files(config: Config) -> Iterator[tuple[str, Path]]:
    """Give the files with secrets that the configuration names, by setting; the two keys are others."""
    named = {
        "google.client_secret_file": config.google.client_secret_path,
        "store.password_file": config.store.password_file,
        "store.keys_password_file": config.store.keys_password_file,
        "store.sentinel_password_file": config.store.sentinel_password_file,
        "panel.secret_key_file": config.panel.secret_key_file,
        "panel.master_password_file": config.panel.master_password_file,
        "console.sso.client_secret_file": config.console.sso.client_secret_file,
        "hook.secret_file": config.hook.secret_file,
    }
    return ((setting, path) for setting, path in named.items() if path)


def _master_key(config: Config) -> Iterator[Finding]:
    path, name = config.store.master_key_path, "master key"
    make = f"Put it back from its backup; a new installation makes one: migrator master-key add {path}"
    if not path.exists():
        if config.store.master_key_file is None:
            yield warn(name, f"{path} is made at the first start", _KEEP)
        else:
            yield bad(name, f"{path} is not there", make)
        return
    try:
        count = len(KeyRing.read(path).pseudonyms(""))
    except MasterKeyUnusable:
        yield bad(name, f"{path} cannot be read, or is no file of master keys", make)
        return
    yield from _for_one_user(name, path, f"{count} key{'s' if count > 1 else ''}, the first line's wraps")


def _workers_key(config: Config) -> Iterator[Finding]:
    """Look at the files of the workers' keys: a worker has the private one, all else the public one alone."""
    store, name = config.store, "workers' key"
    private, public = store.workers_key_path, store.workers_public_key_path
    make = f"Put it back from its backup; a new installation makes both: migrator workers-key add {private} {public}"
    if not private.exists() and not public.exists():
        if store.makes_workers_keys:
            yield warn(name, f"{private} is made at the first start", _KEEP)
        else:
            yield bad(name, f"neither {private} nor {public} is there", make)
        return
    try:
        own = WorkersKeys.read(private).public if private.exists() else None
        given = WorkersPublicKey.read(public) if public.exists() else own
    except WorkersKeyUnusable:
        yield bad(name, f"{private} or {public} cannot be read, or is no file of the workers' keys", make)
        return
    if own is None:
        yield ok(name, "seals to the workers; only they open")
    elif own != given:
        yield bad(name, f"{public} is not the public half of the first line of {private}", "Make a new pair: " + make)
    else:
        yield from _for_one_user(name, private, "opens what is sealed for imports")


def _receipt_key(config: Config) -> Iterator[Finding]:
    path, name = config.receipt_key_path, "receipt key"
    make = f"Put it back from its backup; a new one: openssl genpkey -algorithm ed25519 -out {path}"
    if not path.exists():
        if config.receipts.signing_key_file is None:
            yield warn(name, f"{path} is made at the first start", _KEEP)
        else:
            yield bad(name, f"{path} is not there", make)
        return
    try:
        SigningKey.read(path)
    except (KeyUnusable, OSError):
        yield bad(name, f"{path} cannot be read, or is no Ed25519 key", make)
        return
    yield from _for_one_user(name, path, "signs")


def _secret(setting: str, path: Path) -> Iterator[Finding]:
    try:
        empty = not path.read_bytes().strip()
    except OSError as error:
        yield bad(setting, f"{path}: {error.strerror}", f"Put the file there, readable by the service's user: {path}")
        return
    if empty:
        yield bad(setting, f"{path} is empty", "Write the secret into it, and nothing else.")
    else:
        yield from _for_one_user(setting, path, "there")


def _for_one_user(name: str, path: Path, found: str) -> Iterator[Finding]:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & _OTHERS and not path.resolve().is_relative_to(_PROVIDED):
        yield bad(name, f"other users may read or change it ({mode:04o})", f"chmod 600 {path}")
    else:
        yield ok(name, found)


def _folder(config: Config) -> Iterator[Finding]:
    """The folder of the embedded stores; without it, of the state of others nothing is said here."""
    folder, name = config.store.directory, "store.directory"
    if config.store.url or not folder.exists():
        return
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & _OTHERS:
        yield bad(name, f"other users may look into it ({mode:04o})", f"chmod 700 {folder}")
    else:
        yield ok(name, "closed to other users")
