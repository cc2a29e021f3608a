"""A whole installation with its pages: stores, worker, the stand-in for Google, a real mail server, the web server."""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlencode

import tenacity
from browser import Answer, Browser, free_port, wait_for
from stand_in import Google
from story.house import House, house
from ways import FROM_PANEL, HOST_KEY, ISSUER, PANEL, claims, jwks, signed
from website import KEYS

from app.config import load
from app.server import run_server
from app.stores import Stores
from app.storeurls import configured_urls
from emulator.servers.instance import Server, User

DOMAIN = "host.example"


@dataclass(frozen=True)
class Inn:
    """A house with its pages open."""

    home: House
    url: str
    stores: Stores

    @property
    def google(self) -> Google:
        return self.home.google

    def browser(self) -> Browser:
        return Browser(self.url, self.google)

    def signed_in(self, user: User) -> Browser:
        """Return a browser in which the mailbox's owner has signed in."""
        browser = self.browser()
        answer = browser.post("/signin", address=f"{user.name}@{DOMAIN}", password=user.password)
        assert (answer.status, answer.place) == (303, "/"), answer.text
        return browser

    def launched(self, user: User) -> Browser:
        """Return a browser that the host's panel has launched for the mailbox's owner."""
        browser = self.browser()
        token = signed(claims(self.url, sub=f"customer-{user.name}", mailbox=f"{user.name}@{DOMAIN}"))
        answer = browser.post("/launch", dict(FROM_PANEL), launch=token)
        assert (answer.status, answer.place) == (303, "/"), answer.text
        return browser


@contextmanager
def inn(
    folder: Path, google: Google, server: Server, *, worker: bool = True, **settings: dict[str, object]
) -> Iterator[Inn]:
    """Give such an installation; keywords are further sections of the configuration."""
    port = free_port()
    there = {"host": server.host, "port": server.tls_port, "ca_file": str(server.ca_file), "login": "local-part"}
    folder.joinpath("panel.json").write_text(json.dumps(jwks(host=HOST_KEY)))
    folder.joinpath("master").write_text(server.master.password)
    panel = {
        "origins": [PANEL],
        "issuer": ISSUER,
        "keys_file": str(folder / "panel.json"),
        "master_user": server.master.name,
        "master_password_file": str(folder / "master"),
        "login": "local-part",
    }
    sections: dict[str, dict[str, object]] = {
        "web": {"url": f"http://127.0.0.1:{port}", "port": port, "name": "Example Mail"},
        "signin": {"hosts": {DOMAIN: there}},
        "panel": panel,
        **settings,
    }
    with house(folder, google, server, **sections) as home:
        if worker:
            home.start_worker()
        store = load(home.config).store
        files = store.master_key_path, store.workers_key_path, store.workers_public_key_path
        stores = Stores(configured_urls(store), *files)
        stop = threading.Event()
        pages = threading.Thread(target=run_server, args=(load(home.config), stores, KEYS, stop))
        pages.start()
        try:
            wait_for(f"http://127.0.0.1:{port}")
            yield Inn(home, f"http://127.0.0.1:{port}", stores)
        finally:
            stop.set()
            pages.join()
            stores.state.close()
            stores.keys.close()


@dataclass(frozen=True)
class Form:
    """A form of a page as a browser without scripts sends it."""

    action: str
    fields: tuple[tuple[str, str], ...]
    buttons: tuple[tuple[str, str], ...] = ()

    def filled(self, **changes: str) -> "Form":
        return replace(self, fields=(*((n, v) for n, v in self.fields if n not in changes), *changes.items()))


_TAG = re.compile(r"<(form|input|button|/form)\b([^>]*)>")
_ATTRIBUTE = re.compile(r'([\w-]+)(?:="([^"]*)")?')


def forms(page: str) -> list[Form]:
    """Return the forms of a page with what is filled in."""
    found: list[Form] = []
    for kind, rest in _TAG.findall(page):
        said: Mapping[str, str] = dict(_ATTRIBUTE.findall(rest))
        match kind:
            case "form":
                found.append(Form(said["action"], ()))
            case "input" if found and "name" in said:
                ticks = said.get("type") in {"checkbox", "radio"}
                if not ticks or "checked" in said:
                    row = (said["name"], said.get("value", "on" if ticks else ""))
                    found[-1] = replace(found[-1], fields=(*found[-1].fields, row))
            case "button" if found:
                row = (said.get("name", ""), said.get("value", ""))
                found[-1] = replace(found[-1], buttons=(*found[-1].buttons, row))
    return found


def form_for(page: str, ending: str) -> Form:
    """Return the page's form whose action ends like this."""
    return next(form for form in forms(page) if form.action.endswith(ending))


def sent(browser: Browser, form: Form, button: str = "") -> Answer:
    """Press a form's button (by its value; the first without one) and return what the server answers."""
    name, value = next(row for row in form.buttons if not button or row[1] == button)
    body = urlencode([*form.fields, *([(name, value)] if name else [])])
    return browser.send(form.action, body)


def until(browser: Browser, path: str, words: str, seconds: float = 60) -> Answer:
    """Load a page again and again until it says something; the customer without scripts does."""
    asked = tenacity.Retrying(
        stop=tenacity.stop_after_delay(seconds),
        wait=tenacity.wait_fixed(0.3),
        retry=tenacity.retry_if_result(lambda answer: words not in answer.text),
        retry_error_callback=lambda state: _never(words, state.outcome.result() if state.outcome else None),
    )
    found = asked(browser.get, path)
    assert isinstance(found, Answer)
    return found


def _never(words: str, answer: Answer | None) -> None:
    raise AssertionError(f"never said {words!r}: {answer and (answer.status, answer.headers, answer.text)}")
