"""The real mail servers a benchmark runs against, and where it keeps its files: the one place that knows where from."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.certificates import authority
from tests.servers.dovecot import dovecot
from tests.servers.instance import Server, User
from tests.servers.instance import folder as server_folder

__all__ = ["Server", "User", "mailbox_server", "workplace"]


@contextmanager
def mailbox_server() -> Iterator[Server]:
    """Run a private Dovecot (Maildir++, no quota) until the block ends."""
    with server_folder() as certificates, dovecot(authority(certificates).certify("server")) as server:
        yield server


@contextmanager
def workplace() -> Iterator[Path]:
    """Give a folder, in memory where there is such a place: a benchmark shall not measure a disk others use too."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="bench-", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)
