"""Consent from a terminal: the customer opens a URL, and Google sends the browser back to this machine.

The loopback redirect of RFC 8252 §7.3: a listener on 127.0.0.1 that takes one answer and ends.
"""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer

from oauth import consent
from oauth.grant import Client, Grant

_PAGE = b"<!doctype html><title>Done</title><p>Thank you. You can close this page and go back to the terminal."


def ask(client: Client, show: Callable[[str], None], *, port: int = 0, seconds: float = 600) -> Grant:
    """Show the consent URL, wait for the browser, and return the grant.

    Raises:
        oauth.errors.GrantError: denied, timed out, not this consent's answer, or another scope than asked for.
    """
    answers: list[str] = []
    server = HTTPServer(("127.0.0.1", port), _listener(answers))
    server.timeout = seconds
    with server:
        begun = consent.begin(client, f"http://127.0.0.1:{server.server_port}/")
        shown = threading.Thread(target=show, args=(begun.url,), daemon=True)
        shown.start()
        server.handle_request()
        shown.join(5)
    return consent.finish(client, begun, answers[0] if answers else "")


def _listener(answers: list[str]) -> type[BaseHTTPRequestHandler]:
    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(_PAGE)

        def log_message(self, *_: object) -> None:
            """Say nothing: the path holds the code."""

    return Listener
