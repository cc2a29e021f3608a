"""The form of a file of keys, each line `<id> <base64 of 32 bytes>`, the newest first; and of what they sealed."""

import base64
import binascii
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from oauth.errors import SealBroken
from oauth.sealing import KEY_BYTES

_ID = re.compile(r"[a-z0-9-]{1,32}")


def read_keys(path: Path) -> dict[str, bytes]:
    """Return the keys of a file by id, the newest first.

    Raises:
        OSError: not readable.
        ValueError: empty, a line of another shape, or an id that occurs twice.
    """
    rows = [line.split() for line in path.read_text("ascii").splitlines() if line.strip()]
    keys = {key_id: _decoded(text) for key_id, text in rows if _ID.fullmatch(key_id)}
    if not keys or len(keys) != len(rows):
        raise ValueError
    return keys


def add_line(path: Path, key_id: str, key: bytes, *, keep: bool = True) -> None:
    """Write a key at the top of a file, which is made (0600) if it is missing; `keep`: before what is there.

    The file is replaced in one step: a reader sees the old one or the new one.
    """
    before = path.read_text("ascii") if keep and path.exists() else ""
    beside = path.with_name(f".{path.name}.{key_id}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{key_id} {base64.b64encode(key).decode()}\n{before}")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def key_of(keys: Mapping[str, bytes], sealed: bytes) -> tuple[str, bytes, bytes]:
    """Return id and key that `<id>:<rest>` was sealed by, and the rest; raise `SealBroken` if it is none of these."""
    key_id, _, rest = sealed.partition(b":")
    name = key_id.decode("ascii", "replace")
    if name not in keys:
        raise SealBroken
    return name, keys[name], rest


def fresh_id(kind: str) -> str:
    """Return an id for a new key: a letter that says what it is for, and 8 hex digits."""
    return kind + secrets.token_hex(4)


def _decoded(text: str) -> bytes:
    key = base64.b64decode(text, validate=True)
    if len(key) != KEY_BYTES:
        raise binascii.Error
    return key
