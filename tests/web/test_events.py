"""Progress pages kept up to date: events of a real server, read as a browser's EventSource does."""

import http.client
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from urllib.parse import quote, urlsplit

from browser import Browser, free_port, wait_for
from stand_in import Google

from app.config import Config
from app.server import run_server
from app.stores import Stores
from jobs import requests
from jobs.migration import record_key
from migrator.outcome import Mark
from web import session as sessions
from web.session import COOKIE, Entered

New = Callable[..., Browser]


@dataclass(frozen=True)
class Event:
    kind: str
    data: str


@contextmanager
def listening(site: Config, browser: Browser, path: str, language: str = "en") -> Iterator[Iterator[Event]]:
    """Give the events of a page as they come (WHATWG HTML §9.2.6)."""
    connection = http.client.HTTPConnection(urlsplit(site.web.url).netloc, timeout=60)
    cookie = {"Cookie": f"{COOKIE}={browser.cookies[COOKIE]}"} if browser.cookies else {}
    try:
        connection.request("GET", path, headers={**cookie, "Accept": "text/event-stream", "Accept-Language": language})
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("content-type", "").partition(";")[0]) == (200, "text/event-stream")
        yield _events(answer)
        answer.close()
    finally:
        connection.close()


def _events(answer: http.client.HTTPResponse) -> Iterator[Event]:
    kind, data = "message", list[str]()
    for line in iter(answer.readline, b""):
        name, _, value = line.decode().rstrip("\r\n").partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            data.append(value)
        elif not name and data:
            yield Event(kind, "\n".join(data))
            kind, data = "message", []


def running(customer: Browser, stores: Stores) -> str:
    """Connect an import and start it; no worker is there, so nothing moves by itself."""
    place = customer.connect()
    requests.resume(stores.state, place.removeprefix("/imports/"))
    return place


def events_of(page: str) -> str:
    """Return where the page listens."""
    (place,) = re.findall(r'data-events="([^"]+)"', page)
    return str(place)


def test_a_page_is_told_at_once_how_the_import_stands_and_again_when_it_moves(
    browser: New, site: Config, stores: Stores
) -> None:
    customer = browser()
    place = running(customer, stores)
    with listening(site, customer, events_of(customer.get(place).text)) as events:
        first = next(events)
        assert (first.kind, "We are counting your mail" in first.data) == ("standing", True)
        key = record_key(place.removeprefix("/imports/"))
        stores.state.setrange(f"{key}:marks", 0, bytes([Mark.PENDING] * 3 + [Mark.COPIED]))
        stores.state.hset(key, "progress_at", "1.5")
        assert "1 of 4 messages" in next(events).data


def test_when_its_buttons_are_others_the_page_is_told_to_ask_for_itself_anew(
    browser: New, site: Config, stores: Stores
) -> None:
    customer = browser()
    place = running(customer, stores)
    page = customer.get(place).text
    with listening(site, customer, events_of(page)) as events:
        next(events)
        customer.post(f"{place}/pause")
        assert [event.kind for event in events] == ["turn"], "then the stream ends"
    (part,) = re.findall(r'hx-get="([^"]+)"', page)
    assert customer.get(part).headers["hx-refresh"] == "true"
    assert "hx-refresh" not in customer.get(re.findall(r'hx-get="([^"]+)"', customer.get(place).text)[0]).headers


def test_an_import_that_is_gone_ends_the_stream(browser: New, site: Config, stores: Stores) -> None:
    customer = browser()
    place = running(customer, stores)
    with listening(site, customer, events_of(customer.get(place).text)) as events:
        next(events)
        stores.state.delete(record_key(place.removeprefix("/imports/")))
        assert list(events) == []
    answer = customer.get(f"{place}/standing", {"HX-Request": "true"})
    assert (answer.status, answer.headers["hx-refresh"]) == (404, "true")
    assert "Nothing is left of this import" in customer.get(place).text


def test_each_page_is_told_in_its_own_language(browser: New, site: Config, stores: Stores) -> None:
    customer = browser()
    path = events_of(customer.get(running(customer, stores)).text)
    with listening(site, customer, path, "de") as german, listening(site, customer, path) as english:
        words = [next(events).data for events in (german, english)]
    assert "We are counting your mail" in words[1]
    assert "We are counting your mail" not in words[0]


def test_of_many_pages_on_one_import_the_oldest_are_let_go(browser: New, site: Config, stores: Stores) -> None:
    customer = browser()
    path = events_of(customer.get(running(customer, stores)).text)
    with listening(site, customer, path) as oldest:
        next(oldest)
        with ExitStack() as opened:
            further = [opened.enter_context(listening(site, customer, path)) for _ in range(20)]
            assert {next(events).kind for events in further} == {"standing"}
            assert {event.kind for event in oldest} <= {"standing"}, "its stream has come to an end"


def test_a_hostile_key_changes_nothing_but_the_page_that_sent_it(browser: New, site: Config, stores: Stores) -> None:
    customer = browser()
    place = running(customer, stores)
    hostile = quote("\r\ndata: x\r\n\r\n<script>", "")
    with listening(site, customer, f"{place}/events?key={hostile}") as events:
        assert list(islice(events, 2)) == [Event("turn", "turn")]


def test_an_import_that_cannot_be_looked_at_cuts_off_its_own_page_alone(
    browser: New, site: Config, stores: Stores
) -> None:
    customer = browser()
    place = running(customer, stores)
    other = requests.create(stores.state, "customer-1").id
    stores.state.set(f"{record_key(other)}:marks", bytes([255]), ex=60)
    with (
        listening(site, customer, f"/imports/{other}/events") as damaged,
        listening(site, customer, events_of(customer.get(place).text)) as sound,
    ):
        assert list(damaged) == []
        assert next(sound).kind == "standing"
        stores.state.hset(record_key(place.removeprefix("/imports/")), "progress_at", "1.5")
        assert next(sound).kind == "standing"


def test_open_pages_do_not_keep_the_server_from_ending(stores: Stores, google: Google, site: Config) -> None:
    port, stop = free_port(), threading.Event()
    there = site.model_copy(
        update={"web": site.web.model_copy(update={"url": f"http://127.0.0.1:{port}", "port": port})}
    )
    session = sessions.enter(stores.state, "", Entered("c-1", "ann@host.example"), ())
    migration = requests.create(stores.state, "c-1").id
    server = threading.Thread(target=run_server, args=(there, stores, {}, stop))
    server.start()
    try:
        wait_for(there.web.url)
        customer = Browser(there.web.url, google)
        customer.cookies[COOKIE] = session.id
        with listening(there, customer, events_of(customer.get(f"/imports/{migration}").text)) as events:
            next(events)
            stop.set()
            begun = time.monotonic()
            assert {event.kind for event in events} <= {"standing"}, "the stream ends"
            assert time.monotonic() - begun < 8, "before the server's patience of 10 s is over"
    finally:
        stop.set()
        server.join()
