"""What passes through the pages and the console is out of their memory soon, while an import runs and after its end."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from browser import Browser, free_port, wait_for
from engine import pressed
from inn import DOMAIN, until
from processes import children_of
from promise.encodings import hits
from promise.places import in_process
from promise.town import Town, town
from story.house import ROOT
from waiting import eventually
from wizard_steps import started_from

from emulator.servers.certificates import Certificate
from jobs.migration import State

pytestmark = [
    pytest.mark.xdist_group("pages_memory"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root reads other processes' memory"),
]
SERVED_SECONDS = 3


@dataclass
class Pages:
    """Pages and console as their commands serve them, replaced every other second."""

    place: Town
    url: str
    console: str
    sites: dict[str, int]
    at: dict[str, set[str]] = field(default_factory=dict)

    def held(self) -> set[str]:
        """Return what of customers and staff is in any process of either site; the host's own secret may be."""
        return {
            hit.name
            for name, main in self.sites.items()
            for pid in _family(main)
            for _, blob in _memory(name, pid)
            for hit in hits(blob, self.place.canaries.search())
        } - {"client secret"}

    def holds(self, site: str, word: bytes) -> bool:
        """Tell whether any process of a site has a word in its memory as it was typed."""
        return any(word in blob for pid in _family(self.sites[site]) for _, blob in _memory(site, pid))

    def until_forgotten(self) -> set[str]:
        """Return what is still held when no process is left that served until now."""
        serving = [pid for main in self.sites.values() for pid in _family(main) if pid != main]
        eventually(lambda: not any(pid in _family(main) for main in self.sites.values() for pid in serving), within=240)
        return self.held()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, server_certificate: Certificate) -> Iterator[Pages]:
    """A customer mistypes his password, imports, looks, and erases; somebody mistypes his at the console."""
    port, other = free_port(), free_port()
    web = {"url": f"http://127.0.0.1:{port}", "port": port, "process_seconds": SERVED_SECONDS}
    console = {"url": f"http://localhost:{other}", "port": other, "process_seconds": SERVED_SECONDS}
    with town(tmp_path_factory.mktemp("pages"), server_certificate, web=web, console=console) as place:
        server = place.home.server
        rows = {"host": server.host, "port": server.tls_port, "ca_file": str(server.ca_file), "login": "local-part"}
        with place.home.config.open("a") as config:
            config.write(f'\n[signin.hosts."{DOMAIN}"]\n')
            config.writelines(f"{name} = {json.dumps(value)}\n" for name, value in rows.items())
        place.start_worker()
        with _running(place, "web") as pages_pid, _running(place, "console") as console_pid:
            wait_for(str(web["url"]))
            made = Pages(place, str(web["url"]), str(console["url"]), {"web": pages_pid, "console": console_pid})
            _live(made)
            yield made


@contextmanager
def _running(place: Town, command: str) -> Iterator[int]:
    words = [sys.executable, "-m", "app", "--config", str(place.home.config), command]
    with (place.home.folder / f"{command}.log").open("wb") as log:
        process = subprocess.Popen(words, cwd=ROOT, stdout=log, stderr=log)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)


def _live(made: Pages) -> None:
    place, marks = made.place, made.place.canaries
    customer = place.customer("somebody", 6)
    mailbox = f"{customer.user.name.partition('@')[0]}@{DOMAIN}"
    browser = Browser(made.url, place.home.google)
    wrong, name, other = (
        marks.mark(what) for what in ("a mistyped password", "a member's name", "a member's password")
    )
    staff = Browser(made.console, place.home.google)

    def typed() -> set[str]:
        assert browser.post("/signin", address=mailbox, password=wrong).status == 403
        assert staff.post("/signin", name=name, password=other).status == 403
        return {site for site, word in (("web", wrong), ("console", other)) if made.holds(site, word.encode())}

    made.at["just now"] = eventually(typed)
    assert browser.post("/signin", address=mailbox, password=place.password).status == 303
    place.hold_up(customer, 4, seconds=25)
    import_page = _started(browser, place, customer.address)
    place.wait_until_held()
    assert browser.get(import_page).status == 200
    made.at["while the import runs"] = made.until_forgotten()
    migration = import_page.removeprefix("/imports/")
    assert place.home.wait(migration).state is State.DONE
    assert "Your mail has arrived" in browser.get(import_page).text
    browser.post(f"{import_page}/erase")
    made.at["after it was erased"] = made.until_forgotten()


def _started(browser: Browser, place: Town, account: str) -> str:
    back = pressed(place.home.google, browser.post("/consent", account=account).place, "allow", account)
    import_page = browser.get(browser.path(back)).place
    check = until(browser, f"{import_page}/check", "Yes, this is right").text
    assert account in check
    return started_from(browser, check)


def _family(pid: int) -> list[int]:
    return [pid, *(one for child in children_of(pid) for one in _family(child))]


def _memory(name: str, pid: int) -> list[tuple[str, bytes]]:
    try:
        return list(in_process(name, pid))
    except (FileNotFoundError, ProcessLookupError):
        return []


def test_the_search_finds_what_was_typed_just_now(pages: Pages) -> None:
    assert pages.at["just now"]


@pytest.mark.parametrize("moment", ["while the import runs", "after it was erased"])
def test_nothing_is_held_longer_than_a_process_serves(moment: str, pages: Pages) -> None:
    assert pages.at[moment] == set()
