"""`migrator list | show | status`: imports by what they wait for, and one of them from all sides."""

import json
import time
from collections import Counter
from datetime import datetime

import click
from pydantic import Field
from redis import Redis
from rich.table import Table
from rich.text import Text

from app.cli_acts import Where, summed
from app.config import Config
from app.report import headline, report_on, show
from app.stores import open_stores
from app.terminal import as_json_option, columns, opened_rooms, pairs, terminal, told, unknown
from jobs import exchanges, requests
from jobs.errors import UnknownMigration, UnreadableMigration
from jobs.migration import Migration
from jobs.selecting import Filter, select
from jobs.standing import is_ending
from jobs.standing import unconfirmed as count_unconfirmed
from web.operator.models import Count, FolderTold, ImportRow, ImportTold, StateCount, Told, moment_of
from web.operator.one import told_of
from web.operator.rows import rows_of
from web.operator.words import ago, ahead, meaning, number, share, size, span, stamp, state_words
from web.paces import Paces


class Listed(Told):
    """The imports that a filter finds, the oldest first."""

    at: datetime
    total: Count
    rows: tuple[ImportRow, ...]
    unreadable: tuple[str, ...] = Field(default=(), description="Ids of records that this version cannot read.")
    unsettled: Count = Field(
        description="With --unconfirmed: consents that may have left access at Google; a worker finds out."
    )


@click.command("list")
@click.option("--where", type=Where(), default="", help="Only those that match; see `migrator resume --help`.")
@click.option("--unconfirmed", is_flag=True, help="Only those that ended without Google's word that access is gone.")
@as_json_option
@click.pass_obj
def list_command(config: Config, /, where: Filter, *, unconfirmed: bool, as_json: bool) -> None:
    """Show imports: state, since when nothing moved, what was copied, and why they wait."""
    with opened_rooms(config) as rooms:
        unreadable: list[str] = []
        found = select(rooms.state, where, rooms.host_of, unreadable=unreadable.append)
        if unconfirmed:
            found = tuple(one for one in found if _is_unconfirmed(rooms.state, one))
        unsettled = exchanges.unsettled(rooms.state) if unconfirmed else ()
        rows = rows_of(rooms, found)
    listed = Listed(
        at=moment_of(time.time()), total=len(found), rows=rows, unsettled=len(unsettled), unreadable=tuple(unreadable)
    )
    if as_json:
        told(listed)
        return
    counts = Counter(one.state for one in listed.rows)
    if listed.rows:
        terminal().print(_table(listed), "")
    click.echo(summed(StateCount(state=state, count=count) for state, count in counts.items()))
    for migration in unreadable:
        click.echo(f"import {migration} cannot be read by this version: another one wrote it")
    for one in unsettled:
        click.echo(f"consent {one.id} of customer {one.customer} may have left access at Google; a worker finds out")


@click.command("show")
@click.argument("migration")
@as_json_option
@click.pass_obj
def show_command(config: Config, /, migration: str, *, as_json: bool) -> None:
    """Show one import: how it stands, why and until when it waits, how far it is, and what may be done.

    No names and no reasons of single messages: these are the customer's to allow, in the operators' console.
    """
    with opened_rooms(config) as rooms:
        try:
            found = told_of(rooms, Paces(), migration)
        except UnreadableMigration as error:
            raise click.ClickException(f"import {migration} cannot be read: {error}") from None
        except UnknownMigration:
            raise unknown(migration) from None
    if as_json:
        told(found)
    else:
        terminal().print(_one(found))


@click.command("status")
@click.argument("migration", required=False)
@as_json_option
@click.pass_obj
def status_command(config: Config, migration: str | None, *, as_json: bool) -> None:
    """Show one import's account, or the state of all; for who imports from this terminal, see `list` and `show`.

    The account has folder names and outcomes, which operators see by the customer's permission alone; never mail.
    """
    with open_stores(config.store) as stores:
        ids = [migration] if migration else requests.migration_ids(stores.state)
        rows = [(_known(stores.state, i), report_on(stores.state, i)) for i in ids]
    if as_json:
        click.echo(json.dumps([{**report.as_json(), "bytes": one.shown_bytes} for one, report in rows], indent=2))
        return
    console = terminal()
    for record, report in rows:
        console.print(f"{record.id}  {headline(record)}")
        if migration:
            show(console, report)
    if not rows:
        click.echo("no imports")


def _known(redis: Redis, migration: str) -> Migration:
    try:
        return requests.read(redis, migration)
    except UnknownMigration:
        raise unknown(migration) from None


def _is_unconfirmed(redis: Redis, migration: Migration) -> bool:
    return is_ending(migration) and count_unconfirmed(redis, [migration]) > 0


def _table(listed: Listed) -> Table:
    table = columns("Import", "State", "Last moved", "Why")
    for row in listed.rows:
        table.add_row(row.id, row.state, ago(row.ended_at or row.progress_at, listed.at), row.code)
    return table


def _one(found: ImportTold) -> Table:
    row, rows = found.row, pairs()
    rows.add_row("import", row.id)
    rows.add_row("state", Text(_state(row, found), style="bold"))
    rows.add_row("", " ".join(filter(None, (meaning(row), row.sentence))))
    if row.goes_on_at:
        rows.add_row("goes on", f"{ahead(row.goes_on_at, found.at)}, at {stamp(row.goes_on_at)}")
    rows.add_row("customer", row.customer)
    rows.add_row("mail server", row.host or "not known any more")
    for label, when in (("begun", row.created_at), ("last moved", row.progress_at), ("ended", row.ended_at)):
        if when:
            rows.add_row(label, f"{stamp(when)}, {ago(when, found.at)}")
    rows.add_row("messages", f"{number(found.done)} of {number(found.total)} ({share(found.done, found.total)} %)")
    rows.add_row("copied", size(row.megabytes))
    rows.add_row("folders", _folders(found.folders))
    rows.add_row("slices", _slices(found))
    if found.unconfirmed:
        rows.add_row("revocation", "not confirmed by Google: tell the customer to remove the access himself")
    for number_, act in enumerate(found.acts):
        rows.add_row("" if number_ else "you may", Text(f"migrator {act} {row.id}", style="cyan"))
    return rows


def _state(row: ImportRow, found: ImportTold) -> str:
    since = f", for {span((found.at - found.since).total_seconds())}" if found.since else ""
    phase = f" (while {row.phase})" if row.state != row.phase and not row.ended_at else ""
    return f"{state_words(row.state)}{f': {row.code}' if row.code else ''}{phase}{since}"


def _folders(folders: tuple[FolderTold, ...]) -> str:
    named = [f"{one.kind} {number(one.messages)}" for one in folders if one.kind]
    further = [one.messages for one in folders if not one.kind]
    rest = [f"{number(len(further))} further with {number(sum(further))}"] if further else []
    return ", ".join([*named, *rest]) or "none yet"


def _slices(found: ImportTold) -> str:
    running = "one is at work" if found.row.running else "none at work"
    return f"{running}; {found.crashes} died in a row without progress" if found.crashes else running


COMMANDS = (list_command, show_command, status_command)
