"""A front before the stand-in for Google that alters answers: lost, cut, replaced, late.

with front(google.url) as it:
    it.rules["/token"] = lambda form, forward: lost(forward)
"""

import contextlib
import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Answer = tuple[int, dict[str, str], bytes]
Forward = Callable[[], Answer]
Rule = Callable[[dict[str, str], Forward], Answer | None]
"""Given the form that was sent and what asks the stand-in; None breaks the connection off without an answer."""

_OWN = {"host", "connection", "content-length", "transfer-encoding", "date", "server"}


class Front:
    """`rules` by the beginning of a path; without a rule an answer is the stand-in's own. `url` is where it listens."""

    def __init__(self, target: str) -> None:
        self.rules: dict[str, Rule] = {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, urlsplit(target).netloc))
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def rule_for(self, path: str) -> Rule | None:
        return next((rule for beginning, rule in self.rules.items() if path.startswith(beginning)), None)


@contextlib.contextmanager
def front(target: str) -> Iterator[Front]:
    """Listen before `target` until the block ends."""
    it = Front(target)
    thread = threading.Thread(target=it.server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield it
    finally:
        it.server.shutdown()
        it.server.server_close()
        thread.join()


def said(status: int, **body: object) -> Answer:
    """Return an answer in JSON."""
    return status, {"content-type": "application/json"}, json.dumps(body).encode()


def page(status: int, text: str = "<!DOCTYPE html><html lang=en><title>Error</title><p>That's an error.") -> Answer:
    """Return an answer that is a page."""
    return status, {"content-type": "text/html; charset=UTF-8"}, text.encode()


def raw(status: int, body: bytes = b"") -> Answer:
    """Return an answer of these bytes, which says that it is JSON."""
    return status, {"content-type": "application/json"}, body


def altered(answer: Answer, drop: tuple[str, ...] = (), **changes: object) -> Answer:
    """Return an answer in JSON with other fields."""
    status, headers, body = answer
    fields: dict[str, Any] = {**json.loads(body), **changes}
    return status, headers, json.dumps({name: value for name, value in fields.items() if name not in drop}).encode()


def _handler(it: Front, host: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            path = self.path.partition("?")[0]
            rule = it.rule_for(path)

            def forward() -> Answer:
                return _asked(host, self.command, self.path, body, self.headers)

            form = dict(parse_qsl(body.decode("utf-8", "replace")))
            answer = rule(form, forward) if rule else forward()
            if answer is None:
                self.close_connection = True
                self.connection.close()
                return
            with contextlib.suppress(OSError):
                self._send(*answer)

        def do_GET(self) -> None:
            self.do_POST()

        def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    return Handler


def _asked(host: str, verb: str, path: str, body: bytes, headers: Any) -> Answer:
    connection = http.client.HTTPConnection(host, timeout=60)
    try:
        sent = {name: value for name, value in headers.items() if name.lower() not in _OWN}
        connection.request(verb, path, body, sent)
        answer = connection.getresponse()
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in _OWN}
        return answer.status, kept, answer.read()
    finally:
        connection.close()
