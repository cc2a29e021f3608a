"""Code planted in a slice's process: each deed is one way out; found by its name in the process it runs in."""

import _socket
import asyncio
import ctypes
import http.client
import importlib
import logging
import multiprocessing.util
import os
import pty
import shutil
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests

from jobs.slice import Link, SliceEnd, SliceTask, again, wait
from migrator.egress import Inside, close_the_doors


@dataclass(frozen=True)
class Trap:
    """What a deed aims at: sockets that listen, a folder that is none of the slice's, a secret file."""

    deed: str
    tcp: int
    tcp6: int
    udp: int
    unix: str
    outside: Path
    secret: Path


def furnish(trap: Trap) -> None:
    """Make the folder outside what it is at the beginning."""
    shutil.rmtree(trap.outside, ignore_errors=True)
    (trap.outside / "empty").mkdir(parents=True)
    (trap.outside / "kept").write_text("kept")
    (trap.outside / "link").symlink_to("empty")


def _inside() -> Path:
    path = Path(tempfile.gettempdir()) / "mail.eml"
    path.write_text("mail")
    return path


def _tcp(kind: type[_socket.socket] = socket.socket, family: int = socket.AF_INET) -> socket.socket:
    return kind(family, socket.SOCK_STREAM)


def _udp() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def _send_by_stream(trap: Trap) -> None:
    async def send() -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", trap.tcp)
        writer.write(b"mail")
        await writer.drain()

    asyncio.run(send())


def _open_in(trap: Trap) -> None:
    folder = os.open(trap.outside, os.O_RDONLY)
    os.write(os.open("made", os.O_CREAT | os.O_WRONLY, dir_fd=folder), b"mail")


def _secret_in(trap: Trap) -> None:
    folder = os.open(trap.secret.parent, os.O_RDONLY)
    os.open(trap.secret.name, os.O_RDONLY, dir_fd=folder)


def _log_tls_keys(trap: Trap) -> None:
    ssl.create_default_context().keylog_filename = str(trap.outside / "made")


def _touch(trap: Trap) -> list[str]:
    return ["/usr/bin/env", "touch", str(trap.outside / "made")]


def _fork_and_write(trap: Trap) -> None:
    if os.fork() == 0:
        (trap.outside / "made").write_text("mail")
        os._exit(0)


def _fork_on_a_terminal(trap: Trap) -> None:
    if pty.fork()[0] == 0:
        (trap.outside / "made").write_text("mail")
        os._exit(0)


def _spawn_below_subprocess(trap: Trap) -> None:
    os.waitpid(multiprocessing.util.spawnv_passfds(b"/usr/bin/env", _touch(trap), [2]), 0)


def _import_machine_code(_: Trap) -> None:
    sys.modules.pop("_lsprof", None)
    shutil.copy(importlib.util.find_spec("_lsprof").origin, tempfile.gettempdir())
    sys.path.insert(0, tempfile.gettempdir())
    assert importlib.import_module("_lsprof").__file__.startswith(tempfile.gettempdir())


def _environment_of_the_worker(_: Trap) -> None:
    Path(f"/proc/{os.getppid()}/environ").read_bytes()


def _memory_of_the_worker(_: Trap) -> None:
    os.open(f"/proc/{os.getppid()}/mem", os.O_RDONLY)


CONNECT: dict[str, Callable[[Trap], object]] = {
    "tcp": lambda t: _tcp().connect(("127.0.0.1", t.tcp)),
    "tcp-ex": lambda t: _tcp().connect_ex(("127.0.0.1", t.tcp)),
    "tcp6": lambda t: _tcp(family=socket.AF_INET6).connect(("::1", t.tcp6)),
    "tcp-by-name": lambda t: _tcp().connect(("localhost", t.tcp)),
    "tcp-below-socket": lambda t: _tcp(_socket.socket).connect(("127.0.0.1", t.tcp)),
    "udp-connect": lambda t: _udp().connect(("127.0.0.1", t.udp)),
    "unix": lambda t: socket.socket(socket.AF_UNIX).connect(t.unix),
    "unix-abstract": lambda t: socket.socket(socket.AF_UNIX).connect(f"\0{t.unix}"),
    "asyncio": _send_by_stream,
}

SEND: dict[str, Callable[[Trap], object]] = {
    "udp": lambda t: _udp().sendto(b"mail", ("127.0.0.1", t.udp)),
    "udp-message": lambda t: _udp().sendmsg([b"mail"], [], 0, ("127.0.0.1", t.udp)),
    "udp-by-name": lambda t: _udp().sendto(b"mail", 0, ("localhost", t.udp)),
    "unix-datagram": lambda t: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"mail", f"{t.unix}.datagrams"),
}

LISTEN: dict[str, Callable[[Trap], object]] = {
    "bind": lambda _: _tcp().bind(("127.0.0.1", 0)),
    "listen-unbound": lambda _: _tcp().listen(),
    "create-server": lambda _: socket.create_server(("127.0.0.1", 0)),
}

RESOLVE: dict[str, Callable[[Trap], object]] = {
    "getaddrinfo": lambda _: socket.getaddrinfo("localhost", 443),
    "getaddrinfo-bytes": lambda _: socket.getaddrinfo(b"localhost", 443),
    "getaddrinfo-below-socket": lambda _: _socket.getaddrinfo("localhost", 443),
    "gethostbyname": lambda _: socket.gethostbyname("localhost"),
    "gethostbyname-ex": lambda _: socket.gethostbyname_ex("localhost"),
    "gethostbyaddr": lambda _: socket.gethostbyaddr("127.0.0.1"),
    "getnameinfo": lambda _: socket.getnameinfo(("127.0.0.1", 25), 0),
    "create-connection": lambda t: socket.create_connection(("127.0.0.1", t.tcp)),
    "http": lambda t: http.client.HTTPConnection("127.0.0.1", t.tcp).request("POST", "/", b"mail"),
    "requests": lambda t: requests.post(f"http://127.0.0.1:{t.tcp}/", data=b"mail", timeout=0.2),
    "urllib": lambda t: urllib.request.urlopen(f"http://127.0.0.1:{t.tcp}/", b"mail", 0.2),
    "smtp": lambda t: smtplib.SMTP("127.0.0.1", t.tcp, local_hostname="x", timeout=0.2),
}

WRITE: dict[str, Callable[[Trap], object]] = {
    "open": lambda t: (t.outside / "made").open("wb"),
    "open-append": lambda t: (t.outside / "kept").open("a"),
    "open-update": lambda t: (t.outside / "kept").open("r+"),
    "os-open": lambda t: os.open(t.outside / "made", os.O_CREAT | os.O_WRONLY),
    "os-open-in-a-folder": _open_in,
    "nameless": lambda t: os.open(t.outside, os.O_TMPFILE | os.O_RDWR),
    "write-text": lambda t: (t.outside / "made").write_text("mail"),
    "touch": lambda t: (t.outside / "kept").touch(),
    "copy": lambda t: shutil.copyfile(_inside(), t.outside / "made"),
    "move": lambda t: shutil.move(_inside(), t.outside / "made"),
    "rename": lambda t: _inside().rename(t.outside / "made"),
    "rename-in": lambda t: (t.outside / "kept").rename(Path(tempfile.gettempdir()) / "kept"),
    "replace": lambda t: _inside().replace(t.outside / "kept"),
    "hard-link": lambda t: os.link(_inside(), t.outside / "made"),
    "symlink": lambda t: (t.outside / "made").symlink_to("mail"),
    "symlink-inside": lambda t: (Path(tempfile.gettempdir()) / "way").symlink_to(t.outside),
    "folder": lambda t: (t.outside / "made").mkdir(),
    "temporary": lambda t: tempfile.mkstemp(dir=t.outside),
    "remove": lambda t: (t.outside / "kept").unlink(),
    "remove-folder": lambda t: (t.outside / "empty").rmdir(),
    "remove-in-a-folder": lambda t: os.unlink("kept", dir_fd=os.open(t.outside, os.O_RDONLY)),
    "truncate": lambda t: os.truncate(t.outside / "kept", 0),
    "mode": lambda t: (t.outside / "kept").chmod(0o777),
    "mode-of-descriptor": lambda t: os.fchmod(os.open(t.outside / "kept", os.O_RDONLY), 0o777),
    "owner": lambda t: os.chown(t.outside / "kept", 1, 1),
    "times": lambda t: os.utime(t.outside / "kept", (1, 1)),
    "attribute": lambda t: os.setxattr(t.outside / "kept", "user.mail", b"mail"),
    "pipe": lambda t: os.mkfifo(t.outside / "made"),
    "node": lambda t: os.mknod(t.outside / "made"),
    "log": lambda t: logging.FileHandler(t.outside / "made"),
    "tls-keys": _log_tls_keys,
    "through-a-link": lambda t: (t.outside / "link" / ".." / "made").write_text("mail"),
}

PROCESS: dict[str, Callable[[Trap], object]] = {
    "subprocess": lambda t: subprocess.run(_touch(t), check=True),
    "below-subprocess": _spawn_below_subprocess,
    "system": lambda t: os.system(" ".join(_touch(t))),
    "popen": lambda t: os.popen(" ".join(_touch(t))).read(),
    "exec": lambda t: os.execv("/usr/bin/env", _touch(t)),
    "spawn": lambda t: os.spawnv(os.P_WAIT, "/usr/bin/env", _touch(t)),
    "posix-spawn": lambda t: os.waitpid(os.posix_spawn("/usr/bin/env", _touch(t), {}), 0),
    "fork": _fork_and_write,
    "terminal": _fork_on_a_terminal,
}

READ: dict[str, Callable[[Trap], object]] = {
    "secret": lambda t: t.secret.read_bytes(),
    "secret-by-os": lambda t: os.open(t.secret, os.O_RDONLY),
    "secret-in-a-folder": _secret_in,
    "secret-by-link": lambda t: t.secret.with_name("link").read_bytes(),
    "secret-by-second-name": lambda t: t.secret.with_name("second").read_bytes(),
    "secret-by-root": lambda t: Path(f"/proc/self/root{t.secret}").read_bytes(),
    "secret-copied": lambda t: shutil.copyfile(t.secret, Path(tempfile.gettempdir()) / "key"),
    "environment-of-the-worker": _environment_of_the_worker,
    "memory-of-the-worker": _memory_of_the_worker,
}

NATIVE: dict[str, Callable[[Trap], object]] = {
    "ctypes": lambda _: ctypes.CDLL(None).getpid(),
    "ctypes-memory": lambda _: ctypes.string_at(id(b"mail")),
    "machine-code": _import_machine_code,
    "sqlite": lambda t: importlib.import_module("sqlite3").connect(t.outside / "made"),
}

GROUPS = {
    "connect": CONNECT,
    "send": SEND,
    "listen": LISTEN,
    "resolve": RESOLVE,
    "write": WRITE,
    "process": PROCESS,
    "read": READ,
    "native": NATIVE,
}
DEEDS = {f"{what}:{name}": deed for what, deeds in GROUPS.items() for name, deed in deeds.items()}


def do_all_in_the_open(task: SliceTask, _: Link) -> SliceEnd:
    """Do every deed with the doors open, each in a process of its own; write down those that could not be done."""
    trap = task.config
    assert isinstance(trap, Trap)
    undone = [name for name, deed in DEEDS.items() if not _is_done(deed, trap)]
    trap.secret.with_name("undone").write_text("\n".join(undone))
    return again()


def _is_done(deed: Callable[[Trap], object], trap: Trap) -> bool:
    furnish(trap)
    pid = os.fork()
    if pid == 0:
        try:
            deed(trap)
            os._exit(0)
        except (TimeoutError, requests.Timeout, smtplib.SMTPException):  # it was sent, and nobody answers
            os._exit(0)
        finally:  # also when it could not be done
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def close_then_do(task: SliceTask, link: Link) -> SliceEnd:
    """Close the doors, do the deed, swallow what it raises, and stay as if nothing had happened; or say who held it."""
    trap = task.config
    assert isinstance(trap, Trap)
    close_the_doors(Inside(tempfile.gettempdir(), frozenset(), (str(trap.secret),)), link.refused)
    try:
        DEEDS[trap.deed](trap)
    except PermissionError:
        return wait(0, "held")
    except BaseException:  # noqa: BLE001 - as it would
        pass
    threading.Event().wait(30)
    return again()
