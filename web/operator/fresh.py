"""One look shared by everybody: what was seen a moment ago is not looked for again, however many screens are open."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")

_MOST = 64
"""Things that are looked for at a time; those looked for longest ago are dropped first."""

_NEVER = float("-inf")

_REST = 4
"""So many times as long as it took to find, it is kept at least."""


@dataclass(eq=False, slots=True)
class _Seen:
    lock: threading.Lock = field(default_factory=threading.Lock)
    until: float = _NEVER
    found: Any = None


class Fresh:
    """What was seen within the last `seconds`; safe for threads, of which one looks while the others wait for it.

    What took long to find is kept longer, so that no more than a fifth of the time is spent looking.
    A look that fails is not remembered: whoever waited looks himself.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: OrderedDict[Hashable, _Seen] = OrderedDict()
        self._lock = threading.Lock()

    def look(self, key: Hashable, find: Callable[[], T]) -> T:
        """Return what stands under a key, found anew when it is too old."""
        seen = self._place(key)
        with seen.lock:
            begun = time.monotonic()
            if begun >= seen.until:
                seen.found = find()
                now = time.monotonic()
                seen.until = now + max(self._seconds, _REST * (now - begun))
            found: T = seen.found
            return found

    def forget(self) -> None:
        """Look at everything anew: something was done that a person wants to see."""
        with self._lock:
            self._seen.clear()

    def _place(self, key: Hashable) -> _Seen:
        now = time.monotonic()
        with self._lock:
            for old in [one for one, seen in self._seen.items() if _NEVER < seen.until < now and one != key]:
                del self._seen[old]
            seen = self._seen.setdefault(key, _Seen())
            self._seen.move_to_end(key)
            while len(self._seen) > _MOST:
                self._seen.popitem(last=False)
            return seen
