"""The clean server that processes are forked from (multiprocessing's forkserver), and how one of them is ended.

multiprocessing keeps one list of its children and looks through it when a new one starts, so whoever starts or ends
one in this program holds one lock.
"""

import threading
from multiprocessing import get_context
from multiprocessing.process import BaseProcess

FORKSERVER = get_context("forkserver")
CHILDREN = threading.Lock()
REAP_SECONDS = 5.0


def kill(process: BaseProcess) -> None:
    """End a process for certain. Its pipe, closed, ends it already; this one does not ask."""
    with CHILDREN:
        process.kill()
        process.join(REAP_SECONDS)
