"""A program that asks for one undo, as a worker would, and says how it went; it is killed by tests."""

import json
import sys

from redis import Redis

from jobs.apart import ApartFailed
from jobs.launch import mailbox_as_bytes
from jobs.undoing import Place, undo
from migrator.mailbox import Password, Target
from oauth.handover import sealed_for


def main(told: dict[str, str]) -> str:
    """Return `done` or the code of the failure."""
    target = Target(told["host"], int(told["port"]), "none")
    with Redis.from_url(told["url"]) as redis:
        try:
            handed = sealed_for("undo", mailbox_as_bytes(Password(told["user"], told["password"])))
            undo(redis, told["migration"], Place(target), handed)
        except ApartFailed as failed:
            return failed.code
    return "done"


if __name__ == "__main__":
    sys.stdout.write(main(json.loads(sys.stdin.read())))
