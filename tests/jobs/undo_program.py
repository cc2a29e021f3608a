"""A program that asks for one undo, as the web server would, and says how it went; it is killed by tests."""

import json
import sys
from pathlib import Path

from redis import Redis

from jobs.apart import ApartFailed
from jobs.undoing import Place, undo
from migrator.mailbox import Password, Target
from oauth.keyring import KeyRing
from oauth.vault import Vault
from oauth.workerskeys import WorkersPublicKey


def main(told: dict[str, str]) -> str:
    """Return `done` or the code of the failure."""
    target = Target(told["host"], int(told["port"]), "none")
    with Redis.from_url(told["url"]) as redis:
        master = Path(told["master"])
        public = WorkersPublicKey.read(master.with_name("workers.pub"))
        vault = Vault(redis, KeyRing.read(master), public)
        try:
            undo(redis, vault, told["migration"], Place(target), Password(told["user"], told["password"]))
        except ApartFailed as failed:
            return failed.code
    return "done"


if __name__ == "__main__":
    sys.stdout.write(main(json.loads(sys.stdin.read())))
