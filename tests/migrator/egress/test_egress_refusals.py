"""The rules as they are: an event and its arguments in, what is refused out."""

import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from migrator.egress import Doors, Pinned
from migrator.egress.doors import Known
from migrator.egress.refusals import RULES

GMAIL = ("gmail.googleapis.com", 443)
PINNED = Pinned("imap.example.com", 993, ("8.8.8.8", "2606:4700::1111"))


@pytest.fixture
def doors(tmp_path: Path) -> Doors:
    for name in ("own", "own-not", "vault"):
        (tmp_path / name).mkdir()
    (tmp_path / "vault" / "master.key").write_text("secret")
    secrets = (str(tmp_path / "vault" / "master.key"), str(tmp_path / "vault" / "not-there"))
    return Doors(str(tmp_path / "own"), frozenset({GMAIL}), PINNED, "/run/redis.sock", secrets)


def refused(doors: Doors, event: str, *args: Any, known: Known | None = None) -> str | None:
    return RULES[event](doors, doors.known() if known is None else known, args)


@pytest.mark.parametrize(
    ("address", "refusal"),
    [
        (GMAIL, None),
        (("8.8.8.8", 993), None),
        (("2606:4700::1111", 993, 0, 0), None),
        ("/run/redis.sock", None),
        (b"/run/redis.sock", None),
        (("8.8.8.8", 25), "connect"),
        (("8.8.4.4", 993), "connect"),
        (("imap.example.com", 993), "connect"),
        (("GMAIL.googleapis.com", 443), "connect"),
        (("gmail.googleapis.com", 80), "connect"),
        ("/run/redis.sock2", "connect"),
        ("\0/run/redis.sock", "connect"),
        ("", "connect"),
        (b"", "connect"),
        ((), "connect"),
        (5, "connect"),
        (("8.8.8.8",), "connect"),
        (["8.8.8.8", 993], "connect"),
    ],
)
def test_connections_go_to_what_is_known(doors: Doors, address: object, refusal: str | None) -> None:
    assert refused(doors, "socket.connect", None, address) == refusal


def test_a_store_reached_by_host_opens_no_socket_of_that_name() -> None:
    doors = Doors("/tmp/own", frozenset(), None, frozenset({("localhost", 6379)}))
    assert refused(doors, "socket.connect", None, ("localhost", 6379)) is None
    assert refused(doors, "socket.connect", None, "localhost") == "connect"


@given(some.ip_addresses().map(str) | some.text(), some.integers(0, 65535))
def test_no_other_place_is_known(host: str, port: int) -> None:
    doors = Doors("/tmp/own", frozenset({GMAIL}), PINNED, "/run/redis.sock")
    allowed = (host, port) in {GMAIL, ("8.8.8.8", 993), ("2606:4700::1111", 993)}
    assert refused(doors, "socket.connect", None, (host, port)) == (None if allowed else "connect")


@pytest.mark.parametrize(
    ("host", "port", "refusal"),
    [
        ("gmail.googleapis.com", 443, None),
        (b"gmail.googleapis.com", 443, None),
        ("gmail.googleapis.com", 80, "resolve"),
        ("gmail.googleapis.com", None, "resolve"),
        ("gmail.googleapis.com.", 443, "resolve"),
        ("mail-in-a-name.gmail.googleapis.com", 443, "resolve"),
        ("imap.example.com", 993, "resolve"),
        (b"\xff", 443, "resolve"),
        (None, 443, "resolve"),
        ("8.8.8.8", 993, "resolve"),
    ],
)
def test_only_googles_names_are_looked_up(doors: Doors, host: object, port: object, refusal: str | None) -> None:
    assert refused(doors, "socket.getaddrinfo", host, port, 0, 0, 0) == refusal


def test_a_message_along_a_connection_has_no_address(doors: Doors) -> None:
    assert refused(doors, "socket.sendmsg", None, None) is None
    assert refused(doors, "socket.sendmsg", None, ("8.8.8.8", 993)) == "send"


@pytest.mark.parametrize(
    ("name", "mode", "flags", "refusal"),
    [
        ("own/new", "w", os.O_WRONLY | os.O_CREAT, None),
        ("own/deep/new", None, os.O_RDWR, None),
        ("own", None, os.O_TMPFILE | os.O_RDWR, None),
        ("own-not/new", "w", os.O_WRONLY | os.O_CREAT, "write"),
        ("own/../new", "w", os.O_WRONLY, "write"),
        ("", None, os.O_TMPFILE | os.O_RDWR, "write"),
        ("log", "ab", 0, "write"),
        ("log", "r+", 0, "write"),
        ("log", None, os.O_RDONLY | os.O_CREAT, "write"),
        ("log", None, os.O_RDONLY | os.O_TRUNC, "write"),
        ("log", "rb", 0, None),
        ("log", "r", os.O_CLOEXEC, None),
        ("vault", None, os.O_RDONLY | os.O_DIRECTORY, None),
        ("vault/master.key", "r", 0, "read"),
        ("own/../vault/./master.key", None, os.O_RDONLY, "read"),
        ("vault/not-there", "r", 0, None),
        ("vault/other\0", "r", 0, None),
    ],
)
def test_files_are_written_inside_and_secrets_not_read(
    doors: Doors, name: str, mode: str | None, flags: int, refusal: str | None
) -> None:
    parent = Path(doors.folder).parent
    for form in (str, os.fsencode, Path):
        if "\0" not in name or form is not Path:
            assert refused(doors, "open", form(f"{parent}/{name}"), mode, flags) == refusal


def test_a_path_from_an_unknown_folder_is_not_opened(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(doors.folder)
    assert refused(doors, "open", "new", None, os.O_WRONLY) == "write"
    assert refused(doors, "open", "master.key", None, os.O_RDONLY) == "read"
    assert refused(doors, "open", "letter", "w", os.O_WRONLY) is None
    assert refused(doors, "open", "letter", "r", 0) is None


def test_what_is_open_already_may_be_used(doors: Doors) -> None:
    assert refused(doors, "open", 1, "w", os.O_WRONLY) is None


def test_a_link_inside_leads_outside_nobody(doors: Doors) -> None:
    own = Path(doors.folder)
    (own / "way").symlink_to(own.parent / "vault")
    assert refused(doors, "open", own / "way" / "new", "w", os.O_WRONLY) == "write"
    assert refused(doors, "open", own / "way" / "master.key", "r", 0) == "read"
    assert refused(doors, "os.remove", own / "way" / "master.key", -1) == "write"


def test_the_folder_may_be_named_by_a_link(doors: Doors) -> None:
    way = Path(doors.folder).with_name("way")
    way.symlink_to(doors.folder)
    assert refused(replace(doors, folder=str(way)), "open", way / "new", "w", os.O_WRONLY) is None


def test_a_secret_is_one_under_every_name_also_when_it_was_exchanged(doors: Doors) -> None:
    secret = Path(doors.secrets[0])
    secret.with_name("second").hardlink_to(secret)
    assert refused(doors, "open", secret.with_name("second"), "r", 0) == "read"
    secret.with_name("new").write_text("another")
    secret.with_name("new").rename(secret)
    assert refused(doors, "open", secret, "r", 0) == "read"
    assert refused(doors, "open", secret.with_name("second"), "r", 0) is None


def test_of_other_processes_nothing_is_read(doors: Doors) -> None:
    assert refused(doors, "open", f"/proc/{os.getppid()}/environ", "r", 0) == "read"
    assert refused(doors, "open", f"/proc/self/root/proc/{os.getppid()}/environ", "r", 0) == "read"
    assert refused(doors, "open", "/proc/self/status", "r", 0) is None
    assert refused(doors, "open", "/proc/meminfo", "r", 0) is None


@pytest.mark.parametrize(
    ("event", "rest"),
    [
        ("os.chflags", (0,)),
        ("os.chmod", (0o600, -1)),
        ("os.chown", (1, 1, -1)),
        ("os.mkdir", (0o700, -1)),
        ("os.remove", (-1,)),
        ("os.removexattr", ("user.x",)),
        ("os.rmdir", (-1,)),
        ("os.setxattr", ("user.x", b"", 0)),
        ("os.truncate", (0,)),
        ("os.utime", (None, None, -1)),
    ],
)
def test_files_are_changed_inside_alone(doors: Doors, event: str, rest: tuple[Any, ...]) -> None:
    own = Path(doors.folder)
    (own / "file").touch()
    with (own / "file").open() as inside, Path(doors.secrets[0]).open() as outside:
        allowed = [own / "file", str(own / "new"), os.fsencode(own / "new"), inside.fileno()]
        forbidden = [own.parent / "new", own.parent, f"{own}/../new", f"{own}-not/new", "new", outside.fileno(), 9999]
        assert [refused(doors, event, path, *rest) for path in allowed] == [None] * len(allowed)
        assert [refused(doors, event, path, *rest) for path in forbidden] == ["write"] * len(forbidden)


def test_a_path_that_begins_in_an_open_folder_is_judged_by_it(doors: Doors) -> None:
    inside, outside = (os.open(path, os.O_RDONLY) for path in (doors.folder, Path(doors.folder).parent))
    try:
        assert refused(doors, "os.remove", "file", inside) is None
        assert refused(doors, "os.remove", "file", outside) == "write"
        assert refused(doors, "os.remove", "../file", inside) == "write"
        assert refused(doors, "os.remove", "file", 9999) == "write"
        assert refused(doors, "os.rename", "file", "new", inside, inside) is None
        assert refused(doors, "os.rename", "file", "new", inside, outside) == "write"
        assert refused(doors, "os.rename", "file", "new", outside, inside) == "write"
    finally:
        os.close(inside)
        os.close(outside)


@pytest.mark.parametrize(
    ("module", "file", "refusal"),
    [
        ("wave", None, None),
        ("_ssl", "/usr/lib/python3/_ssl.so", None),
        *((name, None, "native") for name in ("_ctypes", "_curses", "_dbm", "_gdbm", "_posixshmem", "cffi", "ctypes")),
        ("readline", None, "native"),
        ("_sqlite3", "/usr/lib/python3/_sqlite3.so", "native"),
        ("anything", "{own}/anything.so", "native"),
    ],
)
def test_machine_code_that_tells_nothing_is_not_imported(
    doors: Doors, module: str, file: str | None, refusal: str | None
) -> None:
    path = file and file.format(own=doors.folder)
    assert refused(doors, "import", module, path, None, None, None) == refusal


ALWAYS = {
    "listen": ("socket.bind", "socket.listen"),
    "send": ("socket.sendto", "syslog.openlog", "syslog.syslog"),
    "resolve": ("socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"),
    "write": (
        *("os.link", "os.symlink", "os.mkfifo", "os.mknod", "os.chroot", "sqlite3.connect", "sqlite3.load_extension"),
    ),
    "process": (
        *("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile", "os.system", "pty.spawn"),
        *("subprocess.Popen", "_posixsubprocess.fork_exec"),
    ),
    "native": (
        *("ctypes.addressof", "ctypes.call_function", "ctypes.cdata", "ctypes.cdata/buffer", "ctypes.PyObj_FromPtr"),
        *("ctypes.create_string_buffer", "ctypes.create_unicode_buffer", "ctypes.dlopen", "ctypes.dlsym"),
        *("ctypes.dlsym/handle", "ctypes.memoryview_at", "ctypes.string_at", "ctypes.wstring_at"),
    ),
}


@pytest.mark.parametrize(("what", "event"), [(what, event) for what, events in ALWAYS.items() for event in events])
def test_some_things_are_never_done(doors: Doors, what: str, event: str) -> None:
    assert refused(doors, event, socket.socket, GMAIL) == what
