"""The product as a contender: an import from its launch to its end, the whole worker's processes counted."""

import time
from pathlib import Path

from bench.figures import Run
from bench.google import Google
from bench.installation import Sections, begin, finish, installation, warm_up
from bench.parts import User
from bench.processes import cpu_seconds, watching

_LONGEST = 3600


def run(name: str, folder: Path, google: Google, port: int, user: User, sections: Sections | None = None) -> Run:
    """Import the account into the user's mailbox at this port of the loopback.

    The worker has been started before and is warm; plan, copying, verification and revocation all count. What the
    state store uses is told in the note: it is a server of its own, as the two at both ends are.
    """
    with installation(folder, google, "127.0.0.1", port, sections) as installed:
        start_cpu = warm_up(installed, user)
        store = installed.stores.state.info("server")["process_id"]
        store_cpu, began = cpu_seconds(store), time.monotonic()
        with watching(installed.worker) as watch:
            migration = begin(installed, google, user)
            last = finish(installed, migration, _LONGEST)
        cpu = cpu_seconds(installed.worker) - start_cpu
        store_cpu = cpu_seconds(store) - store_cpu
        note = f"state store: {1000 * store_cpu / last.total:.2f} CPU s per 1,000"
        return Run(name, last.total, last.at - began, cpu, watch.peak, note)
