"""Courier 5.0, unpacked by scripts/install-test-servers: SELECT without UIDNEXT, no MULTIAPPEND, no LITERAL+.

Its places are built into it (/etc/courier, /run/courier, /usr/lib/courier-authlib), so it runs in mount and process
namespaces of its own, where what was unpacked lies over /usr and /etc. That takes root.
"""

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from .certificates import Certificate
from .instance import Server, User, folder, free_ports, hashed_password, libraries, owner, running, unpacked

_INSIDE = """
set -e
programs=$1 home=$2 port=$3
mount -t overlay overlay -o "lowerdir=$programs/usr:/usr" /usr
mount -t overlay overlay -o "lowerdir=$programs/etc:/etc" /etc
mount --bind "$home/etc" /etc/courier
mount -t tmpfs tmpfs /run
mkdir -p /run/courier/authdaemon
/usr/lib/courier/courier-authlib/authdaemond &
set -a
. /etc/courier/imapd
exec /usr/sbin/couriertcpd -address=127.0.0.1 -maxprocs=200 -maxperip=200 -nodnslookup -noidentlookup \
    "$port" /usr/lib/courier/courier/imaplogin /usr/bin/imapd Maildir
"""
_AUTHDAEMONRC = """
authmodulelist="authuserdb"
authmodulelistorig="authuserdb"
daemons=2
authdaemonvar=/run/courier/authdaemon
DEBUG_LOGIN=0
DEFAULTOPTIONS=""
LOGGEROPTS=""
"""


@contextlib.contextmanager
def courier(certificate: Certificate) -> Iterator[Server]:
    """Run a private Courier, as Debian configures it, without TLS."""
    if os.geteuid() != 0:
        raise PermissionError("Courier needs root, for a mount namespace of its own")
    with folder() as home:
        programs = unpacked("courier", home)
        (port,) = free_ports(1)
        (home / "mail").mkdir()
        (home / "etc").mkdir()
        (home / "etc/authdaemonrc").write_text(_AUTHDAEMONRC)
        (home / "etc/imapd").write_bytes((programs / "etc/courier/imapd").read_bytes())
        users = _Users(home, programs)
        # Everything in the process namespace ends with its first process, and that one with `unshare`.
        command = ["/usr/bin/setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork"]
        command += ["--kill-child=KILL", "--mount-proc", "bash", "-c", _INSIDE, "bash"]
        with running([*command, str(programs), str(home), str(port)], home / "stdout", port):
            yield Server("courier", port, 0, certificate.ca_file, users.add, store="maildir")


class _Users:
    """Courier's `userdb`: two databases, of places and of passwords, written anew with each user."""

    def __init__(self, home: Path, programs: Path) -> None:
        self._home = home
        self._programs = programs
        self._rows: list[tuple[str, str, str]] = []
        self._writing = threading.Lock()
        self._write()

    def add(self, name: str, quota: int | None) -> User:
        home, who = self._home / "mail" / name, owner()
        for place in ("Maildir/new", "Maildir/cur", "Maildir/tmp"):
            (home / place).mkdir(parents=True)
        for path in (home, *home.rglob("*")):
            os.chown(path, who.pw_uid, who.pw_gid)
        place = f"home={home}|mail={home}/Maildir|uid={who.pw_uid}|gid={who.pw_gid}"
        limit = "" if quota is None else f"|quota={quota}S"
        with self._writing:
            self._rows.append((name, place + limit, f"systempw={hashed_password()}"))
            self._write()
        return User(name)

    def _write(self) -> None:
        for database, column in (("userdb", 1), ("userdbshadow", 2)):
            target = self._home / "etc" / database
            subprocess.run(
                [self._programs / "usr/lib/courier/courier-authlib/makedatprog", "-", f"{target}.tmp", f"{target}.dat"],
                input="".join(f"{row[0]}\t{row[column]}|_=\n" for row in self._rows) + ".\n",
                env=os.environ | libraries(self._programs),
                text=True,
                check=True,
                capture_output=True,
            )
