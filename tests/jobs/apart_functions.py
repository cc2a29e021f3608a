"""Functions for `run_apart`, found by name in the process that does them."""

import os
import resource
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from jobs.apart import Ask, Json, Unanswered
from jobs.errors import AccountBusy
from oauth.errors import WrongAccount


def doubled(task: Any, _: Ask) -> Json:
    return {"doubled": task * 2}


def asking(task: Any, ask: Ask) -> Json:
    return {"heard": [ask({"number": number})["square"] for number in range(task)]}


def of_size(task: Any, _: Ask) -> Json:
    return {"text": "x" * task}


def asking_too_much(task: Any, ask: Ask) -> Json:
    return ask({"text": "x" * task})


def tidying_up(task: Any, ask: Ask) -> Json:
    try:
        return ask({})
    except Unanswered:
        Path(task).write_text("tidied up")
        raise


def failing(task: Any, _: Ask) -> Json:
    raise {"ours": WrongAccount(), "jobs": AccountBusy(), "theirs": ValueError("canary"), "end": SystemExit("canary")}[
        task
    ]


def lying(_task: Any, _: Ask) -> Json:
    error = WrongAccount()
    error.code = "a canary"  # type: ignore[misc]
    raise error


def dying(_task: Any, _: Ask) -> Json:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def hanging(task: Any, _: Ask) -> Json:
    Path(task).write_text(str(os.getpid()))
    time.sleep(600)
    return {}


def stubborn(task: Any, ask: Ask) -> Json:
    os._exit = lambda _: None  # type: ignore[assignment,method-assign]
    return hanging(task, ask)


def hungry(task: Any, _: Ask) -> Json:
    return {"size": len(bytearray(task))}


def walls(_task: Any, _: Ask) -> Json:
    with tempfile.NamedTemporaryFile() as file:
        place = str(Path(file.name).parent)
    return {"core": resource.getrlimit(resource.RLIMIT_CORE), "umask": os.umask(0o077), "temp": place}
