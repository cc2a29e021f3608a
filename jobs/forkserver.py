"""The clean server that processes are forked from (multiprocessing's forkserver), and how one of them is ended.

multiprocessing keeps one list of its children and looks through it when a new one starts, so whoever starts or ends
one in this program holds one lock.

The server may be killed like any process, and its socket may be removed. The processes forked from it live on, but
nobody learns any more how they end. The next start of a process starts another server, and waits until that one has
loaded its modules; that takes seconds.
"""

import os
import signal
import threading
from contextlib import suppress
from multiprocessing import forkserver, get_context, util
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

FORKSERVER = get_context("forkserver")
CHILDREN = threading.Lock()
REAP_SECONDS = 5.0


_UNKNOWN = 255
"""multiprocessing's exit code of a process whose server died before it."""

_server: Any = getattr(forkserver, "_forkserver")  # noqa: B009 - its process is told nowhere else


def is_gone() -> bool:
    """True if a server was started and has ended since."""
    pid: int | None = _server._forkserver_pid  # noqa: SLF001 - as above
    if pid is None:
        return False
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def start(process: BaseProcess) -> bool:
    """Have the server fork a process; True if it had been lost, so that another one was started first.

    Raises:
        OSError, EOFError: nothing was started.
    """
    with CHILDREN:
        _end_unreachable()
        lost = is_gone()
        process.start()
    return lost


def kill(process: BaseProcess) -> None:
    """End a process for certain. Its pipe, closed, ends it already; this one does not ask."""
    with CHILDREN:
        process.kill()
        process.join(REAP_SECONDS)
        if process.exitcode == _UNKNOWN and process.pid:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)


def _end_unreachable() -> None:
    """End a server whose socket was removed, and make the folder of the next one's socket again."""
    pid, address = _server._forkserver_pid, _server._forkserver_address  # noqa: SLF001 - as above
    Path(util.get_temp_dir()).mkdir(mode=0o700, exist_ok=True)
    if pid is not None and not Path(address).exists():
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
