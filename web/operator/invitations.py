"""Invitations: enrolment codes, each good once, for a day. The store has the code's digest, and whose it is."""

from typing import cast

from web.operator.account import Account
from web.operator.accounts import Roster, Unreadable, find

ENROLMENT_SECONDS = 24 * 3600


def invite(roster: Roster, member: str, digest: str) -> None:
    """Note by which code an account's owner may enrol; an older one opens nothing, for the account knows but one."""
    roster.state.set(_name(digest), member, ex=ENROLMENT_SECONDS)


def invited(roster: Roster, digest: str, now: float) -> Account | None:
    """Return the account whose owner may enrol by a code, if any; the code is not used up by that."""
    found = cast("bytes | None", roster.state.get(_name(digest)))
    try:
        account = find(roster, found.decode()) if found else None
    except Unreadable:
        return None
    return account if account and account.may_enrol(digest, now) else None


def uninvite(roster: Roster, digest: str) -> None:
    """Forget a code."""
    roster.state.delete(_name(digest))


def _name(digest: str) -> str:
    return f"staff:enrol:{digest}"
