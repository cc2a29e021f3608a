"""Tries to sign in, counted so that nobody elsewhere keeps an account's owner out.

A browser from which he signed in before is counted by itself (`web.known`); any other by its network, and by name and
network; all others together by the account, which rests for them (`web.operator.account`). Who has signed in and steps
up is counted by his session, apart from all of these.
"""

from dataclasses import dataclass

from redis import Redis
from starlette.requests import Request
from starlette.responses import Response

from web.clients import site_of
from web.known import Known
from web.limits import Limit, give_back, seconds_to_wait
from web.operator import accounts
from web.operator.account import Account
from web.operator.doors import Console
from web.operator.session import Session, digest_of

KNOWN = "__Host-operator-known"
BY_CLIENT = Limit("console-client", 30, 900)
BY_SITE = Limit("console-site", 120, 900)
BY_BROWSER = Limit("console-known", 10, 900)
BY_NAME = Limit("console-name", 10, 900)
BY_SESSION = Limit("console-step-up", 10, 900)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try at an account.

    Attributes:
        wait: the seconds after which one is let through; 0, this one is, and is counted.
        apart: it has nothing to do with strangers: neither does it count for them, nor do theirs for it.
        state, limit, who: where it is counted; None where it is not.
    """

    wait: int = 0
    apart: bool = False
    state: Redis | None = None
    limit: Limit = BY_NAME
    who: str = ""

    def give_back(self) -> None:
        """Let it not have counted: nothing was guessed."""
        if self.state is not None:
            give_back(self.state, self.limit, self.who)


UNCOUNTED = Attempt()


def sign_in_attempt(console: Console, request: Request, name: str, account: Account | None) -> Attempt:
    """Count a try to sign in under a name; the account is that of the name, None where there is none."""
    browser = _known(console).name_of(request, _standing(account)) if account else ""
    if browser:
        return _counted(console, BY_BROWSER, browser, apart=True)
    client, wait = console.client_of(request), console.seconds_to_wait(BY_CLIENT, request)
    if site := site_of(client):
        wait = wait or seconds_to_wait(console.state, BY_SITE, _opaque(console, site))
    return Attempt(wait) if wait else _counted(console, BY_NAME, _opaque(console, f"{accounts.local(name)} {client}"))


def step_up_attempt(console: Console, session: Session) -> Attempt:
    """Count a try of a member to step up; a session of his in other hands does not keep him out of his own."""
    return _counted(console, BY_SESSION, digest_of(session), apart=True)


def remembered(console: Console, answer: Response, account: Account) -> Response:
    """Return an answer after which its browser is known for an account, until that has another epoch."""
    return _known(console).remember(answer, _standing(account))


def _counted(console: Console, limit: Limit, who: str, *, apart: bool = False) -> Attempt:
    return Attempt(seconds_to_wait(console.state, limit, who), apart, console.state, limit, who)


def _known(console: Console) -> Known:
    return Known(KNOWN, console.roster.vault)


def _opaque(console: Console, name: str) -> str:
    return console.roster.vault.pseudonyms(name)[0]


def _standing(account: Account) -> str:
    return f"{account.id} {account.epoch}"
