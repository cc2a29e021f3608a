"""Messages read ahead from Gmail: several at once, in the order of the plan, within a budget of memory."""

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from tenacity import RetryCallState, Retrying

from migrator.asking import refused_altogether
from migrator.errors import AnswerDamaged, GoogleDown, GoogleUnavailable, MessageGone, MigrationError, Transient
from migrator.gmail import Gmail, TooManyAtOnce
from migrator.message import GmailMessage
from migrator.outcome import Mark
from migrator.retry import Patience, Stopped

LARGE = 2 << 20
"""Bytes from which a message is streamed (the plan knows which, by `q=larger:2M`)."""

_AHEAD_BYTES = 96 << 20
_LIKELY = {Mark.PENDING: 256 << 10, Mark.PENDING_LARGE: 40 << 20}
_AHEAD = 6
"""Messages read ahead per fetcher."""

_TRIES = 3
_PAUSE = 60.0
_AGAIN = 0.2

Read = tuple[int, GmailMessage | Mark]
Others = Callable[[str], Sequence[str]]


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
    gmail: Gmail,
    wanted: Iterable[tuple[int, str, Mark]],
    fetchers: int,
    patience: Patience,
    *,
    alone: bool = False,
    others: Others = lambda _: (),
) -> Iterator[Read]:
    """Yield (number, message or outcome) for each wanted message, in order; take no new ones when time is over.

    `alone`: the next message is taken only when the one before has been dealt with. `others` returns ids of a few
    messages beside the given one: a message is at fault only where Google, in the same moment, gives another one.

    Raises:
        Waiting, Permanent: what Google said, after every message that could still be read has been yielded.
    """
    todo, refusal = iter(wanted), None
    reader = _Reader(gmail, Lanes(fetchers), patience, others)
    at_most = 1 if alone else _AHEAD * fetchers
    ahead: deque[_Underway] = deque()
    with ThreadPoolExecutor(fetchers, "fetch") as pool:
        while True:
            while refusal is None and not patience.over and _has_room(ahead, at_most):
                following = next(todo, None)
                if following is None:
                    break
                number, message_id, mark = following
                future = pool.submit(reader.read, message_id, mark)
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


class _Reader:
    """Reads one message, by any number of threads; `witness` is the id of the last message that Google gave."""

    def __init__(self, gmail: Gmail, lanes: Lanes, patience: Patience, others: Others) -> None:
        self._gmail = gmail
        self._lanes = lanes
        self._patience = patience
        self._policy = _policy(patience, lanes)  # one for all messages: it takes a tenth of a millisecond to make
        self._others = others
        self._witness = ""
        self._said: MigrationError | None = None

    def read(self, message_id: str, mark: Mark) -> GmailMessage | Mark:
        try:
            message = self._found(message_id, mark)
        except MessageGone:
            return Mark.SKIPPED_GONE
        except AnswerDamaged as damage:
            return self._this_one_or_all(message_id, damage, Mark.FAILED_DAMAGED)
        except GoogleUnavailable as refusal:
            return self._this_one_or_all(message_id, refusal, Mark.FAILED_GOOGLE)
        self._witness = message_id
        return message

    def _found(self, message_id: str, mark: Mark) -> GmailMessage:
        """Ask for a message; once more where Google does not know it, for a 404 that passes would lose it."""
        message: GmailMessage
        try:
            message = self._policy(self._once, message_id, mark)
        except MessageGone:
            self._patience.wait(_AGAIN)
            message = self._policy(self._once, message_id, mark)
        return message

    def _once(self, message_id: str, mark: Mark) -> GmailMessage:
        with self._lanes.one():
            if self._patience.stopped:
                raise Stopped
            if self._said:
                raise self._said
            return self._gmail.message(message_id, large=mark is Mark.PENDING_LARGE)

    def _this_one_or_all(self, message_id: str, error: Transient, mark: Mark) -> Mark:
        """Tell a poison message from an outage: ask Google who the account is, and for another message."""
        said = refused_altogether(self._gmail, self._patience) or self._of_others(message_id, error)
        if said:
            self._said = said
            raise said from None
        return mark

    def _of_others(self, message_id: str, error: Transient) -> MigrationError | None:
        """Return what Google refuses other messages with, too; None where it knows one, or there is no other."""
        others = [self._witness] if self._witness not in {"", message_id} else self._others(message_id)
        for other in others:
            try:
                self._patience.retrying(Transient, tries=_TRIES)(self._gmail.knows, other)
            except Transient:
                continue
            return None
        if not others:
            return None
        lasting = error.lasting if isinstance(error, GoogleUnavailable) and error.sure else None
        return lasting or GoogleDown(time.time() + _PAUSE, error.detail)
