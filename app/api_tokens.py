"""The file of service tokens: a line for each, `<name> <SHA-256 in hex> <scope>[,<scope>...]`, and no token itself."""

import os
import re
import secrets
from pathlib import Path

from web.api.tokens import Scope, ServiceToken, new_token

_NAME = re.compile(r"[a-z0-9-]{1,32}")
_HASH = re.compile(r"[0-9a-f]{64}")


class TokensUnusable(Exception):
    """The file cannot be used; the text says why and has nothing of what stands in it."""


def read_tokens(path: Path) -> tuple[ServiceToken, ...]:
    """Return the tokens of a file, in its order.

    Raises:
        TokensUnusable: it cannot be read, a line has another shape, or a name occurs twice.
    """
    try:
        lines = path.read_text("ascii").splitlines()
    except OSError as error:
        raise TokensUnusable(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise TokensUnusable(f"{path} is not a text file") from None
    found = tuple(_token(path, number, line) for number, line in enumerate(lines, 1) if line.strip())
    if len({token.name for token in found}) != len(found):
        raise TokensUnusable(f"{path}: a name occurs twice")
    return found


def add_token(path: Path, name: str, scopes: frozenset[Scope]) -> str:
    """Write a new token's hash into the file, which is made if it is missing; return the token, known to nobody else.

    Raises:
        TokensUnusable: as of `read_tokens`, the name has another shape or is taken, or the file cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise TokensUnusable("a token's name is up to 32 small letters, digits and dashes")
    before = read_tokens(path) if path.exists() else ()
    if any(token.name == name for token in before):
        raise TokensUnusable(f"there is a token {name}; remove it, or choose another name")
    token, digest = new_token()
    _write(path, (*before, ServiceToken(name, digest, scopes)))
    return token


def remove_token(path: Path, name: str) -> None:
    """Take a token out of the file.

    Raises:
        TokensUnusable: as of `read_tokens`, there is none of this name, or the file cannot be written.
    """
    before = read_tokens(path)
    after = tuple(token for token in before if token.name != name)
    if after == before:
        raise TokensUnusable(f"there is no token {name}")
    _write(path, after)


def _token(path: Path, number: int, line: str) -> ServiceToken:
    try:
        name, digest, scopes = line.split()
        found = ServiceToken(name, digest, frozenset(Scope(scope) for scope in scopes.split(",")))
    except ValueError:
        found = None
    if found is None or not _NAME.fullmatch(found.name) or not _HASH.fullmatch(found.sha256):
        raise TokensUnusable(f"{path}: line {number} is no name, SHA-256 and scopes")
    return found


def _write(path: Path, tokens: tuple[ServiceToken, ...]) -> None:
    """Replace the file in one step: a reader sees the old one or the new one."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    lines = [f"{token.name} {token.sha256} {','.join(sorted(token.scopes))}\n" for token in tokens]
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write("".join(lines))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise TokensUnusable(f"cannot write {path}: {error.strerror}") from None
