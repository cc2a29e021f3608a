"""`migrator user add | list | role | reset | unlock | remove`: who may use the operators' console."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from app.config import Config
from app.stores import open_stores
from jobs.audit import TERMINAL, AuditBroken, AuditBusy
from web.operator import accounts, members
from web.operator.account import Account
from web.operator.accounts import NameTaken, Roster, Unreadable
from web.operator.members import NAME_RULE, NameUnusable, NoSuchMember, SignsInElsewhere
from web.operator.rights import Role
from web.operator.showing import moment

_AS_JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")
_ROLE = click.Choice([role.value for role in Role])
_SEALED = "This account was sealed under a master key that is gone. Remove it by its id, and add the person anew."


@click.group("user")
def user_group() -> None:
    """Add, list, reset or remove those who may use the operators' console."""


@user_group.command("add")
@click.argument("name")
@click.option("--role", type=_ROLE, default=Role.VIEWER.value, show_default=True, help="What the person may do.")
@_AS_JSON
@click.pass_obj
def add(config: Config, name: str, role: str, *, as_json: bool) -> None:
    """Add a person, and print the code with which he chooses password and second factor; it is good once, for a day."""
    with _roster(config) as roster:
        code = members.add(roster, TERMINAL, name, Role(role))
    _tell_code(config, name, code, as_json=as_json)


@user_group.command("list")
@_AS_JSON
@click.pass_obj
def list_(config: Config, *, as_json: bool) -> None:
    """Show everybody: name, role, how he signs in, since when he has not, and the id that the audit log has."""
    with _roster(config) as roster:
        found, unreadable = accounts.everybody(roster)
    if as_json:
        click.echo(json.dumps([*map(_row, found), *({"id": one, "unreadable": True} for one in unreadable)], indent=2))
        return
    for account in found:
        click.echo(f"{account.id}  {account.role:<8}  {account.via:<5}  {_standing(account):<32}  {account.name}")
    for one in unreadable:
        click.echo(f"{one}  sealed under a master key that is gone: remove it, and add the person anew")
    if not (found or unreadable):
        click.echo("nobody; `migrator user add NAME --role admin` adds the first")


@user_group.command("role")
@click.argument("name")
@click.argument("role", type=_ROLE)
@_AS_JSON
@click.pass_obj
def set_role(config: Config, name: str, role: str, *, as_json: bool) -> None:
    """Change what a person may do; he has to sign in again."""
    with _roster(config) as roster:
        members.set_role(roster, TERMINAL, _id_of(roster, name), Role(role))
    click.echo(json.dumps({"done": True}) if as_json else f"{name} is {role} now")


@user_group.command("reset")
@click.argument("name")
@_AS_JSON
@click.pass_obj
def reset(config: Config, name: str, *, as_json: bool) -> None:
    """Take password, second factor and recovery codes from a person, and print the code to choose new ones with."""
    with _roster(config) as roster:
        code = members.reset(roster, TERMINAL, _id_of(roster, name))
    _tell_code(config, name, code, as_json=as_json)


@user_group.command("unlock")
@click.argument("name")
@_AS_JSON
@click.pass_obj
def unlock(config: Config, name: str, *, as_json: bool) -> None:
    """Let a person try again at once whose account rests after too many wrong tries."""
    with _roster(config) as roster:
        members.lift_rest(roster, TERMINAL, _id_of(roster, name))
    click.echo(json.dumps({"done": True}) if as_json else f"{name} may try again")


@user_group.command("remove")
@click.argument("name")
@_AS_JSON
@click.pass_obj
def remove(config: Config, name: str, *, as_json: bool) -> None:
    """Remove a person, by name or id; his sessions end at once."""
    with _roster(config) as roster:
        members.remove(roster, TERMINAL, _id_of(roster, name))
    click.echo(json.dumps({"done": True}) if as_json else f"{name} is removed")


@contextmanager
def _roster(config: Config) -> Iterator[Roster]:
    """Give the accounts, and say in a sentence what cannot be done with them."""
    with open_stores(config.store) as stores:
        try:
            yield Roster(stores.state, stores.vault)
        except NameUnusable:
            raise click.ClickException(NAME_RULE) from None
        except NameTaken:
            raise click.ClickException("Somebody has this name already.") from None
        except NoSuchMember:
            raise click.ClickException("There is nobody of this name; `migrator user list` shows everybody.") from None
        except SignsInElsewhere:
            raise click.ClickException("This person signs in by single sign-on: change it there.") from None
        except Unreadable:
            raise click.ClickException(_SEALED) from None
        except (AuditBroken, AuditBusy) as error:
            raise click.ClickException(f"{error}, and nothing is done unlogged: `migrator audit verify`") from None


def _id_of(roster: Roster, name: str) -> str:
    """Return the id of somebody by name; an id stands for itself, also that of an account that cannot be read."""
    account = accounts.by_sign(roster, accounts.local(name))
    return account.id if account else name


def _tell_code(config: Config, name: str, code: str, *, as_json: bool) -> None:
    place = f"{config.console.url}/enrol"
    if as_json:
        click.echo(json.dumps({"name": name, "place": place, "code": code}))
        return
    click.echo(f"{place}\n{code}")
    click.echo(f"Give both to {name}: the code is shown this once, and good once within a day.", err=True)


def _row(account: Account) -> dict[str, object]:
    return {
        "id": account.id,
        "name": account.name,
        "role": account.role,
        "via": account.via,
        "enrolled": account.is_enrolled,
        "resting": account.is_resting(time.time()),
        "signed_in_at": account.used_at or None,
    }


def _standing(account: Account) -> str:
    if account.is_resting(time.time()):
        return f"rests until {moment(account.rests_until)}"
    if not account.is_enrolled:
        return "has not enrolled"
    return f"signed in {moment(account.used_at)}" if account.used_at else "never signed in"


COMMANDS = (user_group,)
