"""The real mail servers a benchmark runs against, and where it keeps its files: the one place that knows where from."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, get_args

from emulator.servers.certificates import authority
from emulator.servers.dovecot import MAILDIR, SDBOX, dovecot
from emulator.servers.instance import Server, User
from emulator.servers.instance import folder as server_folder

__all__ = ["LAYOUTS", "Layout", "Server", "User", "mailbox_server", "workplace"]

Layout = Literal["maildir", "sdbox"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)


@contextmanager
def mailbox_server(layout: Layout = "maildir") -> Iterator[Server]:
    """Run a private Dovecot, without quotas for its users, until the block ends."""
    with server_folder() as certificates:
        certificate = authority(certificates).certify("server")
        with dovecot(certificate, {"maildir": MAILDIR, "sdbox": SDBOX}[layout]) as server:
            yield server


@contextmanager
def workplace() -> Iterator[Path]:
    """Give a folder, in memory where there is such a place: a benchmark shall not measure a disk others use too."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="bench-", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)
