"""`migrator resume`, `pause`, `cancel`, `expire`, `retry`, `finish`: by id, or for all imports that a filter finds."""

import re
from collections.abc import Iterable

import click

from app.config import Config
from app.report import headline
from app.terminal import as_json_option, opened_rooms, told, unknown
from jobs.acts import What
from jobs.audit import TERMINAL
from jobs.bulk import ask_all
from jobs.migration import Migration
from jobs.requests import read, read_all
from jobs.selecting import Filter, select
from web.operator.acts import ACT_NAMES, why_not
from web.operator.bulkacts import confirmation_of, result_of
from web.operator.models import Refused, Result, StateCount
from web.operator.rooms import Rooms
from web.operator.words import imports

_ID = re.compile(r"[0-9a-f]{32}")
_HELP: dict[str, str] = {
    "resume": "Go on with paused, waiting or failed imports.",
    "pause": "Let imports rest until they are resumed.",
    "cancel": "End imports; what was copied stays, tokens and keys are discarded.",
    "expire": "End imports as if their time were over; like cancel, but they are called expired.",
    "finish": "Finish imports that are held because messages failed, without those messages.",
    "retry": "Try messages again that failed, of imports that have not come to their end, and go on.",
}
_WHERE = "All that match: state=failed,paused code=login-refused older=2h host=imap.example.net; in one argument."


class Where(click.ParamType[Filter]):
    """A filter as it is typed."""

    name = "conditions"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Filter:
        """Read it, or say which word is wrong."""
        if isinstance(value, Filter):
            return value
        try:
            return Filter.read(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def act_command(what: What) -> click.Command:
    """Return the command of one act."""

    @click.argument("ids", nargs=-1, metavar="[ID]...")
    @click.option("--where", type=Where(), help=_WHERE)
    @click.option("--yes", is_flag=True, help="Ask nothing.")
    @as_json_option
    @click.pass_obj
    def command(config: Config, /, ids: tuple[str, ...], where: Filter | None, *, yes: bool, as_json: bool) -> None:
        if bool(ids) == (where is not None):
            raise click.UsageError("Name imports by their ids, or by --where.")
        for one in ids:
            if not _ID.fullmatch(one):
                raise unknown(one)
        with opened_rooms(config) as rooms:
            wanted = _found(rooms, what, where, yes=yes) if where else tuple(dict.fromkeys(ids))
            result = result_of(what, ask_all(rooms.state, wanted, what, TERMINAL))
            if as_json:
                told(result)
            else:
                _say(rooms, wanted, result)
        if result.refused:
            raise SystemExit(1)

    return click.command(what, help=f"{_HELP[what]}\n\nThe exit code is 0 when it was done to all of them.")(command)


def summed(counts: Iterable[StateCount]) -> str:
    """Return `12 imports: 9 failed, 3 paused`."""
    listed = tuple(counts)
    words = ", ".join(f"{one.count:,} {one.state}" for one in sorted(listed, key=lambda one: -one.count))
    return f"{imports(sum(one.count for one in listed))}{': ' if words else ''}{words}"


def _found(rooms: Rooms, what: What, where: Filter, *, yes: bool) -> tuple[str, ...]:
    """Return the ids that the act would change something for, once the person agrees."""
    asked = confirmation_of(what, select(rooms.state, where, rooms.host_of))
    if asked.untouched:
        click.echo(f"Left out, since it would change nothing: {summed(asked.untouched)}.", err=True)
    if not asked.ids:
        click.echo("No import is touched.", err=True)
    elif not yes:
        click.confirm(f"This touches {summed(asked.touched)}. Go on?", abort=True, err=True)
    return asked.ids


def _say(rooms: Rooms, wanted: tuple[str, ...], result: Result) -> None:
    if len(wanted) == 1 and result.done:
        click.echo(headline(read(rooms.state, wanted[0])))
    elif wanted:
        click.echo(f"{result.what}: done to {imports(result.done)}, left out {len(result.refused):,}")
    standing = {one.id: one for one in read_all(rooms.state, [refused.id for refused in result.refused])}
    for refused in result.refused:
        click.echo(f"{refused.id}: {_why(refused, standing.get(refused.id))}", err=True)


def _why(refused: Refused, standing: Migration | None) -> str:
    if refused.why == "unknown" or standing is None:
        return "no such import here; `migrator status` lists those that are kept"
    if refused.why == "not-now":
        return f"not now, it is {headline(standing)}"
    if refused.why.startswith("audit"):
        return f"{why_not(refused.why)} `migrator audit verify` says what is wrong."
    return why_not(refused.why)


COMMANDS = tuple(map(act_command, ACT_NAMES))
