"""Real Chromium, and what it tells of the pages: requests, script errors, breaches of the policy, dialogs.

Nothing here waits for a fixed time: Playwright waits until what is asked for is there, for a minute at most.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request, expect, sync_playwright

PROGRAM = "/usr/bin/chromium-headless-shell"
PATIENCE_MS = 60_000

CLIENT_HEADER = "x-client"
"""In which a proxy would tell the client's address: every window has one of its own, as people have."""

_clients = count(1)
expect.set_options(timeout=PATIENCE_MS)

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Debian's Chromium, headless, until the block ends."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=PROGRAM, args=[*_ARGUMENTS])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Window:
    """One person's browser: cookies of its own, and a record of what it asked and what it complained about."""

    context: BrowserContext = field(repr=False)
    origins: frozenset[str]
    asked: list[str] = field(default_factory=list, repr=False)
    complaints: list[str] = field(default_factory=list)

    @property
    def strangers(self) -> list[str]:
        """What was asked of any place but the allowed origins."""
        return [url for url in self.asked if origin_of(url) not in self.origins]

    def page(self) -> Page:
        """Open a page in this window."""
        page = self.context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        return page

    def is_clean(self) -> None:
        """Fail unless every request stayed on the origins and the browser had nothing to complain about."""
        assert not self.strangers
        assert not self.complaints


OpenWindow = Callable[..., AbstractContextManager[Window]]
"""Opens a person's browser: the origins it may ask, then options of Playwright's `new_context`."""


@contextmanager
def window(browser: Browser, *origins: str, **options: Any) -> Iterator[Window]:
    """Give a window that may ask these origins alone. `options` are those of Playwright's `new_context`."""
    client = {CLIENT_HEADER: f"2001:db8:{next(_clients):x}::1"}
    context = browser.new_context(
        **{"service_workers": "block", "locale": "en-GB", "extra_http_headers": client, **options}
    )
    made = Window(context, frozenset(origins))
    context.on("request", lambda request: _note(made, request))
    context.on("console", lambda line: _heard(made, line))
    context.on("dialog", lambda dialog: _opened(made, dialog))
    context.on("weberror", lambda error: made.complaints.append(f"script error: {error.error}"))
    try:
        yield made
    finally:
        context.close()


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL."""
    place = urlsplit(url)
    return f"{place.scheme}://{place.netloc}"


def _note(made: Window, request: Request) -> None:
    made.asked.append(request.url)


_HARMLESS = ("Failed to load resource", "[object Event]")
"""What stands on the console when a page is answered 4xx on purpose, and when a stream of events has ended."""


def _heard(made: Window, line: ConsoleMessage) -> None:
    # Chromium tells of a breach of the policy, and of a script that failed, as an error on the console.
    if line.type == "error" and not line.text.startswith(_HARMLESS):
        made.complaints.append(line.text)


def _opened(made: Window, dialog: Dialog) -> None:
    made.complaints.append(f"a script ran: {dialog.message}")
    dialog.dismiss()
