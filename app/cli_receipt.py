"""`migrator receipt verify | show | keys`: receipts checked, fetched, and the public keys they are checked with."""

import json
from pathlib import Path
from typing import BinaryIO, cast

import click

from app.config import Config
from app.receipt_text import told
from app.report import visible
from app.stores import open_stores
from jobs.migration import part_key
from migrator.signing import MAX_BYTES, KeyUnknown, ReceiptError, ReceiptForged, ReceiptUnreadable, verify
from migrator.signingkeys import KeyUnusable, SigningKey, public_keys, read_keys

WELL_KNOWN = "/.well-known/migrator-receipt-keys.json"
"""Where the web part publishes the public keys."""

_VERDICTS: dict[type[ReceiptError], str] = {
    ReceiptForged: "FORGED. Do not rely on this receipt.",
    ReceiptUnreadable: "UNREADABLE. This is no receipt, or not all of it.",
    KeyUnknown: "NOT CHECKED. Are these the public keys of the one who gave you this receipt?",
}

_A_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("receipt")
def receipt_group() -> None:
    """Check a receipt, or fetch one that is still kept."""


@receipt_group.command("verify")
@click.argument("file", type=click.File("rb"))
@click.option("--keys", type=_A_FILE, help=f"The issuer's public keys, from its {WELL_KNOWN}.")
@click.option("--json", "as_json", is_flag=True, help="Print the receipt as JSON.")
@click.pass_obj
def verify_command(config: Config, /, file: BinaryIO, keys: Path | None, *, as_json: bool) -> None:
    """Check the receipt in FILE (- for standard input) and print what it says. Needs no network and no store.

    Without --keys the keys of this installation are taken.
    """
    text = file.read(MAX_BYTES + 1).decode("ascii", "replace")
    try:
        receipt = verify(text, read_keys(keys) if keys else _own_keys(config))
    except ReceiptError as error:
        raise click.ClickException(f"{_VERDICTS[type(error)]} {error}") from None
    except KeyUnusable as error:
        raise click.ClickException(f"NOT CHECKED. {error}") from None
    if as_json:
        click.echo(receipt.to_bytes().decode())
        return
    issuer = visible(receipt.issuer).plain or "an issuer that is not named"
    whose = f"the public keys in {keys}" if keys else "the public keys of this installation"
    click.echo(f"This receipt is genuine and unchanged, by {whose}. It was issued by {issuer}.\n")
    for line in told(receipt):
        click.echo(visible(line).plain)


@receipt_group.command("show")
@click.argument("migration")
@click.pass_obj
def show_command(config: Config, migration: str) -> None:
    """Print the receipt of an import that ended less than 24 hours ago, as it was signed."""
    with open_stores(config.store) as stores:
        signed = cast("bytes | None", stores.state.get(part_key(migration, "receipt")))
    if signed is None:
        raise click.ClickException(
            f"no receipt of import {migration} here: it has not ended, or its 24 hours are over. See `migrator status`."
        )
    click.echo(signed.decode())


@receipt_group.command("keys")
@click.pass_obj
def keys_command(config: Config) -> None:
    """Print the public keys that this installation's receipts are checked with (JWKS)."""
    click.echo(json.dumps(_own_keys(config), indent=2))


def _own_keys(config: Config) -> dict[str, object]:
    try:
        return public_keys(SigningKey.read(config.receipt_key_path), config.receipts.retired_keys_file)
    except KeyUnusable as error:
        raise click.ClickException(f"receipts: {error}") from None
    except OSError as error:
        raise click.ClickException(
            f"cannot read {error.filename}: {error.strerror}. To check a receipt of somebody else, get the public keys "
            f"from the issuer ({WELL_KNOWN}) and name the file with --keys."
        ) from None


COMMANDS = (receipt_group,)
