"""An account of the staff as a value, and the rules of trying: pure."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from web.operator import codes
from web.operator.rights import Role
from web.operator.timecodes import is_spent, step_of

TRIES = 50
"""So many wrong tries of strangers in a row, from wherever, and the account rests for strangers."""

REST_SECONDS = 15 * 60
_LONGEST_REST = 8 * 3600

Factor = Literal["code", "recovery", "spent"]
"""By what somebody was right; a code that is `spent` lets nobody in, and was no guess."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account.

    Attributes:
        id: its opaque name, 32 hex digits.
        name: whom pages call it by.
        role: what its owner may do.
        epoch: another one ends every session that was begun under it.
        via: how its owner signs in.
        made_at, used_at: when it was made, and when he last signed in (0: never), in seconds since the epoch.
        password: the hash; empty until he has enrolled, and for who signs in elsewhere.
        secret: that of the second factor.
        step: the last time step taken of it.
        recovery: digests of the recovery codes that are left.
        wrong: strangers' wrong tries in a row.
        rests_until: no stranger's try counts before this time.
        enrol_code: digest of the code by which he may enrol; empty where there is none.
        enrol_until: until when.
    """

    id: str
    name: str
    role: Role
    epoch: str
    via: Literal["local", "sso"]
    made_at: float
    used_at: float = 0.0
    password: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    step: int = 0
    recovery: tuple[str, ...] = field(default=(), repr=False)
    wrong: int = 0
    rests_until: float = 0.0
    enrol_code: str = field(default="", repr=False)
    enrol_until: float = 0.0

    def is_resting(self, now: float) -> bool:
        """Tell whether there were too many wrong tries."""
        return now < self.rests_until <= now + _LONGEST_REST

    @property
    def is_enrolled(self) -> bool:
        """Tell whether its owner can sign in."""
        return self.via == "sso" or bool(self.password and self.secret)

    def may_enrol(self, digest: str, now: float) -> bool:
        """Tell whether somebody with this code may enrol."""
        return bool(digest) and digest == self.enrol_code and now < self.enrol_until


def tried_password(account: Account, now: float, *, right: bool, apart: bool = False) -> tuple[Account, bool]:
    """Count a try, unless it is counted apart; return the account after it, and whether its owner may go on."""
    if account.is_resting(now) and not apart:
        return account, False
    return (account, True) if right else (_wrong(account, now, apart=apart), False)


def tried_factor(account: Account, code: str, now: float, *, apart: bool = False) -> tuple[Account, Factor | None]:
    """Count a try of the second factor, unless it is counted apart; return the account after it, and what was right."""
    if not account.secret or (account.is_resting(now) and not apart):
        return account, None
    after = account if apart else replace(account, wrong=0, rests_until=0.0)
    step = step_of(account.secret, code, now, account.step)
    if step is not None:
        return replace(after, step=step), "code"
    left = codes.without(account.recovery, code)
    if left is not None:
        return replace(after, recovery=left), "recovery"
    if is_spent(account.secret, code, now, account.step):
        return account, "spent"
    return _wrong(account, now, apart=apart), None


def enrolled(
    code: str, password: str, secret: str, step: int, recovery: tuple[str, ...], epoch: str, now: float
) -> Callable[[Account], tuple[Account, Account | None]]:
    """Return the rule that takes over what somebody chose who enrolled by a code; it tells None where that was used."""

    def rule(account: Account) -> tuple[Account, Account | None]:
        if not account.may_enrol(code, now):
            return account, None
        bare = Account(account.id, account.name, account.role, epoch, account.via, account.made_at)
        after = replace(bare, password=password, secret=secret, step=step, recovery=recovery)
        return after, after

    return rule


def _wrong(account: Account, now: float, *, apart: bool) -> Account:
    """Count a stranger's wrong try; each further `TRIES` in a row mean a rest twice as long, eight hours at most."""
    if apart:
        return account
    wrong = account.wrong + 1
    times, over = divmod(wrong, TRIES)
    rest = 0.0 if over else min(REST_SECONDS * 2.0 ** (times - 1), _LONGEST_REST)
    return replace(account, wrong=wrong, rests_until=now + rest if rest else account.rests_until)
