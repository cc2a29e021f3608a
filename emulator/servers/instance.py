"""What every test server is made of: a folder, free ports, a process that dies with ours, and users."""

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import tenacity
from imapclient import IMAPClient

PASSWORD = "pass"
INSTALL = "run scripts/install-test-servers once, as root (pymap: install the project's extra `dev`)"
_ROOM = 2 * 1024**3
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class User:
    """Who logs in, and how."""

    name: str
    password: str = PASSWORD


@dataclass(frozen=True, slots=True)
class Server:
    """A running server.

    Ports are on the loopback, 0 for none; `add_user` makes a user by name, with a quota in bytes or none. `store` is
    how it keeps mail: "maildir", "mbox", ...
    """

    kind: str
    port: int
    tls_port: int
    ca_file: Path
    add_user: Callable[[str, int | None], User] = field(repr=False)
    master: User | None = None
    host: str = "localhost"
    store: str = ""

    def new_user(self, quota: int | None = None) -> User:
        """Return a user nobody had before, with an empty mailbox."""
        return self.add_user(f"u{os.getpid()}x{next(_numbers)}", quota)

    def observer(self, user: User) -> IMAPClient:
        """Return another, independent connection as `user`; close it by `with`."""
        client = IMAPClient(self.host, self.port, ssl=False, timeout=30)
        client.normalise_times = False
        client.login(user.name, user.password)
        return client


@dataclass(frozen=True, slots=True)
class Limits:
    """What an instance may refuse. `without` names capabilities it does not advertise; sizes are in bytes, 0 is none.

    `acl` (Dovecot) lets users take rights from themselves; `max_connections` (Dovecot) is per user.
    """

    without: frozenset[str] = frozenset()
    literal_minus: bool = False
    max_mail_size: int = 0
    max_connections: int = 100
    acl: bool = False
    reject_8bit: bool = False


def owner() -> pwd.struct_passwd:
    """Return whose the mail is, and as whom servers run that refuse to be root: `mail`, or ourselves."""
    return pwd.getpwnam("mail") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


def unpacked(name: str, home: Path) -> Path:
    """Return where this server was unpacked; a copy of it in `home` where another user could not reach it."""
    root = Path(__file__).parents[2]
    found = Path(os.environ.get("TEST_SERVERS", root / "var/test-servers")) / name
    if not (found / ".complete").exists():
        raise FileNotFoundError(f"{name} is missing: {INSTALL}")
    if os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in found.resolve().parents):
        return found
    return Path(shutil.copytree(found, home / "programs", symlinks=True))


def libraries(programs: Path) -> dict[str, str]:
    """Return the environment in which unpacked programs find their libraries."""
    places = [*programs.glob("usr/lib/*-linux-gnu"), *programs.glob("lib/*-linux-gnu")]
    return {"LD_LIBRARY_PATH": ":".join(map(str, places))}


@cache
def hashed_password() -> str:
    """Return the users' password as crypt(3) keeps it."""
    hashing = ["openssl", "passwd", "-1", PASSWORD]
    return subprocess.run(hashing, check=True, capture_output=True, text=True).stdout.strip()


def _fast_place() -> str:
    """Return a file system in memory, where there is one with room: Cyrus waits for the disk at each message."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or not os.access(memory, os.W_OK) or os.statvfs(memory).f_flag & os.ST_NOEXEC:
        return "/tmp"
    return str(memory) if shutil.disk_usage(memory).free > _ROOM else "/tmp"


def _sweep(place: Path) -> None:
    """Remove what test processes left that were killed."""
    for path in place.glob("imap-*-*"):
        if not Path("/proc", path.name.split("-")[1]).exists():
            shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Give a temporary folder other users may pass through (servers drop root); short, for its sockets' names."""
    place = _fast_place()
    _sweep(Path(place))
    path = Path(tempfile.mkdtemp(prefix=f"imap-{os.getpid()}-", dir=place))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)  # a server's last process may still be leaving


def free_ports(count: int) -> list[int]:
    """Return ports that were free a moment ago; all are held until all are chosen."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def running(
    command: Sequence[str], log: Path, port: int, env: dict[str, str] | None = None, *, as_owner: bool = False
) -> Iterator[None]:
    """Run `command` until the block ends; it starts when `port` greets, and gets SIGTERM should we die first.

    `as_owner`: start it as `owner()`. A program that changes its user by itself loses the SIGTERM.
    """
    user = owner() if as_owner and os.geteuid() == 0 else None
    if not Path(command[0]).exists():
        raise FileNotFoundError(f"{command[0]} is missing: {INSTALL}")
    guard = ["/usr/bin/setpriv", "--pdeathsig", "TERM"] if Path("/usr/bin/setpriv").exists() else []
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*guard, *command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=os.environ | (env or {}),
            user=user and user.pw_uid,
            group=user and user.pw_gid,
            extra_groups=user and [],
            start_new_session=True,  # Cyrus's master ends its whole process group
        )
    try:
        _await_greeting(process, port, log)
        yield
    finally:
        _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(0.3)  # Dovecot takes a second or five; nothing of it is kept
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@tenacity.retry(
    stop=tenacity.stop_after_delay(20),
    wait=tenacity.wait_fixed(0.02),
    retry=tenacity.retry_if_exception_type(OSError),
    reraise=True,
)
def _await_greeting(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    if process.poll() is not None:
        raise RuntimeError(f"the server ended at once: {log.read_text(errors='replace')[-2000:]}")
    with socket.create_connection(("127.0.0.1", port), 10) as greeting:
        if not greeting.recv(1):
            raise ConnectionResetError
