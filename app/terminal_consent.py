"""Consent from a terminal: the customer opens a URL, and Google sends the browser back to this machine.

The loopback redirect of RFC 8252 §7.3: a listener on 127.0.0.1 that waits for the one answer that carries this
consent's state. Browsers open idle connections and ask for icons, so each request has a thread of its own.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue

from oauth import consent
from oauth.grant import Client, Grant

_PAGE = b"<!doctype html><title>Done</title><p>Thank you. You can close this page and go back to the terminal."


def ask(client: Client, show: Callable[[str], None], *, port: int = 0, seconds: float = 600) -> Grant:
    """Show the consent URL, wait for the browser, and return the grant.

    Raises:
        oauth.errors.GrantError: denied, timed out, not this consent's answer, or another scope than asked for.
    """
    answers: SimpleQueue[str] = SimpleQueue()
    states: list[str] = []
    with _listening(port, states, answers) as chosen:
        begun = consent.begin(client, f"http://127.0.0.1:{chosen}/")
        states.append(begun.state)
        shown = threading.Thread(target=show, args=(begun.url,), name="consent-shown", daemon=True)
        shown.start()
        try:
            answer = answers.get(timeout=seconds)
        except Empty:
            answer = ""
        shown.join(5)
    return consent.finish(client, begun, answer)


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
