"""mbsync, interimap and imapsync, each moving a whole mailbox from one Dovecot into another."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Run
from bench.parts import Server, User
from bench.processes import watching

MBSYNC, INTERIMAP, IMAPSYNC = "mbsync (isync)", "interimap", "imapsync"
INSTALL = {
    MBSYNC: "not installed: run scripts/install-bench-peers",
    INTERIMAP: "not installed: run scripts/install-bench-peers",
    IMAPSYNC: "not on the PATH: see docs/benchmarks.md",
}
_LONGEST = 1800


def mbsync(folder: Path, source: tuple[int, User], target: tuple[int, User], messages: int) -> Run | None:
    """Copy by `mbsync` (isync 1.4 or later); accounts are (port on the loopback, user). None: not installed."""
    folder = _own(folder, "mbsync")
    account = "IMAPAccount {0}\nHost 127.0.0.1\nPort {1}\nUser {2}\nPass {3}\nSSLType None\nAuthMechs LOGIN\n"
    settings = folder / "mbsyncrc"
    settings.write_text(
        "".join(
            account.format(name, port, user.name, user.password) + f"\nIMAPStore {name}-store\nAccount {name}\n\n"
            for name, (port, user) in (("source", source), ("target", target))
        )
        + "Channel all\nFar :source-store:\nNear :target-store:\nPatterns *\nCreate Near\nSync Pull New\n"
        + f"CopyArrivalDate yes\nSyncState {folder}/\n"
    )
    return _run(MBSYNC, ["mbsync", "-c", str(settings), "-q", "all"], folder, messages)


def interimap(folder: Path, source: tuple[int, User], target: tuple[int, User], messages: int) -> Run | None:
    """Copy by `interimap` 0.5; accounts are (port on the loopback, user). None: not installed."""
    folder = _own(folder, "interimap")
    sides = "".join(
        f"\n[{name}]\ntype = imap\nhost = 127.0.0.1\nport = {port}\n"
        f"username = {user.name}\npassword = {user.password}\nSTARTTLS = NO\nauth = PLAIN LOGIN\n"
        for name, (port, user) in (("local", target), ("remote", source))
    )
    settings = folder / "interimaprc"
    settings.write_text(f"database = {folder}/state.db\n{sides}")
    return _run(INTERIMAP, ["interimap", "--config", str(settings), "--quiet"], folder, messages)


def imapsync(folder: Path, source: tuple[int, User], target: tuple[int, User], messages: int) -> Run | None:
    """Copy by `imapsync` 2.2; accounts are (port on the loopback, user). None: not installed."""
    folder = _own(folder, "imapsync")
    command = ["imapsync", "--noreleasecheck", "--nolog", "--tmpdir", str(folder)]
    for side, (port, user) in (("1", source), ("2", target)):
        command += [f"--host{side}", "127.0.0.1", f"--port{side}", str(port), f"--nossl{side}", f"--notls{side}"]
        command += [f"--user{side}", user.name, f"--password{side}", user.password]
    return _run(IMAPSYNC, command, folder, messages)


def _own(folder: Path, name: str) -> Path:
    own = folder / name
    own.mkdir(mode=0o700)
    return own


def _run(name: str, command: Sequence[str], folder: Path, messages: int) -> Run | None:
    program = shutil.which(command[0])
    if program is None:
        return None
    with (folder / "log").open("w") as log:
        began = time.monotonic()
        process = subprocess.Popen(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "HOME": str(folder)},
        )
        guard = threading.Timer(_LONGEST, process.kill)
        guard.start()
        with watching(process.pid) as watch:
            _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        guard.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{name} failed: {(folder / 'log').read_text()[-500:]}")
    return Run(name, messages, seconds, used.ru_utime + used.ru_stime, watch.peak)


def count(server: Server, user: User) -> int:
    """Return the number of messages in a user's mailbox."""
    with server.observer(user) as client:
        names = [name for flags, _, name in client.list_folders() if b"\\Noselect" not in flags]
        return sum(client.folder_status(name, ["MESSAGES"])[b"MESSAGES"] for name in names)
