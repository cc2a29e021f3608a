"""Password and second factor tried: the one place where somebody is let in by what he knows and has.

Whatever is wrong with name or password, the answer is the same and takes the same time: nobody learns by it which names
there are, nor which accounts rest. A refused try stands in the service's log, not in the audit log, which anybody could
fill with them.
"""

import time
from dataclasses import replace
from functools import partial

import structlog

from jobs import audit
from jobs.audit import Act, staff
from web.operator import accounts, passwords
from web.operator import session as sessions
from web.operator.account import Account, Factor, tried_factor, tried_password
from web.operator.accounts import Roster, Unreadable
from web.operator.counting import UNCOUNTED, Attempt
from web.operator.session import Session, Stage

_log = structlog.get_logger()


def let_halfway(roster: Roster, name: str, password: str, attempt: Attempt = UNCOUNTED) -> Account | None:
    """Try a name and a password; return the account, whose second factor is to follow, or None. The time is the same.

    An account that rests refuses strangers the right password, too.
    """
    account = account_named(roster, name)
    right = passwords.fits(account.password if account else "", password)
    if account is None:
        _log.warning("signin-refused", code="name")
        return None
    rule = partial(tried_password, now=time.time(), right=right, apart=attempt.apart)
    if not accounts.change(roster, account.id, rule):
        _tell_refusal(roster, account, "password")
        return None
    attempt.give_back()
    if passwords.is_outdated(account.password):
        _rehash(roster, account, password)
    return account


def factor_given(roster: Roster, account: Account, code: str, attempt: Attempt = UNCOUNTED) -> Factor | None:
    """Try a code of the second factor, or of recovery, which is used up by that; return which one let somebody in."""
    rule = partial(tried_factor, code=code, now=time.time(), apart=attempt.apart)
    right = accounts.change(roster, account.id, rule)
    if right is not None:
        attempt.give_back()
    if right is None or right == "spent":
        _tell_refusal(roster, account, right or "factor")
        return None
    if right == "recovery":
        audit.append(roster.state, staff(account.id), Act.RECOVERY_CODE_USED)
    return right


def let_in(roster: Roster, account: Account, cookie: str) -> Session:
    """Begin the session of somebody who has given both factors."""
    now = time.time()
    audit.append(roster.state, staff(account.id), Act.SIGNED_IN, code="local")
    accounts.used(roster, account, accounts.local(account.name), now)
    return sessions.begin(roster.state, cookie, Stage.IN, account, stepped_up_at=now)


def account_named(roster: Roster, name: str) -> Account | None:
    """Return the account that somebody can sign in to under a name; None where there is none."""
    try:
        account = accounts.by_sign(roster, accounts.local(name)) if name else None
    except Unreadable:
        return None
    return account if account and account.is_enrolled else None


def _rehash(roster: Roster, account: Account, password: str) -> None:
    """Keep the password under today's parameters, unless it was changed meanwhile."""
    made = passwords.hashed(password)

    def rule(one: Account) -> tuple[Account, None]:
        return (replace(one, password=made) if one.password == account.password else one), None

    accounts.change(roster, account.id, rule)


def _tell_refusal(roster: Roster, before: Account, code: str) -> None:
    """Log a wrong try, and that the account rests by it."""
    after = accounts.find(roster, before.id)
    if after and after.rests_until > before.rests_until:
        _log.warning("account-rests", member=before.id)
    _log.warning("signin-refused", code="rests" if before.is_resting(time.time()) else code)
