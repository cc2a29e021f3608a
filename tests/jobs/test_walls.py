"""The program of the filter and the rules, as values; `test_intruders.py` tries them from inside."""

import ctypes
import os
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from jobs import walls
from jobs.walls import kernel, landlock, libraries, seccomp, syscalls

KILL, ALLOW, ERRNO = 0x80000000, 0x7FFF0000, 0x00050000
OWN = 4321


def run(program: bytes, number: int, *arguments: int, architecture: int = 0) -> int:
    """Run a filter as the kernel does (linux/filter.h), and return its verdict."""
    architecture = architecture or syscalls.ARCHITECTURES[seccomp.platform.machine()]
    data = struct.pack("=IIQ6Q", number, architecture, 0, *(*arguments, 0, 0, 0, 0, 0, 0)[:6])
    steps = list(struct.iter_unpack("=HBBI", program))
    place, held = 0, 0
    tests: dict[int, Callable[[int, int], bool]] = {
        0x15: lambda a, b: a == b,
        0x35: lambda a, b: a >= b,
        0x45: lambda a, b: bool(a & b),
    }
    while True:
        what, then, otherwise, value = steps[place]
        place += 1
        if what == 0x06:
            return int(value)
        if what == 0x20:
            (held,) = struct.unpack_from("=I", data, value)
        else:
            place += then if tests[what](held, value) else otherwise


FILTER = seccomp.program(OWN)
NUMBERS = {**syscalls.ALLOWED, **syscalls.ENDING, **syscalls.LOOKED_AT}


@pytest.mark.parametrize("name", syscalls.ALLOWED)
def test_what_is_allowed_passes(name: str) -> None:
    assert run(FILTER, NUMBERS[name]) == ALLOW


@pytest.mark.parametrize("name", syscalls.ENDING)
def test_what_nobody_asks_for_ends_the_process(name: str) -> None:
    assert run(FILTER, NUMBERS[name]) == KILL


@pytest.mark.parametrize(
    ("name", "arguments", "verdict"),
    [
        ("sendto", (3, 1, 4, 0, 0, 0), ALLOW),
        ("sendto", (3, 1, 4, 0x4000, 0, 0), ALLOW),  # MSG_NOSIGNAL
        ("sendto", (3, 1, 4, 0x20000000, 0, 0), KILL),
        ("sendto", (3, 1, 4, 0, 1, 16), KILL),
        ("sendto", (3, 1, 4, 0, 1 << 32, 16), KILL),
        ("sendmsg", (3, 1, 0), ALLOW),
        ("sendmsg", (3, 1, 0x20000000), KILL),
        ("fcntl", (3, 2), ALLOW),
        ("fcntl", (3, 8), ERRNO | 1),
        ("ioctl", (3, 0x5421), ALLOW),
        ("ioctl", (3, 0x8901), ERRNO | 1),
        ("ioctl", (3, 0x5412), KILL),
        ("ioctl", (3, (1 << 32) | 0x5412), KILL),
        ("setsockopt", (3, 6, 1), ALLOW),
        ("setsockopt", (3, 6, 30), ERRNO | 1),  # TCP_FASTOPEN_CONNECT
        ("setsockopt", (3, 1, 9), ALLOW),
        ("setsockopt", (3, 1, 25), ERRNO | 1),  # SO_BINDTODEVICE
        ("setsockopt", (3, 0, 9), ERRNO | 1),
        ("kill", (OWN, 9), ALLOW),
        ("kill", (OWN + 1, 0), KILL),
        ("kill", (0, 0), KILL),
        ("kill", (2**64 - 1, 0), KILL),
        ("tgkill", (OWN, 1, 6), ALLOW),
        ("tgkill", (1, 1, 6), KILL),
        ("prlimit64", (0, 7, 0, 1), ALLOW),
        ("prlimit64", (OWN, 7, 0, 1), ALLOW),
        ("prlimit64", (1, 7, 0, 1), KILL),
        ("prlimit64", (0, 7, 1, 0), KILL),
        ("prlimit64", (0, 7, 1 << 32, 0), KILL),
        ("clone", (0x3D0F00,), ALLOW),  # a thread, as glibc makes it
        ("clone", (17,), KILL),
        ("clone", (0x10000000 | 0x3D0F00,), KILL),
        ("clone3", (1, 88), ERRNO | 38),
    ],
)
def test_calls_whose_arguments_matter(name: str, arguments: tuple[int, ...], verdict: int) -> None:
    assert run(FILTER, NUMBERS[name], *arguments) == verdict


def test_another_architecture_and_another_kind_of_numbers_end_the_process() -> None:
    assert run(FILTER, NUMBERS["read"], architecture=0x40000003) == KILL
    assert run(FILTER, 0x40000000 | NUMBERS["read"]) == KILL


def test_a_call_of_a_newer_kernel_is_one_that_is_not_there() -> None:
    assert run(FILTER, 9999) == ERRNO | 38


def test_no_call_stands_twice() -> None:
    assert len(NUMBERS) == len(syscalls.ALLOWED) + len(syscalls.ENDING) + len(syscalls.LOOKED_AT)
    assert len(set(NUMBERS.values())) == len(NUMBERS)


def test_the_other_architecture_has_all_that_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = syscalls._ALLOWED, syscalls._ENDING, syscalls._LOOKED_AT
    for machine in syscalls.ARCHITECTURES:
        monkeypatch.setattr(syscalls.platform, "machine", lambda machine=machine: machine)
        allowed, ending, looked_at = map(syscalls._of, tables)
        assert {"read", "write", "futex", "openat", "recvfrom", "exit_group"} <= set(allowed)
        assert {"socket", "connect", "execve", "ptrace", "io_uring_setup", "mount"} <= set(ending)
        assert len(looked_at) == 10
        assert len({**allowed, **ending, **looked_at}) == len(
            {*allowed.values(), *ending.values(), *looked_at.values()}
        )
    monkeypatch.setattr(syscalls.platform, "machine", lambda: "riscv64")
    assert syscalls._of(syscalls._ALLOWED) == {}


@pytest.mark.parametrize(("abi", "size"), [(1, 8), (3, 8), (4, 16), (5, 16), (6, 24), (7, 24), (99, 24)])
def test_older_landlocks_get_what_they_know(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, abi: int, size: int
) -> None:
    seen: list[bytes] = []
    monkeypatch.setattr(kernel, "landlock_abi", lambda: abi)
    monkeypatch.setattr(kernel, "create_ruleset", lambda given: seen.append(given) or os.open(os.devnull, os.O_RDONLY))
    monkeypatch.setattr(kernel, "allow_beneath", lambda _, rights: seen.append(rights))
    monkeypatch.setattr(kernel, "restrict", lambda _: None)
    landlock.close_files((__file__, str(tmp_path / "not-there")), str(tmp_path))
    assert len(seen[0]) == size
    (files,) = struct.unpack("=Q", seen[0][:8])
    for rights in seen[1:]:
        allowed, _ = struct.unpack("=Qi", rights)
        assert allowed & ~files == 0
    assert len(seen) == 3


def test_the_libraries_are_readable_and_no_folder_with_other_things_is() -> None:
    paths = libraries.readable()
    root = Path(__file__).parents[2]
    assert str(root / "jobs") in paths
    for forbidden in (
        Path("/"),
        Path("/etc"),
        Path("/proc"),
        Path("/home"),
        Path("/root"),
        Path("/tmp"),
        root,
        root / "var",
    ):
        assert str(forbidden) not in paths


def in_a_thread(function: Callable[[], object]) -> object:
    """Do it in a thread of its own: Landlock holds that one alone."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


@pytest.mark.parametrize("lacking", [(), ("seccomp",), ("landlock",)])
def test_each_wall_that_there_is_goes_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lacking: tuple[str, ...]
) -> None:
    filtered: list[str] = []
    monkeypatch.setattr(walls, "missing", lambda: lacking)
    monkeypatch.setattr(seccomp, "filter_calls", lambda: filtered.append("filtered"))  # it would hold this process, too
    (tmp_path / "own").mkdir()
    (tmp_path / "outside").write_text("secret")

    def read() -> str:
        walls.put_up((), str(tmp_path / "own"))
        (tmp_path / "own" / "made").write_text("mail")
        try:
            return (tmp_path / "outside").read_text()
        except PermissionError:
            return "held"

    assert in_a_thread(read) == ("secret" if "landlock" in lacking else "held")
    assert filtered == ([] if "seccomp" in lacking else ["filtered"])
    assert (tmp_path / "outside").read_text() == "secret", "this thread is free"


def test_what_the_kernel_refuses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for refused in (
        lambda: kernel.install(syscalls.ENDING["seccomp"], b""),
        lambda: kernel.create_ruleset(b""),
        lambda: kernel.allow_beneath(-1, bytes(12)),
        lambda: kernel.restrict(-1),
    ):
        with pytest.raises(OSError, match=r"Invalid|Bad|No message"):
            in_a_thread(refused)
    monkeypatch.setattr(kernel, "_LIBC", SimpleNamespace(prctl=lambda *_: -1))
    with pytest.raises(OSError, match=r"."):
        kernel.gain_nothing()


def test_the_filter_is_installed_for_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(kernel, "_syscall", lambda *given: asked.append(given) or 0)
    seccomp.filter_calls()
    assert asked[0][:3] == (syscalls.ENDING["seccomp"], 1, 1), "SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC"


def test_a_process_may_be_made_unreadable() -> None:
    before = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
    try:
        kernel.be_unreadable()
        assert ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0
    finally:
        ctypes.CDLL(None).prctl(4, before, 0, 0, 0)
