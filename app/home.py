"""Where a process of the service has its sockets and temporary files: in a folder of the service's own, never in /tmp.

    store.run_directory, else $RUNTIME_DIRECTORY (systemd's RuntimeDirectory=), else $XDG_RUNTIME_DIR/migrator, else the
    folder `run` beside the embedded store

Others clear /tmp, and its name may be longer than a socket's may be.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from app.config import Store
from jobs.scratch import LONGEST_ROOT, home
from jobs.spawning import CannotStart

_SHORTER = "Name a shorter one in store.run_directory, such as /run/migrator."


@contextmanager
def at_home(store: Store) -> Iterator[None]:
    """Give this process its own folder until the block ends; sockets and temporary files lie there alone.

    Raises:
        click.ClickException: the folder cannot be made or is no place for sockets, or later no process could be
            started; the text says what to do.
    """
    root = run_directory(store)
    if fault := too_long(root):
        raise click.ClickException(fault)
    with ExitStack() as stack:
        try:
            stack.enter_context(home(root))
        except OSError as error:
            raise click.ClickException(
                f"the folder for sockets and temporary files, {root}, cannot be used: {error.strerror}. Name another "
                "one in store.run_directory, or let systemd make it (RuntimeDirectory=)."
            ) from None
        with _starting_processes():
            yield


@contextmanager
def _starting_processes() -> Iterator[None]:
    try:
        yield
    except CannotStart as error:
        raise click.ClickException(
            f"no process could be started ({error.code}); nothing was changed. See docs/logs.md, cannot-start."
        ) from None


def run_directory(store: Store) -> Path:
    """Return the folder in which the folders of this service's processes lie."""
    if store.run_directory:
        return store.run_directory.absolute()
    if given := os.environ.get("RUNTIME_DIRECTORY"):
        return Path(given.partition(":")[0])
    session = os.environ.get("XDG_RUNTIME_DIR", "")
    if session and os.access(session, os.W_OK | os.X_OK):
        return Path(session) / "migrator"
    return store.directory.absolute() / "run"


def too_long(root: Path) -> str:
    """Return what is wrong with a folder in whose subfolders no socket can be made; empty where one can."""
    size = len(os.fsencode(root))
    if size <= LONGEST_ROOT:
        return ""
    return f"the folder for sockets has a path of {size} bytes, at most {LONGEST_ROOT} are possible: {root}. {_SHORTER}"
