"""The rules as they are: an event and its arguments in, what is refused out."""

import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from migrator.egress import Inside
from migrator.egress.refusals import RULES

GMAIL = ("gmail.googleapis.com", 443)


@pytest.fixture
def inside(tmp_path: Path) -> Inside:
    for name in ("own", "own-not", "vault"):
        (tmp_path / name).mkdir()
    (tmp_path / "vault" / "master.key").write_text("secret")
    secrets = (str(tmp_path / "vault" / "master.key"), str(tmp_path / "vault" / "not-there"))
    return Inside(str(tmp_path / "own"), frozenset({GMAIL}), secrets)


def refused(inside: Inside, event: str, *args: Any) -> str | None:
    return RULES[event](inside, args)


@pytest.mark.parametrize("address", [GMAIL, ("8.8.8.8", 993), "/run/redis.sock", b"", (), 5])
def test_nothing_is_connected_here(inside: Inside, address: object) -> None:
    assert refused(inside, "socket.connect", None, address) == "connect"


@pytest.mark.parametrize(("host", "port"), [GMAIL, ("mail-in-a-name.example.com", 443), (b"\xff", 443), (None, 443)])
def test_no_name_is_looked_up_here(inside: Inside, host: object, port: object) -> None:
    assert refused(inside, "socket.getaddrinfo", host, port, 0, 0, 0) == "resolve"


def test_a_message_along_a_connection_has_no_address(inside: Inside) -> None:
    assert refused(inside, "socket.sendmsg", None, None) is None
    assert refused(inside, "socket.sendmsg", None, ("8.8.8.8", 993)) == "send"


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
    inside: Inside, name: str, mode: str | None, flags: int, refusal: str | None
) -> None:
    parent = Path(inside.folder).parent
    for form in (str, os.fsencode, Path):
        if "\0" not in name or form is not Path:
            assert refused(inside, "open", form(f"{parent}/{name}"), mode, flags) == refusal


def test_a_path_from_an_unknown_folder_is_not_opened(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(inside.folder)
    assert refused(inside, "open", "new", None, os.O_WRONLY) == "write"
    assert refused(inside, "open", "master.key", None, os.O_RDONLY) == "read"
    assert refused(inside, "open", "letter", "w", os.O_WRONLY) is None
    assert refused(inside, "open", "letter", "r", 0) is None


def test_what_is_open_already_may_be_used(inside: Inside) -> None:
    assert refused(inside, "open", 1, "w", os.O_WRONLY) is None


def test_a_link_inside_leads_outside_nobody(inside: Inside) -> None:
    own = Path(inside.folder)
    (own / "way").symlink_to(own.parent / "vault")
    assert refused(inside, "open", own / "way" / "new", "w", os.O_WRONLY) == "write"
    assert refused(inside, "open", own / "way" / "master.key", "r", 0) == "read"
    assert refused(inside, "os.remove", own / "way" / "master.key", -1) == "write"


def test_the_folder_may_be_named_by_a_link(inside: Inside) -> None:
    way = Path(inside.folder).with_name("way")
    way.symlink_to(inside.folder)
    assert refused(replace(inside, folder=str(way)), "open", way / "new", "w", os.O_WRONLY) is None


def test_a_secret_is_one_under_every_name_also_when_it_was_exchanged(inside: Inside) -> None:
    secret = Path(inside.secrets[0])
    secret.with_name("second").hardlink_to(secret)
    assert refused(inside, "open", secret.with_name("second"), "r", 0) == "read"
    secret.with_name("new").write_text("another")
    secret.with_name("new").rename(secret)
    assert refused(inside, "open", secret, "r", 0) == "read"
    assert refused(inside, "open", secret.with_name("second"), "r", 0) is None


def test_of_other_processes_nothing_is_read(inside: Inside) -> None:
    assert refused(inside, "open", f"/proc/{os.getppid()}/environ", "r", 0) == "read"
    assert refused(inside, "open", f"/proc/self/root/proc/{os.getppid()}/environ", "r", 0) == "read"
    assert refused(inside, "open", "/proc/self/status", "r", 0) is None
    assert refused(inside, "open", "/proc/meminfo", "r", 0) is None


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
def test_files_are_changed_inside_alone(inside: Inside, event: str, rest: tuple[Any, ...]) -> None:
    own = Path(inside.folder)
    (own / "file").touch()
    with (own / "file").open() as within, Path(inside.secrets[0]).open() as outside:
        allowed = [own / "file", str(own / "new"), os.fsencode(own / "new"), within.fileno()]
        forbidden = [own.parent / "new", own.parent, f"{own}/../new", f"{own}-not/new", "new", outside.fileno(), 9999]
        assert [refused(inside, event, path, *rest) for path in allowed] == [None] * len(allowed)
        assert [refused(inside, event, path, *rest) for path in forbidden] == ["write"] * len(forbidden)


def test_a_path_that_begins_in_an_open_folder_is_judged_by_it(inside: Inside) -> None:
    within, outside = (os.open(path, os.O_RDONLY) for path in (inside.folder, Path(inside.folder).parent))
    try:
        assert refused(inside, "os.remove", "file", within) is None
        assert refused(inside, "os.remove", "file", outside) == "write"
        assert refused(inside, "os.remove", "../file", within) == "write"
        assert refused(inside, "os.remove", "file", 9999) == "write"
        assert refused(inside, "os.rename", "file", "new", within, within) is None
        assert refused(inside, "os.rename", "file", "new", within, outside) == "write"
        assert refused(inside, "os.rename", "file", "new", outside, within) == "write"
    finally:
        os.close(within)
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
    inside: Inside, module: str, file: str | None, refusal: str | None
) -> None:
    path = file and file.format(own=inside.folder)
    assert refused(inside, "import", module, path, None, None, None) == refusal


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
def test_some_things_are_never_done(inside: Inside, what: str, event: str) -> None:
    assert refused(inside, event, socket.socket, GMAIL) == what
