"""GNU imap4d 3.15 (Debian's mailutils-imap4d), unpacked by scripts/install-test-servers: no UIDPLUS, no MULTIAPPEND.

With Maildir it drops flags and dates; with mbox it adds headers, so sizes change. A session sees what it appended
only after the next SELECT.
"""

import contextlib
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

from .certificates import Certificate
from .instance import Server, User, folder, free_ports, hashed_password, libraries, owner, running, unpacked

Store = Literal["maildir", "mbox"]
STORES: tuple[Store, ...] = ("maildir", "mbox")
_DOMAIN = "test"  # users of a domain have a password file of their own, and need no account on this machine


@contextlib.contextmanager
def imap4d(certificate: Certificate, store: Store = "maildir") -> Iterator[Server]:
    """Run a private imap4d that keeps mail in this `store`. No quota."""
    with folder() as home:
        programs = unpacked("imap4d", home)
        (port,) = free_ports(1)
        for name in ("mail", "passwords"):
            (home / name).mkdir()
        if os.geteuid() == 0:
            os.chown(home / "mail", owner().pw_uid, owner().pw_gid)
        (home / "passwords" / _DOMAIN).touch()
        config = home / "imap4d.conf"
        config.write_text(_configuration(home, store, port))
        # It heeds SIGTERM only when the next connection comes.
        command = ["/usr/bin/setpriv", "--pdeathsig", "KILL"]
        command += [str(programs / "usr/sbin/imap4d"), f"--config-file={config}"]
        with running(command, home / "stdout", port, libraries(programs), as_owner=True):
            yield Server("imap4d", port, 0, certificate.ca_file, partial(_add_user, home), store=store)


def _configuration(home: Path, store: Store, port: int) -> str:
    return f"""
auth {{
  authorization clear;
  authorization virtdomain;
  authentication clear;
  authentication generic;
}};
virtdomain {{ passwd-dir {home}/passwords; }};
mailbox {{
  mailbox-pattern "{store}://{home}/mail/${{user}}/INBOX";
  mailbox-type {store};
}};
namespace personal {{
  prefix "" {{
    directory "{home}/mail/${{user}}/folders";
    delimiter "/";
    mailbox-type {store};
  }};
}};
create-home-dir yes;
mode daemon;
foreground yes;
max-children 200;
logging {{ syslog no; }};
tcp-wrappers {{ enable no; }};
server 127.0.0.1:{port} {{ tls-mode no; }};
"""


def _add_user(home: Path, name: str, _quota: int | None) -> User:
    place = home / "mail" / name
    (place / "folders").mkdir(parents=True)
    if os.geteuid() == 0:
        for path in (place, place / "folders"):
            os.chown(path, owner().pw_uid, owner().pw_gid)
    with (home / "passwords" / _DOMAIN).open("a") as file:
        file.write(f"{name}:{hashed_password()}:{owner().pw_uid}:{owner().pw_gid}::{place}:/bin/sh\n")
    return User(f"{name}@{_DOMAIN}")
