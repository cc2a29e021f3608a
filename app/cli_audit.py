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
from jobs.audit import Checkpoint, Entry, Flaw, Kind, Shelf, Verdict
from jobs.audit.key import AuditKey, AuditKeyUnusable
from jobs.audit.mark import Mark, MarkUnreadable, read_mark
from jobs.audit.shelf import Sealed

_SENTENCES = {
    Kind.CHANGED: "was altered",
    Kind.MISSING: "is missing; others may be missing with it",
    Kind.MISPLACED: "is missing: an earlier one stands in its place, put there twice or moved",
    Kind.UNTIED: "does not follow from the one before it",
    Kind.MISFILED: "lies in another day's file",
    Kind.FORGED: "was not written by the keeper of the log: its MAC does not fit the key",
    Kind.UNSEALED: "begins a file whose seal does not fit: the file was altered, swapped, or is of another log",
    Kind.ROLLED_BACK: "is missing, though the log has been that far: the end was cut off, or the state store was put "
    "back from an older copy (a dump or backup)",
    Kind.MARK_ALTERED: "is unknown: the file that says how far the log has been (newest) was altered",
    Kind.DOUBLED: "is of a day of which there is a file with other entries already",
    Kind.OLD_LOG: "of the log of the version before is not what was written, so it is not carried over",
    Kind.EARLY: "and those before it were removed before their time",
    Kind.CUT: "and those after it were cut off",
    Kind.HEAD_LOST: "is the last one, and the copy of the newest entry (audit:newest) is lost",
    Kind.HEAD_DIFFERS: "is the last one, but the copy of the newest entry (audit:newest) is another",
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
@click.option("--all", "whole", is_flag=True, help="Check each entry of every file, not only the files' digests.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def verify_command(
    config: Config, /, given: tuple[Checkpoint, ...], receipts: tuple[Path, ...], *, whole: bool, as_json: bool
) -> None:
    """Tell whether the log is what was written.

    The exit code is 1 when it is not, or when a checkpoint cannot be confirmed.

    With the log's key, which is where it is kept, it is also shown that nobody else wrote any of it, and that nothing
    was cut off. Without the key that shows only against checkpoints kept elsewhere. A receipt's signature is not
    checked here: `migrator receipt verify`.
    """
    checkpoints = (*given, *(_checkpoint_in(path) for path in receipts))
    shelf, mark = _shelf(config), _mark(config)

    def is_read(file: Sealed) -> bool:
        return whole or not shelf.fits(file)

    with open_stores(config.store) as stores:
        try:
            verdict = audit.verify(stores.state, shelf, checkpoints, is_read, mark.checkpoint if mark else None)
        except RedisError as error:
            raise click.ClickException(f"The audit log cannot be read ({type(error).__name__}).") from None
    click.echo(json.dumps(_verdict_row(verdict), indent=2) if as_json else "\n".join(_told(verdict, mark)))
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
            shown = audit.latest(stores.state, last, migration, audit.Shelf(config.audit_folder))
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


def _shelf(config: Config) -> Shelf:
    """Return the closed days, with the key where it can be read."""
    try:
        return Shelf(config.audit_folder, AuditKey.read(config.audit_key_path))
    except (OSError, AuditKeyUnusable):
        return Shelf(config.audit_folder)


def _mark(config: Config) -> Mark | None:
    """Return how far the log has been; None where that cannot be read here."""
    key = _shelf(config).key
    try:
        return read_mark(config.audit_folder, key) if key else None
    except OSError:
        return None
    except MarkUnreadable:
        raise click.ClickException(flaw_sentence(Flaw(0, Kind.MARK_ALTERED))) from None


def _told(verdict: Verdict, mark: Mark | None) -> Iterable[str]:
    if verdict.holds:
        yield f"The audit log is whole: {_extent(verdict)}."
        yield from _how_known(verdict, mark)
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


def _how_known(verdict: Verdict, mark: Mark | None) -> Iterable[str]:
    if mark:
        yield f"Each entry is its keeper's; by a note outside the store nothing is missing up to entry {mark.number}."
    given = [c for c in verdict.confirmed if not mark or c != mark.checkpoint]
    if given:
        newest = max(c.number for c in given)
        yield f"It contains the {len(given)} checkpoints given; up to entry {newest} it was not written anew."
    elif not mark:
        yield "The key is not here, and no checkpoint was given (--checkpoint, --receipt): that it was not written anew"
        yield "as a whole is not shown."


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


COMMANDS = (audit_group,)
