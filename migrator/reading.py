"""Messages read ahead from Gmail: several at once, in the order of the plan, within a budget of memory."""

import threading
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from tenacity import RetryCallState, Retrying

from migrator.errors import AnswerDamaged, GoogleDown, GoogleUnavailable, MessageGone, MigrationError, Transient
from migrator.gmail import Gmail, RequestRefused, TooManyAtOnce
from migrator.message import GmailMessage
from migrator.outcome import Mark
from migrator.retry import Patience, Stopped

LARGE = 2 << 20
"""Bytes from which a message is streamed (the plan knows which, by `q=larger:2M`)."""

_AHEAD_BYTES = 96 << 20
_LIKELY = {Mark.PENDING: 256 << 10, Mark.PENDING_LARGE: 40 << 20}
_AHEAD = 6
"""Messages read ahead per fetcher."""

Read = tuple[int, GmailMessage | Mark]


@dataclass(frozen=True, slots=True)
class _Underway:
    number: int
    mark: Mark
    future: Future[GmailMessage | Mark]


class Lanes:
    """How many requests may run at once; Google's "too many concurrent requests" closes a lane for good."""

    def __init__(self, lanes: int) -> None:
        self.open = lanes
        self._free = threading.Semaphore(lanes)
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold one lane."""
        with self._free:
            yield

    def narrow(self) -> None:
        """Close one lane, never the last."""
        with self._lock:
            if self.open > 1:
                self.open -= 1
                self._free.acquire()


def read_ahead(
    gmail: Gmail, wanted: Iterable[tuple[int, str, Mark]], fetchers: int, patience: Patience, *, alone: bool = False
) -> Iterator[Read]:
    """Yield (number, message or outcome) for each wanted message, in order; take no new ones when time is over.

    `alone`: the next message is taken only when the one before has been dealt with.

    Raises:
        Waiting, Permanent: what Google said, after every message that could still be read has been yielded.
    """
    lanes, todo, refusal = Lanes(fetchers), iter(wanted), None
    policy = _policy(patience, lanes)  # one for all messages: it takes a tenth of a millisecond to make
    at_most = 1 if alone else _AHEAD * fetchers
    ahead: deque[_Underway] = deque()
    with ThreadPoolExecutor(fetchers, "fetch") as pool:
        while True:
            while refusal is None and not patience.over and _has_room(ahead, at_most):
                following = next(todo, None)
                if following is None:
                    break
                number, message_id, mark = following
                future = pool.submit(_read, gmail, message_id, mark, lanes, policy, patience)
                ahead.append(_Underway(number, mark, future))
            if not ahead:
                break
            first = ahead.popleft()
            try:
                yield first.number, first.future.result()
            except Stopped:  # not read; the message stays open
                patience.stop()
            except MigrationError as error:
                refusal = refusal or error
    if refusal:
        raise refusal


def _has_room(ahead: Collection[_Underway], at_most: int) -> bool:
    return len(ahead) < at_most and sum(_LIKELY[u.mark] for u in ahead) < _AHEAD_BYTES


def _policy(patience: Patience, lanes: Lanes) -> Retrying:
    """Return how often a message is asked for; "too many at once" closes a lane each time."""

    def narrower(state: RetryCallState) -> None:
        if state.outcome and isinstance(state.outcome.exception(), TooManyAtOnce):
            lanes.narrow()

    return patience.retrying(Transient, TooManyAtOnce).copy(after=narrower)


def _read(
    gmail: Gmail, message_id: str, mark: Mark, lanes: Lanes, policy: Retrying, patience: Patience
) -> GmailMessage | Mark:
    def once() -> GmailMessage:
        with lanes.one():
            if patience.stopped:
                raise Stopped
            return gmail.message(message_id, large=mark is Mark.PENDING_LARGE)

    try:
        message: GmailMessage = policy(once)
        return message  # noqa: TRY300
    except MessageGone:
        return Mark.SKIPPED_GONE
    except AnswerDamaged:
        return Mark.FAILED_DAMAGED
    except (GoogleUnavailable, RequestRefused):
        return _this_one_or_all(gmail)


def _this_one_or_all(gmail: Gmail) -> Mark:
    """Tell a poison message from an outage: ask Google something else."""
    try:
        gmail.account()
    except GoogleUnavailable as error:
        raise GoogleDown(time.time() + 60, error.detail) from None
    return Mark.FAILED_GOOGLE
