"""Start one private IMAP server for the demo: Dovecot where installed, else pymap.

    python -m emulator.servers

Prints one line of JSON when it answers: {"server", "host", "port", "user", "password"}; ends with its standard input.
"""

import json
import shutil
import sys
from contextlib import ExitStack

from .certificates import authority
from .dovecot import dovecot
from .instance import User, folder
from .pymap_server import DEMO, pymap


def main() -> None:
    """Start, announce, wait for the end of standard input, stop."""
    with ExitStack() as stack:
        certificate = authority(stack.enter_context(folder())).certify("server")
        if shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin"):
            server, user, name = stack.enter_context(dovecot(certificate)), User("demo"), "Dovecot"
        else:
            server, user, name = stack.enter_context(pymap(certificate)), DEMO, "pymap"
        row = {"server": name, "host": "127.0.0.1", "port": server.port, "user": user.name, "password": user.password}
        sys.stdout.write(json.dumps(row) + "\n")
        sys.stdout.flush()
        sys.stdin.buffer.read()


main()
