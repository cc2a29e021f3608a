"""Work that goes on in a thread beside a block, and ends with it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_STOP_SECONDS = 0.2
"""What is under way is not waited for: whoever works next does it again."""


@contextmanager
def beside(name: str, stop: threading.Event, work: Callable[[], object]) -> Iterator[None]:
    """Do `work` in a thread of this name while the block runs; it ends when `stop` is set, as it is at the end."""
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_STOP_SECONDS)
