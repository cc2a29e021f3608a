"""The users of an embedded store: those of `deploy/redis`, with passwords of its own that its folder keeps."""

import hashlib
import json
import re
import secrets
from pathlib import Path
from typing import Literal

Role = Literal["admin", "worker", "web", "console", "keeper", "metrics"]

ACL_FILE = "users.acl"
_PASSWORDS_FILE = "users.json"
_TEXTS = Path(__file__).with_name("acl")
_HASH = re.compile(r"#([A-Z]+)_SHA256")


def write_users(directory: Path, store: Literal["state", "keys"]) -> None:
    """Write the users' file of a store; a user who was there before keeps his password, for others may use it."""
    passwords = _passwords(directory)
    lines = [line for line in (_TEXTS / f"{store}.acl").read_text("utf-8").splitlines() if line.startswith("user ")]
    for role in _HASH.findall("\n".join(lines)):
        passwords.setdefault(role.lower(), secrets.token_hex(32))
    _write(directory / _PASSWORDS_FILE, json.dumps(passwords))
    users = (_HASH.sub(lambda found: _hash(passwords[found[1].lower()]), line) for line in lines)
    _write(directory / ACL_FILE, "".join(f"{user}\n" for user in users))


def as_user(directory: Path, url: str, role: Role) -> str:
    """Return the URL with which a role uses the store; that store has no such user: the URL as it is."""
    password = _passwords(directory).get(role)
    return f"{url}&username={role}&password={password}" if password else url


def _passwords(directory: Path) -> dict[str, str]:
    path = directory / _PASSWORDS_FILE
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def _hash(password: str) -> str:
    return f"#{hashlib.sha256(password.encode()).hexdigest()}"


def _write(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(text, "utf-8")
    new.replace(path)
