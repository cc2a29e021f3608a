"""What a page's frame says about the visit it is shown in; ambient like the language, and empty outside a request."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Visit:
    """`place` is the page's path, empty where it cannot be shown again by GET; `session`: the visitor has one."""

    place: str = ""
    session: bool = False


_NONE = Visit()

_current: ContextVar[Visit] = ContextVar("visit", default=_NONE)


@contextmanager
def visiting(visit: Visit) -> Iterator[None]:
    """Let a visit be the present one until the block ends, in this thread or task alone."""
    token = _current.set(visit)
    try:
        yield
    finally:
        _current.reset(token)


def present_visit() -> Visit:
    """Return the present visit."""
    return _current.get()
