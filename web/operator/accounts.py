"""Where the accounts of the staff lie: each sealed under the master key, bound to its name in the store.

    staff:account:<id>        the account
    staff:name:<pseudonym>    its id, by the keyed hash of what it signs in with
    staff:all                 the ids

An account that nobody has signed in to for `UNUSED_SECONDS` is gone, so that no key here is without an end.
"""

import hashlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, TypeVar, cast

from redis import Redis

from oauth.errors import SealBroken
from oauth.vault import Vault
from web.operator.account import Account
from web.operator.rights import Role

UNUSED_SECONDS = 180 * 24 * 3600

_ALL = "staff:all"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Roster:
    """Where accounts are kept: the state store, and the vault that seals them and makes opaque names."""

    state: Redis
    vault: Vault = field(repr=False)


class NameTaken(Exception):
    """There is an account of this name."""


class Unreadable(Exception):
    """The account was sealed under a master key that is gone."""


def local(name: str) -> str:
    """Return by what a local account is looked up; capitals do not count."""
    return f"console:local:{name.lower()}"


def foreign(issuer: str, subject: str) -> str:
    """Return by what the account of somebody who signs in elsewhere is looked up."""
    return f"console:sso:{hashlib.sha256(json.dumps([issuer, subject]).encode()).hexdigest()}"


def find(roster: Roster, member: str) -> Account | None:
    """Return an account by its id, None where there is none.

    Raises:
        Unreadable: as it says.
    """
    return _read(roster, member, cast("bytes | None", roster.state.get(_name(member))))


def by_sign(roster: Roster, sign: str) -> Account | None:
    """Return an account by what it signs in with (`local`, `foreign`), None where there is none.

    Raises:
        Unreadable: as it says.
    """
    member = _id_by(roster, sign)
    return find(roster, member) if member else None


def everybody(roster: Roster) -> tuple[list[Account], list[str]]:
    """Return all accounts by name, and the ids of those that cannot be read."""
    found, unreadable = [], []
    for one in cast("set[bytes]", roster.state.smembers(_ALL)):
        member = one.decode()
        try:
            account = find(roster, member)
        except Unreadable:
            unreadable.append(member)
            continue
        if account:
            found.append(account)
        else:
            roster.state.srem(_ALL, member)
    return sorted(found, key=lambda account: account.name.lower()), sorted(unreadable)


def add(roster: Roster, account: Account, sign: str) -> None:
    """Keep a new account.

    Raises:
        NameTaken: another one signs in with the same.
    """

    def step(pipe: Any) -> None:
        if _id_by(roster, sign):
            raise NameTaken
        pipe.multi()
        pipe.set(_name(account.id), _sealed(roster, account), ex=UNUSED_SECONDS)
        pipe.set(_sign(roster, sign), account.id, ex=UNUSED_SECONDS)
        pipe.sadd(_ALL, account.id)
        pipe.expire(_ALL, UNUSED_SECONDS)

    roster.state.transaction(step, _sign(roster, sign))


def change(roster: Roster, member: str, rule: Callable[[Account], tuple[Account, _T]]) -> _T | None:
    """Change an account by a rule, as one step that nothing comes in between; return what the rule tells beside it.

    Whatever the rule raises is handed on, and nothing is changed. None where there is no such account.

    Raises:
        Unreadable: as it says.
    """

    def step(pipe: Any) -> Any:
        account = _read(roster, member, pipe.get(_name(member)))
        pipe.multi()
        if account is None:
            return None
        after, told = rule(account)
        if after != account:
            pipe.set(_name(member), _sealed(roster, after), keepttl=True)
        return told

    done: Any = roster.state.transaction(step, _name(member), value_from_callable=True)
    return cast("_T | None", done)


def used(roster: Roster, account: Account, sign: str, now: float) -> None:
    """Note that somebody has signed in: the account is kept so long from now on, under the newest master key."""
    change(roster, account.id, lambda one: (replace(one, used_at=now), None))
    roster.state.set(_sign(roster, sign), account.id, ex=UNUSED_SECONDS)
    for key in (_name(account.id), _ALL):
        roster.state.expire(key, UNUSED_SECONDS)


def exists(roster: Roster, member: str) -> bool:
    """Tell whether there is an account, also one that cannot be read."""
    return bool(roster.state.exists(_name(member)))


def remove(roster: Roster, member: str) -> None:
    """Remove an account, also one that cannot be read; twice is harmless."""
    roster.state.srem(_ALL, member)
    roster.state.delete(_name(member))


def new(name: str, role: Role, via: Literal["local", "sso"]) -> Account:
    """Return a new account's value; it is not kept yet."""
    return Account(secrets.token_hex(16), name, role, new_epoch(), via, time.time())


def new_epoch() -> str:
    """Return a new epoch for an account: all its sessions end."""
    return secrets.token_hex(8)


def _id_by(roster: Roster, sign: str) -> str:
    """Return the id of an account that is there, by what it signs in with; empty where there is none."""
    names = [f"staff:name:{one}" for one in roster.vault.pseudonyms(sign)]
    ids = [one.decode() for one in cast("list[bytes | None]", roster.state.mget(names)) if one]
    return next((member for member in ids if roster.state.exists(_name(member))), "")


def _sign(roster: Roster, sign: str) -> str:
    return f"staff:name:{roster.vault.pseudonyms(sign)[0]}"


def _name(member: str) -> str:
    return f"staff:account:{member}"


def _sealed(roster: Roster, account: Account) -> bytes:
    return roster.vault.wrap(_name(account.id), json.dumps(asdict(account)).encode())


def _read(roster: Roster, member: str, wrapped: bytes | None) -> Account | None:
    if wrapped is None:
        return None
    try:
        row = json.loads(roster.vault.unwrap(_name(member), wrapped))
    except SealBroken:
        raise Unreadable from None
    return Account(**{**row, "role": Role(row["role"]), "recovery": tuple(row["recovery"])})
