"""The demo: the main job on embedded defaults; a stand-in for Google, a real IMAP server, every byte proved."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from app.config import Config
from app.importing import working
from app.report import Report, headline, report_on, show
from app.stores import open_stores
from app.terminal_consent import ask
from app.watch import watch
from jobs.launch import Import, launch
from jobs.migration import State
from migrator.mailbox import Password
from oauth.grant import Client, Grant
from oauth.revocation import is_dead

_ROOT = Path(__file__).resolve().parent.parent
_SAMPLE = _ROOT / "emulator" / "sample"


def run(console: Console, *, keep: bool = False) -> bool:
    """Run the demo; True when every message has an outcome and every copied one was found byte for byte."""
    # The stand-in speaks http on the loopback; oauthlib must be told that this is meant. Never set by the service.
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    folder = Path(tempfile.mkdtemp(prefix="migrator-demo-"))
    try:
        with _local_google() as google, _local_mailbox() as mailbox:
            return _migrate(console, folder, google, mailbox)
    finally:
        if keep:
            console.print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _migrate(console: Console, folder: Path, google: dict[str, Any], mailbox: dict[str, Any]) -> bool:
    config = _config(folder, google["url"], mailbox)
    console.print(
        f"1. A stand-in for Google with {sum(google['accounts'].values())} real messages, "
        f"and {mailbox['server']} as the new mailbox.",
        highlight=False,
    )
    grant = ask(config.client, lambda url: _press_allow(url, next(iter(google["accounts"]))))
    console.print("2. The customer allowed read-only access (gmail.readonly, nothing else).")
    with open_stores(config.store) as stores:
        wanted = Import(
            customer="demo",
            grant=grant,
            mailbox=Password(mailbox["user"], mailbox["password"]),
            choices=config.migrations.choices,
            by_digest=True,
        )
        begun = launch(stores.state, stores.vault, wanted)
        console.print("3. The import runs as queued jobs.")
        with working(config, stores) as stop:
            ended = watch(console, stores.state, begun.id, stop)
        report = report_on(stores.state, begun.id)
        key_gone = not stores.vault.holds(begun.id)
    console.print()
    show(console, report)
    console.print()
    proofs = _proofs(config.client, grant, report, key_gone=key_gone)
    for holds, text in proofs:
        console.print(f"{'✓' if holds else '✗'} {text}", style="green" if holds else "bold red", highlight=False)
    if ended.state is not State.DONE:
        console.print(f"The import ended as: {headline(ended)}", style="bold red")
    return ended.state is State.DONE and all(holds for holds, _ in proofs)


def _proofs(client: Client, grant: Grant, report: Report, *, key_gone: bool) -> list[tuple[bool, str]]:
    copied, verified = report.copied, report.verified
    same = verified.get("identical", 0)
    return [
        (report.adds_up, f"the account adds up: {sum(report.outcomes.values())} of {report.total} messages"),
        (0 < copied == same, f"{same} of {copied} messages verified byte for byte"),
        (is_dead(client, grant), "the access at Google is revoked: a refresh answers invalid_grant"),
        (key_gone, "the key of the stored secrets is destroyed"),
    ]


def _config(folder: Path, google: str, mailbox: dict[str, Any]) -> Config:
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
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own modules
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
