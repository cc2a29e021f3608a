"""A program that connects an account like the command line does, and then lives on, for a look into its memory.

    python connecting_process.py CONFIG WHERE MIGRATION

It prints Google's URL, reads the answer from standard input, connects (`WHERE` is "apart", the product's way, or
"here", in this very process), prints "connected", and ends with its input.
"""

import sys
from pathlib import Path

from app.config import load
from app.connecting import connect
from app.stores import open_stores
from oauth import pending
from oauth.consent import code_of, exchange
from oauth.pending import Purpose


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(config_file: str, where: str, migration: str) -> None:
    config = load(Path(config_file))
    with open_stores(config.store) as stores:
        back = "http://127.0.0.1:1/"
        say(pending.begin(stores.keys, stores.vault, config.client, back, "s", Purpose(migration)))
        answer = sys.stdin.readline().strip()
        taken = pending.take(stores.keys, stores.vault, "s", answer)
        if where == "apart":
            held: object = connect(config, stores, taken, answer)
        else:
            held = exchange(config.client, taken.consent, code_of(taken.consent, answer))
        say("connected")
        sys.stdin.read()
        del held


if __name__ == "__main__":
    main(*sys.argv[1:])
