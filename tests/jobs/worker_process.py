"""A worker as a program: `python worker_process.py <order as JSON>`."""

import json
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import slices
from jobs_harness import QUICK

from app.logs import CHILD_LOGS, configure_logs
from jobs.scratch import home
from jobs.worker import leave, run_worker


def main() -> None:
    order = json.loads(sys.argv[1])
    items = order["settings"].pop("items", 10)
    seconds = order["settings"].pop("item_seconds", 0.0)
    plan = slices.Plan(order["urls"][0], items, seconds)
    settings = replace(QUICK, config=plan, preload=(CHILD_LOGS, "slices"), **order["settings"])
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    state, tickets = order["urls"]
    configure_logs()
    with home(Path(order["scratch"])):
        well = run_worker(state, tickets, getattr(slices, order["work"]), settings, stop)
    leave(0 if well else 1)


if __name__ == "__main__":
    main()
