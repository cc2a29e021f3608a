"""Keeps the log once, and kills itself at an event: `python audit_killed.py <url> <folder> <event> <how many before>`.

The events are those of the interpreter (PEP 578): files opened, linked, renamed and removed in the folder; `store`
stands for each command and transaction of the store.
"""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

from audit_chains import KEY
from redis import Redis

from jobs.audit.keeper import Keeper, locked

URL, FOLDER, EVENT, AFTER = sys.argv[1:]
left = iter(range(int(AFTER)))


def die_at(event: str, args: tuple[object, ...]) -> None:
    if event == EVENT and FOLDER in str(args[0]) + str(args[1:2]):
        count()


def count() -> None:
    if next(left, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)


class Counting(Redis):
    """A client that counts what it asks of the store: commands and transactions."""

    def execute_command(self, *args: object, **options: object) -> object:
        if EVENT == "store":
            count()
        return super().execute_command(*args, **options)  # type: ignore[arg-type]

    def pipeline(self, *args: object, **options: object) -> object:  # type: ignore[override]
        pipe = super().pipeline(*args, **options)  # type: ignore[arg-type]
        execute = pipe.execute

        def counted() -> object:
            if EVENT == "store":
                count()
            return execute()

        pipe.execute = counted  # type: ignore[method-assign, assignment]
        return pipe


sys.addaudithook(die_at)
with Counting.from_url(URL) as redis, locked(Path(FOLDER).with_name("killed")):
    Keeper(redis, Path(FOLDER), KEY, settled_seconds=0).look()
