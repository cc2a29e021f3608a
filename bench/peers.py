"""mbsync, interimap and imapsync, each moving a whole mailbox from one Dovecot into another."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Run
from bench.parts import Server, User
from bench.processes import watching

_LONGEST = 1800


@dataclass(frozen=True, slots=True)
class Account:
    """A mailbox by the port on the loopback that leads to it."""

    port: int
    user: User


@dataclass(frozen=True, slots=True)
class Peer:
    """A program that copies mailboxes: its name, how to come by it, and how it is told to copy.

    `told` writes what it needs into a folder of its own and returns its arguments.
    """

    name: str
    install: str
    told: Callable[[Path, Account, Account], list[str]]

    @property
    def is_installed(self) -> bool:
        """Whether the program is on the PATH."""
        return shutil.which(self.name) is not None


def copy(peer: Peer, place: Path, source: Account, target: Account, messages: int) -> Run:
    """Let a peer copy everything from `source` to `target`, which holds so many messages then.

    Raises:
        RuntimeError: the program failed; its last words are in the text.
    """
    folder = place / peer.name
    folder.mkdir(mode=0o700)
    command = [shutil.which(peer.name) or peer.name, *peer.told(folder, source, target)]
    with (folder / "log").open("w") as log:
        began = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=folder,
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
        raise RuntimeError(f"{peer.name} failed: {(folder / 'log').read_text()[-500:]}")
    return Run(peer.name, messages, seconds, used.ru_utime + used.ru_stime, watch.peak)


def count(server: Server, user: User) -> int:
    """Return the number of messages in a user's mailbox."""
    with server.observer(user) as client:
        names = [name for flags, _, name in client.list_folders() if b"\\Noselect" not in flags]
        return sum(client.folder_status(name, ["MESSAGES"])[b"MESSAGES"] for name in names)


def _mbsync(folder: Path, source: Account, target: Account) -> list[str]:
    account = "IMAPAccount {0}\nHost 127.0.0.1\nPort {1}\nUser {2}\nPass {3}\nSSLType None\nAuthMechs LOGIN\n"
    settings = folder / "mbsyncrc"
    settings.write_text(
        "".join(
            account.format(name, one.port, one.user.name, one.user.password)
            + f"\nIMAPStore {name}-store\nAccount {name}\n\n"
            for name, one in (("source", source), ("target", target))
        )
        + "Channel all\nFar :source-store:\nNear :target-store:\nPatterns *\nCreate Near\nSync Pull New\n"
        + f"CopyArrivalDate yes\nSyncState {folder}/\n"
    )
    return ["-c", str(settings), "-q", "all"]


def _interimap(folder: Path, source: Account, target: Account) -> list[str]:
    sides = "".join(
        f"\n[{name}]\ntype = imap\nhost = 127.0.0.1\nport = {one.port}\n"
        f"username = {one.user.name}\npassword = {one.user.password}\nSTARTTLS = NO\nauth = PLAIN LOGIN\n"
        for name, one in (("local", target), ("remote", source))
    )
    settings = folder / "interimaprc"
    settings.write_text(f"database = {folder}/state.db\n{sides}")
    return ["--config", str(settings), "--quiet"]


def _imapsync(folder: Path, source: Account, target: Account) -> list[str]:
    options = ["--noreleasecheck", "--nolog", "--tmpdir", str(folder)]
    for side, one in (("1", source), ("2", target)):
        options += [f"--host{side}", "127.0.0.1", f"--port{side}", str(one.port), f"--nossl{side}", f"--notls{side}"]
        options += [f"--user{side}", one.user.name, f"--password{side}", one.user.password]
    return options


_SCRIPT = "not installed: run scripts/install-bench-peers"
MBSYNC = Peer("mbsync", _SCRIPT, _mbsync)
INTERIMAP = Peer("interimap", _SCRIPT, _interimap)
IMAPSYNC = Peer("imapsync", "not on the PATH: docs/benchmarks.md tells where it comes from", _imapsync)
