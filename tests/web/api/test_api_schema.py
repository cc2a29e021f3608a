"""Schemathesis against the OpenAPI document, over HTTP on a real Redis: no 5xx, and nothing that is not described.

Twice: with whatever fits the description, or just doesn't; and with the ids of a customer whose one migration is, from
request to request, in another state, so that every answer is reached that there is.
"""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

import pytest
from api_site import Tokens, doors
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from ways import serving

from app.stores import Stores
from jobs import requests
from jobs.migration import State
from jobs.slice import SliceEnd, advance, ended, failed, paused, wait
from jobs.tickets import claim, release
from web.api.application import API, make_api
from web.api.tokens import ServiceToken

CUSTOMER, MIGRATION = "customer-7", "7" * 32
STATES: tuple[tuple[SliceEnd, ...], ...] = (
    (),
    (paused("asked"),),
    (paused("reconnect-needed"),),
    (wait(4e9, "mailbox-full"),),
    (advance(State.COPYING), advance(State.VERIFYING), wait(4e9, "failed-messages")),
    (failed("login-refused", resumable=True),),
    (advance(State.FINISHING), ended(State.DONE)),
)
"""The ends of slices that bring a migration into each state."""

PROGRAM = (
    str(Path(sys.executable).with_name("schemathesis")),
    "run",
    "--generation-deterministic",
    "--max-examples=10",
    "--no-color",
    "--continue-on-failure",
)
PREPARED = f"""
[[operations]]
include-path-regex = "/customers/"
parameters = {{ "path.customer" = "{CUSTOMER}", "path.migration" = "{MIGRATION}" }}
"""
OPERATIONS = {
    ("POST", "/launches"): 201,
    ("GET", "/launches/terms"): 200,
    ("GET", "/customers/{customer}/migrations"): 200,
    ("GET", "/customers/{customer}/card"): 200,
    ("GET", "/customers/{customer}/migrations/{migration}"): 200,
    ("POST", "/customers/{customer}/migrations/{migration}/pause"): 200,
    ("POST", "/customers/{customer}/migrations/{migration}/resume"): 200,
    ("POST", "/customers/{customer}/migrations/{migration}/retry"): 200,
    ("POST", "/customers/{customer}/migrations/{migration}/finish"): 200,
    ("POST", "/customers/{customer}/migrations/{migration}/cancel"): 200,
}
ACTS = {operation for operation in OPERATIONS if operation[0] == "POST" and "{migration}" in operation[1]}


class Answers:
    """The API, before each request put into the next state; and what it answered, by operation."""

    def __init__(self, api: ASGIApp, stores: Stores) -> None:
        self._api = api
        self._stores = stores
        self._states = cycle(STATES)
        self.counted: Counter[tuple[str, str, int]] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        prepare(self._stores, next(self._states))
        path = scope["path"].replace(CUSTOMER, "{customer}").replace(MIGRATION, "{migration}")

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.counted[scope["method"], path.removeprefix(API), message["status"]] += 1
            await send(message)

        await self._api(scope, receive, sent)

    def reached(self, status: int) -> set[tuple[str, str]]:
        """Return the operations that gave this answer."""
        return {(method, path) for method, path, given in self.counted if given == status}


def prepare(stores: Stores, ends: tuple[SliceEnd, ...]) -> None:
    """Leave one migration in the store, in the state that these ends lead to; no limit is near, no key used."""
    stores.state.flushdb()
    stores.keys.flushdb()
    requests.create(stores.state, CUSTOMER, migration_id=MIGRATION)
    for end in ends:
        claimed = claim(stores.state, 30)
        assert claimed
        release(stores.state, claimed.id, claimed.token, end)


Asked = Callable[[str, str], Answers]


@pytest.fixture
def asked(running: Stores, known: tuple[Tokens, tuple[ServiceToken, ...]], tmp_path: Path) -> Iterator[Asked]:
    """Let Schemathesis ask the API, with a configuration of its own, in some of its phases; every answer was right."""

    def ask(settings: str, phases: str) -> Answers:
        seen: list[Answers] = []

        def build(url: str) -> ASGIApp:
            site = FastAPI()
            site.mount(API, make_api(doors(running, known[1], url)))
            seen.append(Answers(site, running))
            return seen[0]

        (tmp_path / "schemathesis.toml").write_text(settings)
        with serving(build) as url:
            there = (f"{url}{API}/openapi.json", "-H", f"Authorization: Bearer {known[0].everything}")
            command = (*PROGRAM, *there, "--phases", phases)
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
        return seen[0]

    yield ask
    running.state.flushdb()
    running.keys.flushdb()


def test_whatever_is_asked_is_answered_as_described(asked: Asked) -> None:
    answers = asked("", "coverage,fuzzing")
    assert sum(answers.counted.values()) > 150
    assert not [row for row in answers.counted if row[2] >= 500]


def test_every_answer_that_a_state_leads_to_is_as_described(asked: Asked) -> None:
    answers = asked(PREPARED, "fuzzing,stateful")
    assert [operation for operation, status in OPERATIONS.items() if operation not in answers.reached(status)] == []
    assert answers.reached(401) == set(OPERATIONS)
    assert answers.reached(409) == ACTS
    assert not [row for row in answers.counted if row[2] >= 500]
