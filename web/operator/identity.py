"""Whose session a request has: looked up anew for each, so that what an admin changes is in force at once."""

from starlette.requests import Request

from web.operator import accounts
from web.operator import session as sessions
from web.operator.account import Account
from web.operator.accounts import Roster, Unreadable
from web.operator.rights import Identity, Member
from web.operator.session import COOKIE, Session, Stage


def identify(roster: Roster, request: Request, *, quiet: bool = False) -> Identity:
    """Return who asks; `quiet`, the end of his session is not put off."""
    session = sessions.find(roster.state, request.cookies.get(COOKIE, ""), quiet=quiet)
    account = account_of(roster, session) if session else None
    if session is None or account is None:
        return Identity()
    if session.stage is Stage.IN:
        return Identity(member_of(account, session.stepped_up_at))
    return Identity(halfway=session.stage is Stage.HALFWAY)


def account_of(roster: Roster, session: Session) -> Account | None:
    """Return the account a session is of; None, and the session ends, where it is gone or another since."""
    try:
        account = accounts.find(roster, session.member) if session.member else None
    except Unreadable:
        account = None
    if account is not None and account.epoch == session.epoch:
        return account
    if session.member:
        sessions.end(roster.state, session.id)
    return None


def member_of(account: Account, stepped_up_at: float) -> Member:
    """Return the member whose account it is."""
    return Member(account.id, account.name, account.role, account.via, stepped_up_at)
