import threading
import time

import pytest

from migrator.errors import ConnectionLost, GoogleUnavailable, LeaseLost, MailboxFull, MigrationError
from migrator.retry import TRIES, Patience, Stopped, attempt

pytestmark = pytest.mark.alone


class Fails:
    """Raises `error` a number of times, then answers."""

    def __init__(self, times: int, error: MigrationError) -> None:
        self.times = times
        self.error = error
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        if self.asked <= self.times:
            raise self.error
        return "answer"


def seconds_until_stopped(patience: Patience, stop: threading.Event) -> float:
    """Return how long after `stop` was set a wait of a minute ended."""
    at: list[float] = []

    def set_it() -> None:
        at.append(time.monotonic())
        stop.set()

    timer = threading.Timer(0.15, set_it)
    timer.start()
    with pytest.raises(Stopped):
        patience.wait(60)
    ended = time.monotonic()
    timer.join()
    return ended - at[0]


def test_a_wait_ends_within_two_tenths_of_a_second_of_a_stop_that_was_asked_for() -> None:
    asked = threading.Event()
    assert seconds_until_stopped(Patience(asked=asked.is_set), asked) < 0.2


def test_a_wait_ends_at_once_when_the_patience_itself_is_stopped() -> None:
    patience, stop = Patience(), threading.Event()
    threading.Thread(target=lambda: stop.wait(5) and patience.stop()).start()
    assert seconds_until_stopped(patience, stop) < 0.2


def test_a_backoff_ends_within_two_tenths_of_a_second_of_a_stop() -> None:
    asked = threading.Event()
    patience = Patience(asked=asked.is_set)
    threading.Timer(0.3, asked.set).start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        patience.retrying(GoogleUnavailable, tries=1000)(Fails(1000, GoogleUnavailable()))
    assert time.monotonic() - began < 0.6


def test_a_wait_that_nobody_stops_lasts_as_long_as_it_was_asked_to() -> None:
    began = time.monotonic()
    Patience().wait(0.25)
    assert 0.25 <= time.monotonic() - began < 0.5


def test_waiting_can_be_turned_off() -> None:
    began = time.monotonic()
    Patience(scale=0).wait(60)
    assert time.monotonic() - began < 0.1


def test_time_that_is_over_takes_nothing_new_but_lets_a_wait_end() -> None:
    patience = Patience(seconds=0)
    assert patience.over
    assert not patience.stopped
    patience.wait(0.01)


def test_a_stop_is_over_too() -> None:
    patience = Patience()
    assert not patience.over
    patience.stop()
    assert patience.over
    assert patience.stopped


def test_what_passes_is_tried_again_and_its_answer_returned() -> None:
    action = Fails(TRIES - 1, GoogleUnavailable())
    assert attempt(Patience(scale=0), action) == "answer"
    assert action.asked == TRIES


def test_after_the_last_try_the_error_itself_is_raised() -> None:
    action = Fails(99, GoogleUnavailable("backendError"))
    with pytest.raises(GoogleUnavailable, match="backendError"):
        attempt(Patience(scale=0), action)
    assert action.asked == TRIES


@pytest.mark.parametrize("error", [MailboxFull(1.0), LeaseLost(), Stopped()])
def test_waiting_permanent_and_stopped_are_never_tried_again(error: MigrationError) -> None:
    action = Fails(1, error)
    with pytest.raises(type(error)):
        attempt(Patience(scale=0), action)
    assert action.asked == 1


def test_only_the_named_kinds_are_tried_again() -> None:
    action = Fails(1, GoogleUnavailable())
    with pytest.raises(GoogleUnavailable):
        Patience(scale=0).retrying(ConnectionLost)(action)
    assert action.asked == 1


def test_waits_between_tries_grow_and_stay_below_their_ceiling() -> None:
    class Recorded(Patience):
        def __init__(self) -> None:
            super().__init__()
            self.waited: list[float] = []

        def wait(self, seconds: float) -> None:
            self.waited.append(seconds)

    patience = Recorded()
    with pytest.raises(GoogleUnavailable):
        patience.retrying(GoogleUnavailable, tries=400, longest=8)(Fails(999, GoogleUnavailable()))
    assert len(patience.waited) == 399
    assert all(seconds <= 0.5 * 2**turn for turn, seconds in enumerate(patience.waited[:4]))
    assert max(patience.waited) <= 8
    assert max(patience.waited) > 6
    assert min(patience.waited[20:]) < 2, "full jitter reaches down to zero"
