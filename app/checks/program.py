"""The program: its version, and whether the packages are those it was tested with."""

import platform
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from app.checks.finding import Finding, ok, warn
from app.kernelwalls import WAY_OUT
from jobs import walls

NAME = "gmail-migrator"
LOCK = Path(__file__).parents[2] / "requirements.lock"
_LOCKED = re.compile(r"([A-Za-z0-9._-]+)==([^\s;\\]+)")
_SHOWN = 3


def program(lock: Path = LOCK) -> Iterator[Finding]:
    """Say the versions, and compare the installed packages with the lock file, where it lies beside the program."""
    yield ok("version", f"{NAME} {version(NAME)}, Python {platform.python_version()}")
    yield _walls()
    if not lock.exists():
        yield ok("packages", "no requirements.lock beside the program: not compared")
        return
    others = [f"{name} {here}, not {locked}" for name, locked in _locked(lock) if (here := _installed(name, locked))]
    if others:
        shown = "; ".join(others[:_SHOWN]) + (" ..." if len(others) > _SHOWN else "")
        yield warn("packages", f"other versions than the tested ones: {shown}", _INSTALL)
    else:
        yield ok("packages", "those of requirements.lock")


def _walls() -> Finding:
    lacking = walls.missing()
    if lacking:
        return warn("kernel walls", f"the kernel does not hold {' and '.join(lacking)} around imports", WAY_OUT)
    return ok("kernel walls", "seccomp and Landlock around every import")


_INSTALL = "Install those of the lock file: pip install --require-hashes -r requirements.lock."


def _locked(lock: Path) -> Iterator[tuple[str, str]]:
    found = (_LOCKED.match(line) for line in lock.read_text("utf-8").splitlines())
    return ((row[1], row[2]) for row in found if row)


def _installed(name: str, locked: str) -> str:
    """Return the installed version where it is another one; packages of other systems are not installed."""
    try:
        here = version(name)
    except PackageNotFoundError:
        return ""
    return here if here != locked else ""
