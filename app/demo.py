"""The demo: the main job on embedded defaults; a stand-in for Google, a real IMAP server, every byte proved."""

import json
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from rich.console import Console

from app.config import Config
from app.connecting import Connected, connect
from app.demo_pages import sections, show_pages
from app.home import at_home
from app.importing import preload_processes, working
from app.receipts import signing_key
from app.report import headline, show
from app.server import APART
from app.stores import Stores, open_stores
from app.terminal_consent import ask
from app.watch import watch
from jobs.launch import Import, launch
from jobs.migration import State, new_id, part_key
from jobs.report import Report, report_on
from migrator.mailbox import Password
from migrator.receipt import Receipt
from migrator.signing import ReceiptError, verify
from migrator.signingkeys import public_keys
from oauth.pending import Purpose

_ROOT = Path(__file__).resolve().parent.parent
_SAMPLE = _ROOT / "emulator" / "sample"


def run(console: Console, *, keep: bool = False) -> bool:
    """Run the demo; True when every message has an outcome and every copied one was found byte for byte."""
    folder = Path(tempfile.mkdtemp(prefix="migrator-demo-"))
    try:
        with _local_google() as google, _local_mailbox() as mailbox, _local_mailbox() as newcomers:
            config = _config(folder, google["url"], mailbox, newcomers)
            with at_home(config.store), open_stores(config.store) as stores:
                keys = public_keys(signing_key(config))
                proved = _migrate(console, config, stores, keys, google, mailbox)
                return show_pages(console, config, stores, keys, newcomers) and proved
    finally:
        if keep:
            console.print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _migrate(
    console: Console,
    config: Config,
    stores: Stores,
    keys: dict[str, Any],
    google: dict[str, Any],
    mailbox: dict[str, Any],
) -> bool:
    console.print(
        f"1. A stand-in for Google with {sum(google['accounts'].values())} real messages, "
        f"and {mailbox['server']} as the new mailbox.",
        highlight=False,
    )
    connected = _connected(config, stores, next(iter(google["accounts"])))
    console.print(
        f"2. {connected.address} allowed read-only access: gmail.readonly, nothing else.",
        highlight=False,
    )
    wanted = Import(
        customer="demo",
        mailbox=Password(mailbox["user"], mailbox["password"]),
        choices=config.migrations.choices,
        by_digest=True,
    )
    begun = launch(stores.state, stores.vault, connected.migration, wanted, connecting=True)
    console.print("3. The import runs as queued jobs.")
    with working(config, stores) as stop:
        ended = watch(console, stores.state, begun.id, stop)
    report = report_on(stores.state, begun.id)
    key_gone = not stores.vault.holds(begun.id)
    signed = (cast("bytes | None", stores.state.get(part_key(begun.id, "receipt"))) or b"").decode()
    console.print()
    show(console, report)
    console.print()
    kept = _keep_receipt(signed, keys)
    proofs = _proofs(report, _grants_at(google["url"]), _genuine(signed, keys), kept, key_gone=key_gone)
    for holds, text in proofs:
        console.print(f"{'✓' if holds else '✗'} {text}", style="green" if holds else "bold red", highlight=False)
    if ended.state is not State.DONE:
        console.print(f"The import ended as: {headline(ended)}", style="bold red")
    return ended.state is State.DONE and all(holds for holds, _ in proofs)


def _connected(config: Config, stores: Stores, account: str) -> Connected:
    preload_processes(*(room.__name__ for room in APART))
    purpose = Purpose(new_id(), expected=account)
    return connect(config, stores, *ask(stores, config.client, purpose, lambda url: _press_allow(url, account)))


def _proofs(
    report: Report, grants: int, receipt: Receipt | None, kept: str, *, key_gone: bool
) -> list[tuple[bool, str]]:
    copied, same = report.copied, report.verified.get("identical", 0)
    revoked = receipt is not None and receipt.access.revocation == "confirmed" and grants == 0
    return [
        (report.adds_up, f"the account adds up: {sum(report.outcomes.values())} of {report.total} messages"),
        (0 < copied == same, f"{same} of {copied} messages verified byte for byte"),
        (
            revoked,
            "the access at Google is revoked: invalid_grant at a refresh, no grant left",
        ),
        (key_gone, "the key of the stored secrets is destroyed"),
        (receipt is not None, f"the receipt is signed and verified: {kept}"),
    ]


def _genuine(signed: str, keys: dict[str, Any]) -> Receipt | None:
    try:
        return verify(signed, keys)
    except ReceiptError:
        return None


def _keep_receipt(signed: str, keys: dict[str, Any]) -> str:
    """Write receipt and public keys where they outlive the demo, and return where that is."""
    folder = _ROOT / "build" / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "receipt.jws").write_text(signed)
    (folder / "receipt-keys.json").write_text(json.dumps(keys))
    return "build/demo/receipt.jws"


def _grants_at(google: str) -> int:
    """Ask the stand-in how many grants it still knows."""
    with urllib.request.urlopen(f"{google}/_control/grants", timeout=30) as answer:  # noqa: S310 - the stand-in's own
        return len(json.load(answer)["grants"])


def _config(folder: Path, google: str, mailbox: dict[str, Any], newcomers: dict[str, Any]) -> Config:
    secret = folder / "client-secret"
    secret.write_text("demo-secret")
    return Config.model_validate(
        {
            "google": {
                "client_id": "demo-client",
                "client_secret_file": secret,
                "profile": "legacy",
                "api": google,
                "auth_uri": f"{google}/o/oauth2/v2/auth",
                "token_uri": f"{google}/token",
                "revoke_uri": f"{google}/revoke",
            },
            "store": {"directory": folder / "state"},
            "mailbox": {"host": mailbox["host"], "port": mailbox["port"], "tls": "none"},
            "migrations": {"verify": "digest"},
            **sections(newcomers),
        }
    )


@contextmanager
def _local_google() -> Iterator[dict[str, Any]]:
    layout = [f"--seed-dir={_SAMPLE / 'mail'}", f"--layout={_SAMPLE / 'mailbox.jsonl'}"]
    with _announced(
        "emulator", "--until-eof", *layout, f"--labels={_SAMPLE / 'labels.json'}", "--quota=legacy"
    ) as said:
        yield said


@contextmanager
def _local_mailbox() -> Iterator[dict[str, Any]]:
    with _announced("emulator.servers") as said:
        yield said


@contextmanager
def _announced(module: str, *options: str) -> Iterator[dict[str, Any]]:
    """Start one of the stand-ins as a process and read its one line of JSON; it ends when its input does."""
    command = [sys.executable, "-m", module, *options]
    with subprocess.Popen(  # noqa: S603 - our own modules
        command,
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the demo, which still needs them for its last words
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else b""
            if not line:
                raise RuntimeError(f"{module} did not start")
            yield json.loads(line)
        finally:
            if process.stdin:
                process.stdin.close()


def _press_allow(url: str, account: str) -> None:
    """Do what the customer's browser does: open the consent page, press Allow, follow the way back."""
    page = urllib.parse.urlsplit(url)
    form = {name: values[0] for name, values in urllib.parse.parse_qs(page.query).items()} | {
        "account": account,
        "decision": "allow",
    }
    request = urllib.request.Request(  # noqa: S310 - the stand-in's own http address
        urllib.parse.urlunsplit(page._replace(query="")), data=urllib.parse.urlencode(form).encode()
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        answer.read()
