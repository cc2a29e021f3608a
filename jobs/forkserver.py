"""The clean server that processes are forked from (multiprocessing's forkserver), and how one of them is ended.

multiprocessing keeps one list of its children and looks through it when a new one starts, so whoever starts or ends
one in this program holds one lock.

The server may be killed like any process. The processes forked from it live on, but nobody learns any more how they
end. multiprocessing starts another server at the next start of a process, which then waits until that one has loaded
its modules. That takes seconds, so no slice starts a process while the server is gone.
"""

import os
import signal
import threading
from contextlib import suppress
from multiprocessing import forkserver, get_context
from multiprocessing.process import BaseProcess

FORKSERVER = get_context("forkserver")
CHILDREN = threading.Lock()
REAP_SECONDS = 5.0


_UNKNOWN = 255
"""multiprocessing's exit code of a process whose server died before it."""


class ServerGone(Exception):
    """The server has been killed, or was while it forked a process: nothing was started."""


def is_gone() -> bool:
    """True if a server was started and has ended since."""
    pid: int | None = getattr(forkserver, "_forkserver")._forkserver_pid  # noqa: B009, SLF001 - told nowhere else
    if pid is None:
        return False
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def start(process: BaseProcess) -> None:
    """Have the server fork a process; the caller holds `CHILDREN`.

    Raises:
        ServerGone: it was not started.
    """
    try:
        process.start()
    except (OSError, EOFError) as error:
        raise ServerGone from error


def load() -> None:
    """Return when the server runs and has loaded its modules.

    Raises:
        ServerGone: it cannot be started, or was killed meanwhile.
    """
    with CHILDREN:
        first = FORKSERVER.Process(daemon=True)
        start(first)
        first.join()
        first.close()


def kill(process: BaseProcess) -> None:
    """End a process for certain. Its pipe, closed, ends it already; this one does not ask."""
    with CHILDREN:
        process.kill()
        process.join(REAP_SECONDS)
        if process.exitcode == _UNKNOWN and process.pid:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
