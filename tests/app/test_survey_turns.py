"""Whose survey is at work: slices of time, by customer in turn, on a real Redis."""

import threading
from collections.abc import Iterator

import pytest
from consents import emptied, stores_in
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from waiting import eventually

from app.stores import Stores
from app.surveyturns import Turn, Turns, last_turns, note_turn
from jobs.fullness import Load

SLICE = 0.1


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    with stores_in(tmp_path_factory.mktemp("turns")) as stores:
        yield stores


@pytest.fixture
def stores(running: Stores) -> Stores:
    return emptied(running)


class Crowd:
    """Surveys of which each works until it is told to end, and looks after each step whether it goes on."""

    def __init__(self, stores: Stores, turns: Turns) -> None:
        self.turns = turns
        self.steps: dict[str, int] = {}
        self.begun: list[str] = []
        self.ended: set[str] = set()
        self.made_room: list[str] = []
        self._stores = stores
        self._over = threading.Event()

    def add(self, name: str, customer: str = "") -> None:
        self.turns.line_up(Turn(self._stores.state, customer or name, lambda turn: self._work(name, turn)))

    def end(self) -> None:
        self._over.set()
        self.turns.wake()
        eventually(lambda: self.turns.load.working == 0)

    def _work(self, name: str, turn: Turn) -> None:
        self.begun.append(name)
        try:
            while not self._over.is_set() and name not in self.ended:
                self.steps[name] = self.steps.get(name, 0) + 1
                if self.turns.after_slice(turn, 0.05) == "end":
                    self.made_room.append(name)
                    return
                self._over.wait(0.01)
        finally:
            self.turns.leave(turn)


@pytest.fixture
def crowd(stores: Stores) -> Iterator[Crowd]:
    made = Crowd(stores, Turns(at_once=2, kept=4, slice_seconds=SLICE))
    yield made
    made.end()


def test_who_is_alone_goes_on_slice_after_slice(crowd: Crowd) -> None:
    crowd.add("a")
    eventually(lambda: crowd.steps.get("a", 0) > 30)
    assert (crowd.begun, crowd.turns.load) == (["a"], Load(1, 0, 2))


def test_surveys_that_never_end_keep_nobody_waiting(crowd: Crowd) -> None:
    for name in ("a", "b", "c"):
        crowd.add(name)
    eventually(lambda: len(crowd.begun) == 3)
    crowd.add("d")
    eventually(lambda: "d" in crowd.begun)
    before = dict(crowd.steps)
    eventually(lambda: crowd.made_room or all(crowd.steps[name] > before[name] for name in "abcd"))
    assert crowd.made_room == []


def test_no_more_are_at_work_than_may_be(crowd: Crowd) -> None:
    for number in range(4):
        crowd.add(f"{number}")
    eventually(lambda: len(crowd.begun) == 4)
    for _ in range(200):
        assert crowd.turns.load.working <= 2 + 1, "one whose slice is over has not come to its end yet"


def test_customers_take_turns_however_many_imports_one_has(crowd: Crowd) -> None:
    for number in range(6):
        crowd.add(f"many-{number}", "many")
    eventually(lambda: len(crowd.begun) == 2)
    crowd.add("one", "one")
    eventually(lambda: "one" in crowd.begun)
    assert crowd.begun.index("one") <= 3


def test_where_no_more_are_kept_one_makes_room_for_a_customer_who_had_no_turn(crowd: Crowd) -> None:
    for name in "abcd":
        crowd.add(name)
    eventually(lambda: len(crowd.begun) == 4)
    crowd.add("new")
    eventually(lambda: "new" in crowd.begun)
    assert len(crowd.made_room) == 1


def test_who_hangs_in_a_slice_keeps_nobody_from_working(crowd: Crowd, stores: Stores) -> None:
    hangs = threading.Event()
    for name in "ab":
        crowd.turns.line_up(Turn(stores.state, name, lambda turn: (hangs.wait(), crowd.turns.leave(turn))))
    eventually(lambda: crowd.turns.load.working == 2)
    crowd.add("c")
    eventually(lambda: crowd.steps.get("c", 0) > 3)
    hangs.set()


def test_one_that_is_woken_at_the_end_of_the_server_goes_nowhere(crowd: Crowd) -> None:
    for name in "abcdefg":
        crowd.add(name)
    eventually(lambda: len(crowd.begun) == 4)
    crowd.end()
    assert crowd.turns.load == Load(0, 0, 2)


def test_all_web_servers_know_who_had_the_last_turn(stores: Stores) -> None:
    for customer in ("a", "b", "a"):
        note_turn(stores.state, customer)
    found = last_turns(stores.state, ["a", "b", "c"])
    assert found["b"] < found["a"]
    assert "c" not in found


def test_without_the_store_those_go_first_who_came_first() -> None:
    gone = Redis(port=1, retry=Retry(NoBackoff(), 0))
    assert last_turns(gone, ["a"]) == {}
    note_turn(gone, "a")
