"""Consent from a terminal: the customer opens a URL, and Google sends the browser back to this machine.

The loopback redirect of RFC 8252 §7.3: a listener on 127.0.0.1 that waits for the one answer that carries this
consent's state. Browsers open idle connections and ask for icons, so each request has a thread of its own.
"""

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue

from app.stores import Stores
from oauth import consent, pending
from oauth.errors import ConsentNotOurs
from oauth.grant import Client
from oauth.pending import Pending, Purpose

_PAGE = b"<!doctype html><title>Done</title><p>Thank you. You can close this page and go back to the terminal."


def ask(
    stores: Stores,
    client: Client,
    purpose: Purpose,
    show: Callable[[str], None],
    *,
    port: int = 0,
    seconds: float = 600,
) -> tuple[Pending, str]:
    """Show the consent URL and wait for the browser; return what `app.connecting.connect` takes: consent and answer.

    The session is this call: nobody else can bring the answer.

    Raises:
        ConsentNotOurs: nobody answered in time.
    """
    answers: SimpleQueue[str] = SimpleQueue()
    states: list[str] = []
    session = secrets.token_urlsafe(32)
    with _listening(port, states, answers) as chosen:
        back = f"http://127.0.0.1:{chosen}/"
        url = pending.begin(stores.keystores, stores.vault, client, back, session, purpose)
        states.append(consent.state_of(url))
        shown = threading.Thread(target=show, args=(url,), name="consent-shown", daemon=True)
        shown.start()
        try:
            answer = answers.get(timeout=seconds)
        except Empty:
            pending.take(stores.keystores, stores.vault, session, url)  # wait for it no longer
            raise ConsentNotOurs from None
        shown.join(5)
    return pending.take(stores.keystores, stores.vault, session, answer), answer


@contextmanager
def _listening(port: int, states: list[str], answers: SimpleQueue[str]) -> Iterator[int]:
    """Listen until the block ends; give the port."""
    with ThreadingHTTPServer(("127.0.0.1", port), _listener(states, answers)) as server:
        listener = threading.Thread(target=server.serve_forever, args=(0.05,), name="consent-listener")
        listener.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            listener.join()


def _listener(states: list[str], answers: SimpleQueue[str]) -> type[BaseHTTPRequestHandler]:
    class Listener(BaseHTTPRequestHandler):
        timeout = 30

        def do_GET(self) -> None:
            if not any(consent.is_for(self.path, state) for state in states):
                self.send_error(404)
                return
            answers.put(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(_PAGE)

        def log_message(self, *_: object) -> None:
            """Say nothing: the path holds the code."""

    return Listener
