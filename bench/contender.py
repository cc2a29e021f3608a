"""One contender in a process of its own: its task comes as JSON on standard input, its figures leave as JSON.

CPU and time count from the first message to the last, without the start of the interpreter.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import floors, naive
from bench.figures import Run
from bench.google import ROOT

_KIB = 1024


def run(name: str, contender: str, task: dict[str, Any]) -> Run:
    """Run a contender (`naive`, `fetch` or `multiappend`) with the keyword arguments of its function.

    Raises:
        CalledProcessError: it failed; its own words are on standard error.
    """
    done = subprocess.run(
        [sys.executable, "-m", "bench.contender", contender],
        cwd=ROOT,
        input=json.dumps(task),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Run(name, **json.loads(done.stdout))


def main() -> None:
    """Do the task and print the figures."""
    contenders: dict[str, Callable[..., int]] = {
        "naive": naive.copy,
        "fetch": floors.fetch,
        "multiappend": floors.multiappend,
    }
    contender, task = contenders[sys.argv[1]], json.load(sys.stdin)
    if "mail" in task:
        task["mail"] = [(folder, Path(path).read_bytes()) for folder, path in task["mail"]]
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
    messages = contender(**task)
    after, ended = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    figures = {"messages": messages, "seconds": ended - began, "cpu": cpu, "peak": after.ru_maxrss / _KIB}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
