"""`migrator queue | dead`: how everything stands now, what needs a person, and what failed with what to type."""

import threading
from collections import Counter
from contextlib import suppress

import click
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from app.config import Config
from app.terminal import as_json_option, columns, opened_rooms, pairs, terminal, told
from jobs.acts import NEEDS_CUSTOMER
from jobs.flow import totals
from jobs.migration import State
from jobs.standing import standing
from web.operator.models import CodeCount, Count, Need, Overview, Told, WorkerTold
from web.operator.overview import overview_of
from web.operator.words import ahead, imports, number, span

_EVERY_SECONDS = 2.0

_COMMANDS = {
    "audit": "migrator audit verify",
    "no-worker": "migrator doctor",
    "cannot-start": "migrator doctor",
    "unreadable": "migrator list",
    "stuck": "migrator doctor",
    "google-client": "migrator doctor",
    "overdue": "migrator doctor",
    "unconfirmed": "migrator list --unconfirmed",
    "dead-tickets": "migrator dead",
    "stopped": 'migrator resume --where "state=failed code={code}"',
    "paused": 'migrator resume --where "state=paused code={code}"',
    "waiting": 'migrator resume --where "state=waiting code={code}"',
}


class Dead(Told):
    """What failed, by code, and how many tickets died: since the counting began, and of late."""

    failed: tuple[CodeCount, ...]
    tickets: Count
    tickets_now: Count


@click.command("queue")
@click.option("--watch", is_flag=True, help="Look again every two seconds, until Ctrl-C.")
@as_json_option
@click.pass_obj
def queue_command(config: Config, /, *, watch: bool, as_json: bool) -> None:
    """Show how everything stands: what needs a person, imports by state, queue, workers, the last hour."""
    with opened_rooms(config) as rooms:
        if as_json:
            told(overview_of(rooms))
        elif watch:
            with suppress(KeyboardInterrupt), Live(console=terminal(), screen=True, auto_refresh=False) as live:
                while True:
                    live.update(shown(overview_of(rooms)), refresh=True)
                    threading.Event().wait(_EVERY_SECONDS)
        else:
            terminal().print(shown(overview_of(rooms)))


@click.command("dead")
@as_json_option
@click.pass_obj
def dead_command(config: Config, /, *, as_json: bool) -> None:
    """Show what failed, by code with what to do, and how many tickets died.

    A ticket says nothing and is replaced by a new one: when tickets die, look at the worker's log.
    """
    with opened_rooms(config) as rooms:
        now = standing(rooms.state, rooms.broker)
        failed = Counter({code: count for (state, code), count in now.held.items() if state is State.FAILED})
        found = Dead(
            failed=tuple(
                CodeCount(code=code, count=count, sentence=rooms.sentence(code)) for code, count in failed.most_common()
            ),
            tickets=totals(rooms.state).dead,
            tickets_now=now.dead_tickets,
        )
    if as_json:
        told(found)
    else:
        terminal().print(_dead(found))


def shown(overview: Overview) -> RenderableType:
    """Return the overview for people."""
    parts = [_needs(overview), _states(overview), _queue(overview), _workers(overview), _hour(overview)]
    return Group(*(part for part in parts if part))


def _titled(title: str, *parts: RenderableType) -> RenderableType:
    return Group(Text(title, style="bold"), *parts, "")


def _needs(overview: Overview) -> RenderableType:
    if not overview.needs:
        return _titled("Nothing needs a person.")
    return _titled("Needs a person", *(part for need in overview.needs for part in _need(need)))


def _need(need: Need) -> tuple[RenderableType, ...]:
    rows = Table.grid(padding=(0, 1, 0, 0))
    rows.add_row(" !" if need.grave else " -", Text(need.words, style="bold red" if need.grave else "yellow"))
    rows.add_row("", need.sentence)
    rows.add_row("", Text(_command(need), style="cyan"))
    return (rows,)


def _command(need: Need) -> str:
    """Return what to type; imports that only their customers free can be looked at alone."""
    command = _COMMANDS[need.kind].format(code=need.code)
    return command.replace("migrator resume", "migrator list") if need.code in NEEDS_CUSTOMER else command


def _states(overview: Overview) -> RenderableType:
    there = [one for one in overview.states if one.count]
    rows = pairs()
    for one in there:
        rows.add_row(f"  {one.state}", number(one.count))
    return _titled(f"Imports: {sum(one.count for one in there):,}", rows)


def _queue(overview: Overview) -> RenderableType:
    queue, rows = overview.queue, pairs()
    longest = f", the longest for {span(queue.oldest_ready_seconds)}" if queue.ready else ""
    rows.add_row("  ready for a slice", f"{number(queue.ready)}{longest}")
    rows.add_row("  slices at work", f"{number(queue.running)} of {number(queue.threads)}")
    first = f", the first {ahead(queue.next_due, overview.at)}" if queue.next_due else ""
    rows.add_row("  go on by themselves", f"{number(queue.due)}{first}")
    rows.add_row("  tickets", f"{number(queue.tickets)}, {number(queue.dead_tickets)} died of late")
    rows.add_row("  undos", f"{number(queue.undos_running)} at work, {number(queue.undos_waiting)} waiting")
    return _titled("Queue", rows)


def _workers(overview: Overview) -> RenderableType:
    if not overview.workers:
        return _titled("Workers: none", Text("  Start one: migrator worker", style="cyan"))
    rows = columns("  Machine", "Version", ">Slices", "Last heard of")
    for one in overview.workers:
        rows.add_row(f"  {one.host}", one.version, f"{one.busy} of {one.threads}", _heard(one))
    alive = sum(one.alive for one in overview.workers)
    return _titled(f"Workers: {alive} alive", rows)


def _heard(worker: WorkerTold) -> Text:
    wrong = f": cannot start processes ({worker.trouble})" if worker.trouble else ""
    wrong = wrong if worker.alive else ": not alive"
    return Text(f"{span(worker.seen_seconds)} ago{wrong}", style="bold red" if wrong else "")


def _hour(overview: Overview) -> RenderableType:
    rows, messages = pairs(), sum(minute.messages for minute in overview.minutes)
    rows.add_row("  messages", f"{number(messages)}, {number(overview.minutes[-2].messages)} in the last whole minute")
    for quota in overview.quotas:
        used = f"{number(quota.last)} of {number(quota.ceiling)} units a minute, at most {number(quota.highest)}"
        rows.add_row(f"  Google, {quota.project}", used)
    for code in overview.codes:
        rows.add_row(
            f"  {code.code}", f"held an import up {number(code.count)} {'time' if code.count == 1 else 'times'}"
        )
    return _titled("The last hour", rows)


def _dead(found: Dead) -> RenderableType:
    parts: list[RenderableType] = []
    for one in found.failed:
        rows = Table.grid()
        rows.add_row(Text(f"{imports(one.count)} failed: {one.code}", style="bold red"))
        rows.add_row(one.sentence)
        rows.add_row(Text(_COMMANDS["stopped"].format(code=one.code), style="cyan"))
        parts += [rows, ""]
    tickets = f"Tickets that died: {number(found.tickets)}; {number(found.tickets_now)} not cleared away yet."
    return Group(*(parts or ["No import has failed."]), tickets)


COMMANDS = (queue_command, dead_command)
