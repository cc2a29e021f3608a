"""What is done with members of the staff: told to the audit log first, and in force at once.

An admin does it on the pages, or a person at the command line. What is taken from somebody is taken for good: a store
that is killed right afterwards must not bring it back (`jobs.durable`).
"""

import re
import time
from dataclasses import replace

from jobs import audit
from jobs.audit import Act, Actor
from jobs.durable import wait_for_disk
from web.operator import accounts, codes, invitations
from web.operator.account import Account
from web.operator.accounts import Roster, new_epoch
from web.operator.invitations import ENROLMENT_SECONDS
from web.operator.rights import Role

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")

NAME_RULE = "A name has up to 64 letters, digits and . _ @ + - and begins with a letter or digit."


class NameUnusable(Exception):
    """The name has another shape than `NAME_RULE` says."""


class NoSuchMember(Exception):
    """There is no such account (any more)."""


class SignsInElsewhere(Exception):
    """Password, second factor and role of this member are the single sign-on's affair."""


def add(roster: Roster, actor: Actor, name: str, role: Role) -> str:
    """Add a member, and return the code by which he enrols: it is shown this once, and good for a day.

    Raises:
        NameUnusable, NameTaken: as they say.
        AuditBroken, AuditBusy: nothing is done unlogged.
    """
    if not _NAME.fullmatch(name):
        raise NameUnusable
    account, code = accounts.new(name, role, "local"), codes.new_enrolment_code()
    if accounts.by_sign(roster, accounts.local(name)):
        raise accounts.NameTaken
    audit.append(roster.state, actor, Act.MEMBER_ADDED, account.id, role.value)
    accounts.add(roster, _invited(account, code), accounts.local(name))
    invitations.invite(roster, account.id, codes.digest_of(code))
    return code


def set_role(roster: Roster, actor: Actor, member: str, role: Role) -> None:
    """Change what a member may do. He has to sign in again.

    Raises:
        NoSuchMember, Unreadable, SignsInElsewhere: as they say.
        AuditBroken, AuditBusy: nothing is done unlogged.
    """
    _local(roster, member)
    audit.append(roster.state, actor, Act.MEMBER_ROLE_CHANGED, member, role.value)
    _changed(roster, member, role=role, epoch=new_epoch())
    wait_for_disk(roster.state)


def reset(roster: Roster, actor: Actor, member: str) -> str:
    """Take password, second factor and recovery codes from a member, and return the code by which he enrols anew.

    Raises:
        NoSuchMember, Unreadable, SignsInElsewhere: as they say.
        AuditBroken, AuditBusy: nothing is done unlogged.
    """
    account, code = _local(roster, member), codes.new_enrolment_code()
    audit.append(roster.state, actor, Act.MEMBER_RESET, member)
    bare = _invited(accounts.new(account.name, account.role, "local"), code)
    keys = ("epoch", "password", "secret", "step", "recovery", "wrong", "rests_until", "enrol_code", "enrol_until")
    _changed(roster, member, **{key: getattr(bare, key) for key in keys})
    invitations.invite(roster, member, codes.digest_of(code))
    wait_for_disk(roster.state)
    return code


def lift_rest(roster: Roster, actor: Actor, member: str) -> None:
    """Let somebody try again whose account rests after too many wrong tries.

    Raises:
        NoSuchMember, Unreadable: as they say.
        AuditBroken, AuditBusy: nothing is done unlogged.
    """
    known(roster, member)
    audit.append(roster.state, actor, Act.MEMBER_FREED, member)
    _changed(roster, member, wrong=0, rests_until=0.0)


def remove(roster: Roster, actor: Actor, member: str) -> None:
    """Remove a member; his sessions are nobody's from now on.

    Raises:
        NoSuchMember: as it says.
        AuditBroken, AuditBusy: nothing is done unlogged.
    """
    if not accounts.exists(roster, member):
        raise NoSuchMember
    audit.append(roster.state, actor, Act.MEMBER_REMOVED, member)
    accounts.remove(roster, member)
    wait_for_disk(roster.state)


def known(roster: Roster, member: str) -> Account:
    """Return a member's account.

    Raises:
        NoSuchMember, Unreadable: as they say.
    """
    account = accounts.find(roster, member)
    if account is None:
        raise NoSuchMember
    return account


def _local(roster: Roster, member: str) -> Account:
    account = known(roster, member)
    if account.via != "local":
        raise SignsInElsewhere
    return account


def _changed(roster: Roster, member: str, **values: object) -> None:
    def rule(account: Account) -> tuple[Account, bool]:
        return replace(account, **values), True  # type: ignore[arg-type]

    if not accounts.change(roster, member, rule):
        raise NoSuchMember


def _invited(account: Account, code: str) -> Account:
    return replace(account, enrol_code=codes.digest_of(code), enrol_until=time.time() + ENROLMENT_SECONDS)
