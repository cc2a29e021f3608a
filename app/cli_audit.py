"""`migrator audit verify | show`: whether the audit log is whole, and what it says."""

import base64
import json
import time
from collections.abc import Iterable
from pathlib import Path

import click
from redis.exceptions import RedisError

from app.config import Config
from app.stores import open_stores
from jobs import audit
from jobs.audit import Checkpoint, Entry, Flaw, Kind, Verdict

_SENTENCES = {
    Kind.CHANGED: "was altered",
    Kind.MISSING: "is missing; others may be missing with it",
    Kind.MISPLACED: "is missing: an earlier one stands in its place, put there twice or moved",
    Kind.UNTIED: "does not follow from the one before it",
    Kind.MISFILED: "lies in another month's list",
    Kind.EARLY: "and those before it were removed before their time",
    Kind.CUT: "and those after it were cut off",
    Kind.HEAD_LOST: "is the last one, and the copy of the newest entry (audit:head) is lost",
    Kind.HEAD_DIFFERS: "is the last one, but the copy of the newest entry (audit:head) is another",
    Kind.REWRITTEN: "is not the one the checkpoint was taken of: the log was written anew at or before it",
    Kind.BEHIND: "is missing, though there is a checkpoint of it: the log was cut off or written anew",
}


def flaw_sentence(flaw: Flaw) -> str:
    """Return what is wrong with an entry, in words."""
    return f"Entry {flaw.number} {_SENTENCES[flaw.kind]}."


def _read_checkpoints(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> tuple[Checkpoint, ...]:
    try:
        return tuple(Checkpoint.read(text) for text in texts)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.group("audit")
def audit_group() -> None:
    """Check the audit log, or look at it."""


@audit_group.command("verify")
@click.option(
    "--checkpoint",
    "given",
    multiple=True,
    metavar="NUMBER:HASH",
    callback=_read_checkpoints,
    help="From the service's log. Repeatable.",
)
@click.option(
    "--receipt",
    "receipts",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A receipt, whose checkpoint must be in the log. Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def verify_command(
    config: Config, /, given: tuple[Checkpoint, ...], receipts: tuple[Path, ...], *, as_json: bool
) -> None:
    """Tell whether the log is what was written.

    The exit code is 1 when it is not, or when a checkpoint cannot be confirmed.

    The chain alone shows what was altered, removed, inserted or moved. That it was not written anew as a whole shows
    only against checkpoints kept elsewhere. A receipt's signature is not checked here: `migrator receipt verify`.
    """
    checkpoints = (*given, *(_checkpoint_in(path) for path in receipts))
    with open_stores(config.store) as stores:
        try:
            verdict = audit.verify(stores.state, checkpoints)
        except RedisError as error:
            raise click.ClickException(f"The audit log cannot be read ({type(error).__name__}).") from None
    click.echo(json.dumps(_verdict_row(verdict), indent=2) if as_json else "\n".join(_told(verdict)))
    raise SystemExit(0 if verdict.holds else 1)


@audit_group.command("show")
@click.option("--migration", help="Only entries about this import.")
@click.option("--last", type=click.IntRange(1), default=50, show_default=True, help="At most so many, the newest.")
@click.option("--json", "as_json", is_flag=True, help="For programs: one entry per line.")
@click.pass_obj
def show_command(config: Config, /, migration: str | None, last: int, *, as_json: bool) -> None:
    """Print the newest entries.

    Number, time, who, what, which import, code. This does not check the chain.
    """
    with open_stores(config.store) as stores:
        try:
            shown = audit.latest(stores.state, last, migration)
        except audit.AuditBroken:
            raise click.ClickException("The audit log is damaged; `migrator audit verify` says where.") from None
        except RedisError as error:
            raise click.ClickException(f"The audit log cannot be read ({type(error).__name__}).") from None
    for entry in shown:
        click.echo(entry.text if as_json else _line(entry))
    if not shown and not as_json:
        click.echo("no entries")


def _checkpoint_in(path: Path) -> Checkpoint:
    """Return the checkpoint in a receipt's payload (compact JWS, RFC 7515 §7.1)."""
    try:
        _, payload, _ = path.read_text("ascii").strip().split(".")
        blob = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        return Checkpoint.read(json.loads(blob)["audit"]["checkpoint"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise click.ClickException(f"{path.name} is not a receipt with a checkpoint") from None


def _told(verdict: Verdict) -> Iterable[str]:
    if verdict.holds:
        yield f"The audit log is whole: {_extent(verdict)}."
        yield _how_known(verdict)
    elif verdict.count:
        yield f"The audit log is NOT what was written: {_extent(verdict)}."
    else:
        yield f"The audit log is whole in itself: {_extent(verdict)}. Not every checkpoint can be confirmed:"
    for flaw in verdict.flaws:
        yield f"  {flaw_sentence(flaw)}"
    if verdict.count > len(verdict.flaws):
        yield f"  {verdict.count - len(verdict.flaws)} more flaws."
    for checkpoint in verdict.out_of_reach:
        yield f"  The checkpoint of entry {checkpoint.number} lies before the first entry kept: nobody can confirm it."


def _extent(verdict: Verdict) -> str:
    if not verdict.last:
        return "it has no entries"
    ended = verdict.first > 1 and all(flaw.kind is not Kind.EARLY for flaw in verdict.flaws)
    before = f"; those before had ended by their time ({audit.AUDIT_DAYS} days)" if ended else ""
    return f"entries {verdict.first} to {verdict.last}{before}"


def _how_known(verdict: Verdict) -> str:
    if verdict.confirmed:
        newest = max(c.number for c in verdict.confirmed)
        return (
            f"It contains the {len(verdict.confirmed)} checkpoints given; up to entry {newest} it was not written anew."
        )
    return "No checkpoint was given: that it was not written anew as a whole is not shown (--checkpoint, --receipt)."


def _verdict_row(verdict: Verdict) -> dict[str, object]:
    return {
        "holds": verdict.holds,
        "first": verdict.first,
        "last": verdict.last,
        "flaws": [_flaw_row(flaw) for flaw in verdict.flaws],
        "count": verdict.count,
        "confirmed": [str(c) for c in verdict.confirmed],
        "out_of_reach": [str(c) for c in verdict.out_of_reach],
    }


def _flaw_row(flaw: Flaw) -> dict[str, object]:
    return {"entry": flaw.number, "kind": flaw.kind, "sentence": flaw_sentence(flaw)}


def _line(entry: Entry) -> str:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry.at))
    what = f"{entry.actor!s:<8}  {entry.act:<22}  {entry.migration or '-':<32}  {entry.code}"
    return f"{entry.number:>8}  {at}  {what}".rstrip()
