"""The walls around a slice's process: memory, core dumps, signals, files."""

import ctypes
import os
import resource
import signal
import sys
import tempfile

_PR_SET_DUMPABLE = 4
_MIB = 1 << 20


def confine(memory_mib: int, folder: str) -> None:
    """Put this process behind its walls, for good.

    Args:
        memory_mib: limit of the data segment (`RLIMIT_DATA`: heap, private mappings, thread stacks), in MiB.
        folder: where temporary files go; whoever made the folder removes it.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (memory_mib * _MIB, memory_mib * _MIB))
    if sys.platform == "linux":
        # Nobody without root may read the memory or attach a debugger (prctl(2)).
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    # A service's stop signal reaches the whole group. The worker stops its slices itself, one after the other.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # OpenSSL would write the keys of every connection to this file.
    os.environ.pop("SSLKEYLOGFILE", None)
    os.umask(0o077)
    os.environ["TMPDIR"] = folder
    tempfile.tempdir = folder
