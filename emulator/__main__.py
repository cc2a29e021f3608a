"""Start the stand-in: `python -m emulator --port 0 --seed-dir DIR --layout mailbox.jsonl`.

When it listens it prints one line of JSON: {"url", "accounts": {address: messages}, "seconds"}.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from dataclasses import fields
from pathlib import Path

import uvicorn
import uvloop

from emulator.account import Account, new_account
from emulator.grants import Client
from emulator.seed import seed_folder, seed_invented
from emulator.server import listening, run
from emulator.settings import Settings, changed
from emulator.world import World

ADDRESS = "customer@gmail.example"


def main() -> None:
    """Seed, listen, announce, serve."""
    started = time.monotonic()
    options = _parser().parse_args()
    world = World(_settings(options))
    world.clients[options.client_id] = Client(options.client_id, options.client_secret, frozenset(options.redirect_uri))
    for account in _seeded(options):
        world.accounts[account.address] = account
    listener = listening(options.port)
    world.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    accounts = {address: len(one.messages) for address, one in world.accounts.items()}
    announcement = {"url": world.url, "accounts": accounts, "seconds": round(time.monotonic() - started, 3)}
    sys.stdout.write(json.dumps(announcement) + "\n")
    sys.stdout.flush()
    uvloop.run(run(world, listener, _stop_at_eof if options.until_eof else lambda _server: None))


def _stop_at_eof(server: uvicorn.Server) -> None:
    """Stop the server when standard input ends: with the process at its other side, however that one dies."""

    def read() -> None:
        if not os.read(sys.stdin.fileno(), 1024):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            server.should_exit = True

    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), read)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m emulator", description="The local Google.")
    parser.add_argument("--port", type=int, default=0, help="0 = let the system choose")
    parser.add_argument("--until-eof", action="store_true", help="stop when standard input ends")
    parser.add_argument("--address", default=ADDRESS, help="the first account")
    parser.add_argument("--seed-dir", type=Path, help="folder of .eml files")
    parser.add_argument("--layout", type=Path, help="one JSON object a line: file, id, threadId, ...")
    parser.add_argument("--labels", type=Path, help="default: LAYOUT.labels.json, if there is one")
    parser.add_argument(
        "--account", action="append", default=[], metavar="ADDRESS=DIR:LAYOUT", help="a further account"
    )
    parser.add_argument("--synthetic", type=int, metavar="N", help="N invented messages in the first account")
    parser.add_argument("--body-bytes", type=int, default=1024, help="their body size")
    parser.add_argument(
        "--crlf", dest="crlf", action="store_true", default=True, help="serve bare LF as CRLF (default)"
    )
    parser.add_argument("--verbatim", dest="crlf", action="store_false", help="serve files as they are")
    parser.add_argument("--client-id", default="demo-client")
    parser.add_argument("--client-secret", default="demo-secret")
    parser.add_argument("--redirect-uri", action="append", default=[], help="beside those on the loopback")
    for name, value in _switches().items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(value), help=f"default {value}")
    return parser


def _switches() -> dict[str, object]:
    defaults = Settings()
    return {field.name: getattr(defaults, field.name) for field in fields(Settings) if field.name != "granted_scopes"}


def _settings(options: argparse.Namespace) -> Settings:
    given = {name: getattr(options, name) for name in _switches()}
    return changed(Settings(), {name: value for name, value in given.items() if value is not None})


def _seeded(options: argparse.Namespace) -> list[Account]:
    first = new_account(options.address)
    if options.synthetic is not None:
        seed_invented(first, options.synthetic, options.body_bytes)
    elif options.layout is not None:
        seed_folder(first, options.seed_dir or options.layout.parent, options.layout, options.labels, crlf=options.crlf)
    return [first, *(_further(text, crlf=options.crlf) for text in options.account)]


def _further(text: str, *, crlf: bool) -> Account:
    address, _, place = text.partition("=")
    folder, _, layout = place.partition(":")
    account = new_account(address)
    seed_folder(account, Path(folder), Path(layout), crlf=crlf)
    return account


if __name__ == "__main__":
    main()
