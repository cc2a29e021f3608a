"""Whose session asks, and whether the import is his: the one place where the pages check an id."""

from dataclasses import dataclass

from redis import Redis
from starlette.requests import Request

from jobs import requests
from jobs.errors import UnknownMigration
from jobs.migration import Migration
from web import owned
from web import session as sessions
from web.session import COOKIE, Session


class SignedOut(Exception):
    """There is no session, or it is nobody's: the customer has to come in (again)."""


@dataclass(frozen=True, slots=True)
class Owned:
    """An import and the session it belongs to."""

    session: Session
    migration: Migration


def visitor(state: Redis, cookie: str) -> Session:
    """Return the session of a customer who has come in.

    Raises:
        SignedOut: there is none (any more).
    """
    session = sessions.find(state, cookie)
    if session is None or not session.entered.customer:
        raise SignedOut
    return session


def owned_import(state: Redis, cookie: str, migration_id: str) -> Owned:
    """Return an import of the session's customer.

    Raises:
        UnknownMigration: no session, no such import, or somebody else's; nobody can tell which.
    """
    session = sessions.find(state, cookie)
    if session is None:
        raise UnknownMigration
    migration = requests.read(state, migration_id)
    if not _owns(session, migration):
        raise UnknownMigration
    return Owned(session, migration)


def ask_visitor(state: Redis, request: Request) -> None:
    """Let a form be read that is sent by a customer who has come in, or about an import that is his.

    Raises:
        UnknownMigration, SignedOut: as of `owned_import` and `visitor`.
    """
    cookie, migration_id = request.cookies.get(COOKIE, ""), request.path_params.get("migration")
    if migration_id is None:
        visitor(state, cookie)
    else:
        owned_import(state, cookie, migration_id)


def is_theirs(state: Redis, session: Session, migration_id: str) -> bool:
    """True if there is such an import, and it is the session's customer's."""
    try:
        return _owns(session, requests.read(state, migration_id))
    except UnknownMigration:
        return False


def _owns(session: Session, migration: Migration) -> bool:
    return session.owns(migration.id) or migration.customer == session.entered.customer


def forgotten(state: Redis, session: Session, migration_id: str) -> Session:
    """Take an import that was erased out of the session."""
    return sessions.without(state, session, migration_id)


def imports_of(state: Redis, session: Session) -> tuple[Migration, ...]:
    """Return the imports of a session's customer that are kept, the newest first."""
    found = {migration.id: migration for migration in owned.migrations_of(state, session.entered.customer)}
    for migration_id in session.imports:
        found |= _kept(state, migration_id) if migration_id not in found else {}
    return tuple(sorted(found.values(), key=lambda migration: (-migration.created_at, migration.id)))


def _kept(state: Redis, migration_id: str) -> dict[str, Migration]:
    try:
        return {migration_id: requests.read(state, migration_id)}
    except UnknownMigration:  # purged, or erased
        return {}
