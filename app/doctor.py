"""`migrator doctor`: the whole installation looked over, and for each thing that is wrong the way out."""

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from textwrap import TextWrapper

import click
from redis.exceptions import RedisError
from rich.console import Console
from rich.text import Text

from app.checks.addresses import addresses
from app.checks.files import files
from app.checks.finding import Finding, Verdict, bad, warn
from app.checks.google import google
from app.checks.mailservers import mail_servers
from app.checks.program import program
from app.checks.stores import stores
from app.checks.work import work
from app.config import Config
from app.stores import StoreUrls, urls_of
from jobs.broker import open_state
from jobs.heartbeats import workers

Room = Callable[[Config], Iterator[Finding]]

_STYLES = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.BAD: "bold red"}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--worker", "only_worker", is_flag=True, help="Only: does a worker of this machine live?")
@click.pass_obj
def doctor_command(config: Config, /, *, as_json: bool, only_worker: bool) -> None:
    """Look the installation over, and say what to do about what is wrong.

    Changes nothing, sends no secret anywhere but the OAuth client's to Google, needs no running worker. The exit code
    is 1 when anything is bad.
    """
    if only_worker:
        _say_whether_a_worker_lives(config)
        return
    rooms = examined(config)
    found = [finding for findings in rooms.values() for finding in findings]
    if as_json:
        click.echo(json.dumps({name: [asdict(one) for one in findings] for name, findings in rooms.items()}, indent=2))
    else:
        _show(Console(highlight=False), rooms)
    raise SystemExit(1 if any(one.verdict is Verdict.BAD for one in found) else 0)


def examined(config: Config) -> Mapping[str, list[Finding]]:
    """Return what was found, by room; a check that fails is a finding too."""
    urls, placed = _placed(config)
    rooms: dict[str, Room] = {
        "Program": lambda _: program(),
        "Keys and files": files,
        "Stores": lambda _: stores(urls) if urls else iter(placed),
        "Work": lambda _: work(urls) if urls else iter(()),
        "Google": google,
        "Mail servers": mail_servers,
        "Addresses": addresses,
    }
    return {name: list(_looked(room, config)) for name, room in rooms.items()}


def _placed(config: Config) -> tuple[StoreUrls | None, list[Finding]]:
    """Return where the stores are, or why that is not known."""
    try:
        urls = urls_of(config.store)
    except click.ClickException as error:
        return None, [bad("stores", "the configuration does not say where they are", error.message)]
    if urls is None:
        return None, [warn("stores", "they are embedded, and do not run now", "Start a worker: migrator worker.")]
    return urls, []


def _looked(room: Room, config: Config) -> Iterator[Finding]:
    try:
        yield from room(config)
    except Exception as error:  # noqa: BLE001 - one check that cannot be made must not hide the others
        yield bad(
            "check", f"could not be made ({type(error).__name__})", "Please report this, with the class named here."
        )


def _say_whether_a_worker_lives(config: Config) -> None:
    with suppress(click.ClickException, RedisError):
        urls = urls_of(config.store)
        if urls and _worker_lives(urls):
            click.echo("a worker of this machine lives")
            return
    raise click.ClickException(
        "no worker of this machine that can start processes was heard of within 30 s, or the state store is away"
    )


def _worker_lives(urls: StoreUrls) -> bool:
    with open_state(urls.state) as state:
        now, _ = state.time()  # heartbeats are told by the store's clock
        return any(worker.can_work(now) for worker in workers(state) if worker.host == socket.gethostname())


def _show(console: Console, rooms: Mapping[str, list[Finding]]) -> None:
    for name, findings in rooms.items():
        if findings:
            console.print(Text(name, style="bold"))
            for one in findings:
                _show_one(console, one)
            console.print()
    counts = [sum(one.verdict is kind for findings in rooms.values() for one in findings) for kind in Verdict]
    console.print("{} ok, {} to look at, {} bad".format(*counts))


def _show_one(console: Console, one: Finding) -> None:
    """Print what was found, and the way out below it; a word is never broken: it may be a path to be copied."""
    label, rest = f"  {one.verdict:<5} ", f"{one.name:<26} {one.found}"
    wrap = TextWrapper(width=max(60, console.width), break_long_words=False, break_on_hyphens=False)
    wrap.initial_indent = wrap.subsequent_indent = " " * len(label)
    first, *others = wrap.wrap(rest) + wrap.wrap(f"-> {one.way_out}" if one.way_out else "")
    console.print(Text(label, style=_STYLES[one.verdict]) + first[len(label) :], soft_wrap=True)
    for line in others:
        console.print(Text(line), soft_wrap=True)


COMMANDS = (doctor_command,)
