"""pymap: a small IMAP server in Python with its mail in memory, one user, no quota, no namespaces."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from .certificates import Certificate
from .instance import Server, User, folder, free_ports, running

DEMO = User("demo")


@contextlib.contextmanager
def pymap(certificate: Certificate) -> Iterator[Server]:
    """Run pymap with the one user `DEMO`; it knows no other. No port for implicit TLS: STARTTLS only."""
    with folder() as home:
        (port,) = free_ports(1)
        command = [str(Path(sys.executable).parent / "pymap"), "--host", "127.0.0.1", "--port", str(port)]
        command += ["--cert", str(certificate.chain), "--key", str(certificate.key)]
        command += ["--no-service", "admin"]
        command += ["dict", "--demo-data", "--demo-user", DEMO.name, "--demo-password", DEMO.password]
        with running(command, home / "stdout", port):
            yield Server("pymap", port, 0, certificate.ca_file, _refuse)


def _refuse(name: str, _quota: int | None) -> User:
    raise LookupError(f"pymap knows {DEMO.name} alone, not {name}")
