"""A store in trouble: whoever asks is answered 503 and when to come again, and finds things as they were left.

One installation, pages, API and console, on two real stores that refuse as operators see them refuse.
"""

import http.client
import json
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from browser import Answer
from consents import stores_in
from front_desk import enlist
from key_leaks import leaks
from redis import Redis
from redis.exceptions import ResponseError
from scraping import served
from structlog.testing import capture_logs
from waiting import eventually
from ways import HOST_KEY, ISSUER, PANEL, jwks

from app.api_tokens import add_token
from app.config import Config
from app.console import console_site
from app.server import site_of
from app.stores import Stores
from jobs import audit, requests
from jobs.kept import Where
from jobs.launch import Import, prepare
from jobs.migration import State, new_id, record_key
from migrator.mailbox import Password
from web import session as sessions
from web.api.tokens import Scope
from web.operator import session as staff_sessions
from web.operator.session import COOKIE as STAFF_COOKIE
from web.operator.session import Stage
from web.session import COOKIE, Entered

PAGES, CONSOLE = "import.example.org", "console.example.org"
CREDENTIALS = Password("ann", "secret")
FORM = {"sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded"}


@dataclass
class Installation:
    """What is asked, by whom, and the stores behind it, with a client of each that is always let in."""

    config: Config
    stores: Stores
    urls: Mapping[str, str]
    token: str
    customer: str
    member: str
    migration: str
    state: Redis
    keys: Redis
    clients: "count[int]" = field(default_factory=count)

    def ask(self, host: str, verb: str, path: str, headers: Mapping[str, str] | None = None, **form: str) -> Answer:
        """Return status, headers and, unless it is a stream, the text of an answer."""
        cookies = {PAGES: f"{COOKIE}={self.customer}", CONSOLE: f"{STAFF_COOKIE}={self.member}"}
        client = f"2001:db8:0:{next(self.clients):x}::1"  # as the proxy names it: nobody tries too often
        sent = {"host": host, "x-client": client, "cookie": cookies[host], **(headers or {})}
        sent |= FORM if verb == "POST" else {}
        connection = http.client.HTTPConnection(urlsplit(self.urls[host]).netloc, timeout=60)
        try:
            connection.request(verb, path, urlencode(form) if verb == "POST" else None, sent)
            reply = connection.getresponse()
            found = {name.lower(): value for name, value in reply.getheaders()}
            streams = found.get("content-type", "").startswith("text/event-stream")
            return Answer(reply.status, found, "" if streams else reply.read().decode())
        finally:
            connection.close()

    def requests(self) -> dict[str, Callable[[], Answer]]:
        """Return one request of each kind, and those that meet the store in another place."""
        here, api = f"/imports/{self.migration}", f"/api/v1/customers/c-1/migrations/{self.migration}"
        panel = {"authorization": f"Bearer {self.token}"}
        return {
            "page": lambda: self.ask(PAGES, "GET", here),
            "start": lambda: self.ask(PAGES, "GET", "/"),
            "no page": lambda: self.ask(PAGES, "GET", "/nothing"),
            "form": lambda: self.ask(PAGES, "POST", f"{here}/pause"),
            "consent": lambda: self.ask(PAGES, "POST", "/consent"),
            "events": lambda: self.ask(PAGES, "GET", f"{here}/events"),
            "API": lambda: self.ask(PAGES, "GET", api, panel),
            "API act": lambda: self.ask(PAGES, "POST", f"{api}/pause", panel),
            "console": lambda: self.ask(CONSOLE, "GET", "/"),
            "no page of the console": lambda: self.ask(CONSOLE, "GET", "/nothing"),
            "ready": lambda: self.ask(PAGES, "GET", "/readyz"),
            "console ready": lambda: self.ask(CONSOLE, "GET", "/readyz"),
        }


WELL = {
    **dict.fromkeys(("page", "start", "events", "API", "API act", "console", "ready", "console ready"), 200),
    **dict.fromkeys(("form", "consent"), 303),
    **dict.fromkeys(("no page", "no page of the console"), 404),
}
READY = {"ready", "console ready"}
UNTROUBLED = {
    **{f"store-{why}": {"no page of the console"} for why in ("read-only", "rights", "replicas", "disk")},
    "store-full": {"page", "start", "no page", "consent", "events", "API", "console", "no page of the console"},
}
"""What may be served in spite of it: it only reads, or writes nothing that takes memory."""

OF_KEYS = {"consent"} | READY
"""What the key store is asked for."""


def answers(place: Installation, *, ready: int) -> dict[str, Answer]:
    """Ask all at once, as people do: a store that hangs is waited for once. What `/readyz` says may be a moment old."""

    def asked(name: str, act: Callable[[], Answer]) -> Answer:
        if name in READY:
            eventually(lambda: act().status == ready)
        return act()

    with ThreadPoolExecutor(len(WELL)) as pool:
        found = {name: pool.submit(asked, name, act) for name, act in place.requests().items()}
        return {name: answer.result() for name, answer in found.items()}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("trouble")
    (folder / "client-secret").write_text("secret")
    (folder / "master").write_text("master secret")
    (folder / "panel.json").write_text(json.dumps(jwks(host=HOST_KEY)))
    token = add_token(folder / "tokens", "panel", frozenset(Scope))
    config = Config.model_validate(
        {
            "google": {"client_id": "c", "client_secret_file": folder / "client-secret"},
            "web": {"url": f"https://{PAGES}", "name": "Example Mail", "client_header": "X-Client"},
            "console": {"url": f"https://{CONSOLE}"},
            "panel": {
                "origins": [PANEL],
                "issuer": ISSUER,
                "keys_file": folder / "panel.json",
                "master_user": "master",
                "master_password_file": folder / "master",
            },
            "api": {"tokens_file": folder / "tokens"},
        }
    )
    with ExitStack() as stack:
        stores = stack.enter_context(stores_in(folder))
        urls = {
            PAGES: stack.enter_context(served(site_of(config, stores, {}, threading.Event()))),
            CONSOLE: stack.enter_context(served(console_site(config, stores))),
        }
        customer = sessions.enter(stores.state, "", Entered("c-1", "ann@host.example"), ()).id
        member = staff_sessions.begin(stores.state, "", Stage.IN, enlist(stores, "anna")).id
        stores.vault.make(migration := new_id())
        prepare(stores.state, stores.vault, migration, Import("c-1", CREDENTIALS))
        requests.create(stores.state, "c-1", migration_id=migration)
        state, keys = (stack.enter_context(Redis.from_url(url)) for url in (stores.urls.state, stores.urls.keys))
        yield Installation(config, stores, urls, token, customer, member, migration, state, keys)


# --- troubles ---------------------------------------------------------------------------------------------------------


@contextmanager
def configured(store: Redis, **settings: str) -> Iterator[None]:
    before = {name: store.config_get(name)[name] for name in map(_dashed, settings)}
    for name, value in settings.items():
        store.config_set(_dashed(name), value)
    try:
        yield
    finally:
        for name, value in before.items():
            store.config_set(name, value)


def _dashed(name: str) -> str:
    return name.replace("_", "-")


@contextmanager
def read_only(store: Redis) -> Iterator[None]:
    store.replicaof("127.0.0.1", "1")
    try:
        yield
    finally:
        store.replicaof("NO", "ONE")


@contextmanager
def without_its_master(store: Redis) -> Iterator[None]:
    with configured(store, replica_serve_stale_data="no"), read_only(store):
        yield


def full(store: Redis) -> AbstractContextManager[None]:
    return configured(store, maxmemory="1")


def without_replicas(store: Redis) -> AbstractContextManager[None]:
    return configured(store, min_replicas_to_write="1")


@contextmanager
def without_rights(store: Redis) -> Iterator[None]:
    store.execute_command("ACL", "SETUSER", "admin", "-@write", "-eval", "-evalsha")
    try:
        yield
    finally:
        store.execute_command("ACL", "SETUSER", "admin", "+@all")


@contextmanager
def without_a_disk(store: Redis) -> Iterator[None]:
    """Have its last snapshot fail: a folder is in the place of the file."""
    dump = Path(store.config_get("dir")["dir"]) / "dump.rdb"
    (dump / "in the way").mkdir(parents=True)
    with configured(store, save="3600 1"):
        store.bgsave()
        eventually(lambda: store.info("persistence")["rdb_last_bgsave_status"] == "err")
        yield
    shutil.rmtree(dump)


@contextmanager
def busy_with_a_script(store: Redis) -> Iterator[None]:
    with configured(store, busy_reply_threshold="1"), ThreadPoolExecutor(1) as pool:
        endless = pool.submit(_refused, store, lambda client: client.eval("while true do end", 0))
        eventually(lambda: _refused(store, lambda client: client.get("x")).startswith("BUSY"))
        try:
            yield
        finally:
            store.execute_command("SCRIPT", "KILL")
            endless.result()


@contextmanager
def paused(store: Redis) -> Iterator[None]:
    store.execute_command("CLIENT", "PAUSE", "7000")
    yield
    store.ping()  # waits until it is over


@contextmanager
def stopped(store: Redis) -> Iterator[None]:
    process = int(store.info("server")["process_id"])
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


@contextmanager
def unreachable(store: Redis) -> Iterator[None]:
    """Have nobody find its socket, and cut off whoever had."""
    socket = Path(store.config_get("unixsocket")["unixsocket"])
    socket.rename(socket.with_suffix(".away"))
    store.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    try:
        yield
    finally:
        socket.with_suffix(".away").rename(socket)


OF_EITHER = {
    "store-unreachable": unreachable,
    "store-silent": paused,
    "store-read-only": read_only,
    "store-full": full,
    "store-rights": without_rights,
}
OF_STATE = {
    **OF_EITHER,
    "store-following": without_its_master,
    "store-replicas": without_replicas,
    "store-busy": busy_with_a_script,
    "store-disk": without_a_disk,
}


# --- what is expected -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", OF_STATE)
def test_whoever_needs_a_state_store_in_trouble_is_asked_to_come_again(place: Installation, code: str) -> None:
    with capture_logs() as told, OF_STATE[code](place.state):
        found = answers(place, ready=503)
    asked_again(found, set(WELL) - UNTROUBLED.get(code, set()))
    said_once(told, found, code, "state")
    as_it_was(place)


@pytest.mark.parametrize("code", OF_EITHER)
def test_whoever_needs_a_key_store_in_trouble_is_asked_to_come_again(place: Installation, code: str) -> None:
    with capture_logs() as told, OF_EITHER[code](place.keys):
        found = answers(place, ready=503)
    asked_again(found, OF_KEYS)
    assert {name: found[name].status for name in WELL.keys() - OF_KEYS} == without(WELL, OF_KEYS)
    said_once(told, found, code, "keys")
    as_it_was(place)


def test_stores_that_are_both_stopped_hold_nobody_up_for_long(place: Installation) -> None:
    with stopped(place.state), stopped(place.keys):
        found = answers(place, ready=503)
    asked_again(found, set(WELL))
    as_it_was(place)


@pytest.mark.parametrize(
    ("trouble", "chosen", "spoken"),
    [(read_only, "", "de-CH"), (read_only, "fr-CH", "fr-CH"), (unreachable, "fr-CH", "de-CH")],
)
def test_the_customer_is_told_in_the_language_chosen_or_else_in_the_browser_s(
    place: Installation, trouble: Callable[[Redis], AbstractContextManager[None]], chosen: str, spoken: str
) -> None:
    session = sessions.find(place.state, place.customer)
    assert session
    sessions.speak(place.state, session, chosen)
    with trouble(place.state):
        answer = place.ask(PAGES, "GET", f"/imports/{place.migration}", {"accept-language": "de"})
    assert answer.status == 503
    assert f'lang="{spoken}"' in answer.text
    sessions.speak(place.state, session, "")


def test_the_way_on_is_the_page_that_was_asked_for(place: Installation) -> None:
    with read_only(place.state):
        shown, pressed = (place.requests()[name]() for name in ("page", "form"))
    for answer in (shown, pressed):
        assert "busy, please try again" in answer.text
        assert f'<a class="button" href="/imports/{place.migration}">Try again</a>' in answer.text


def test_the_panel_is_given_a_problem(place: Installation) -> None:
    with read_only(place.state):
        answer = place.requests()["API act"]()
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"status": 503, "code": "store-away"}.items() <= json.loads(answer.text).items()


def test_a_value_of_another_type_is_a_fault_of_ours_and_logged_once(place: Installation) -> None:
    other = requests.create(place.state, "c-1").id
    place.state.set(record_key(other), "no record", ex=60)
    with capture_logs() as told:
        page = place.ask(PAGES, "GET", f"/imports/{other}")
    place.state.delete(record_key(other))
    assert page.status == 500
    assert [row["event"] for row in told] == ["unhandled"]


def test_a_flood_of_questions_asks_the_stores_once(place: Installation) -> None:
    as_it_was(place)
    before = place.state.info("commandstats").get("cmdstat_set", {"calls": 0})["calls"]
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: place.requests()["ready"]().status, range(200)))
    calls = place.state.info("commandstats")["cmdstat_set"]["calls"] - before
    assert set(found) == {200}
    assert calls <= 1 + (time.monotonic() - began), "at most one a second"


def test_an_open_page_is_let_go_and_the_log_says_why(place: Installation) -> None:
    connection = http.client.HTTPConnection(urlsplit(place.urls[PAGES]).netloc, timeout=60)
    (path,) = re.findall(r'data-events="([^"]+)"', place.requests()["page"]().text)
    connection.request("GET", path, headers={"host": PAGES, "cookie": f"{COOKIE}={place.customer}"})
    with closing(connection), capture_logs() as told:
        answer = connection.getresponse()
        answer.readline()
        with unreachable(place.state):
            answer.read()
            eventually(lambda: bool(told))
    assert told == [{"event": "store-trouble", "place": "events", "code": "store-unreachable", "log_level": "warning"}]


def asked_again(found: Mapping[str, Answer], who: AbstractSet[str]) -> None:
    assert {name: found[name].status for name in who} == dict.fromkeys(who, 503)
    for name in who - READY:
        assert (name, found[name].headers.get("retry-after")) == (name, "10")
        assert "set-cookie" not in found[name].headers
    assert {found[name].text for name in READY} == {"cannot serve now\n"}, "the world is not told which"


def said_once(told: Sequence[Mapping[str, object]], found: Mapping[str, Answer], code: str, store: str) -> None:
    """Expect one line of the log for each answer, and one for each server that is not ready; a code and no more."""
    refused = [name for name in found.keys() - READY if found[name].status == 503]
    rows = [{**row} for row in told]
    lines = [row for row in rows if row["event"] == "store-trouble"]
    assert {row["code"] for row in lines} <= {code, "store-read-only"} if code == "store-following" else {code}
    assert len(lines) == len(refused), rows
    for row in rows:
        assert row["event"] in {"store-trouble", "not-ready", "ready-again"}
        assert row.keys() <= {"event", "place", "code", "log_level"}
    to_writes = "store-read-only" if code == "store-following" else code
    assert {(row["place"], row["code"]) for row in rows if row["event"] == "not-ready"} == {(store, to_writes)}


def as_it_was(place: Installation) -> None:
    """Expect that everything does what it did before, the forms that were pressed too, and nothing was half done."""
    found = answers(place, ready=200)
    assert {name: answer.status for name, answer in found.items()} == WELL
    assert requests.read(place.state, place.migration).state is State.PAUSED
    assert place.ask(PAGES, "POST", f"/imports/{place.migration}/resume").status == 303
    assert requests.read(place.state, place.migration).state is State.PLANNING
    assert audit.verify(place.state).holds
    assert leaks(place.state, Where.STATE) + leaks(place.keys, Where.KEYS) == []


def without(statuses: Mapping[str, int], some: AbstractSet[str]) -> dict[str, int]:
    return {name: status for name, status in statuses.items() if name not in some}


def _refused(store: Redis, act: Callable[[Redis], object]) -> str:
    try:
        act(store)
    except ResponseError as error:
        return str(error)
    return ""
