"""Waiting for a condition, as all tests do that watch another process."""

from collections.abc import Callable
from typing import TypeVar

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

T = TypeVar("T")


def eventually(look: Callable[[], T], within: float = 60.0) -> T:
    """Return what `look` gives as soon as it is true; raises `tenacity.RetryError` after `within` seconds."""
    waiting = Retrying(
        retry=retry_if_result(lambda seen: not seen), stop=stop_after_delay(within), wait=wait_fixed(0.05)
    )
    return waiting(look)
