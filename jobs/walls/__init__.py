"""The walls that the kernel holds around a process with secrets, whatever code runs in it.

    walls ─► seccomp (which calls) ─► syscalls (their numbers)
          └► landlock (which files) ─► libraries (those that any code needs)      kernel: the calls that put both up

Python's own look at what is done (`migrator.egress.guard`) stays inside them: it tells by name what was tried.
"""

from collections.abc import Iterable

from jobs.walls import kernel, landlock, libraries, seccomp

SECCOMP, LANDLOCK = "seccomp", "landlock"


def missing() -> tuple[str, ...]:
    """Return which walls this kernel does not hold: `seccomp`, `landlock`; nothing where it holds both."""
    there = {SECCOMP: seccomp.is_there(), LANDLOCK: landlock.is_there()}
    return tuple(name for name, is_there in there.items() if not is_there)


def put_up(readable: Iterable[str], folder: str) -> None:
    """Put up, for good, the walls that this kernel holds; to be called before the process starts its first thread.

    Args:
        readable: files and folders that may be read, beside those every process needs.
        folder: the one folder in which files may be made, changed and removed.

    Raises:
        OSError: one of them could not be put up.
    """
    lacking = missing()
    kernel.gain_nothing()
    if LANDLOCK not in lacking:
        landlock.close_files((*libraries.readable(), *readable), folder)
    if SECCOMP not in lacking:
        seccomp.filter_calls()
