"""The pages' scenes over real HTTP, under the headers of the product: `/de/choose-hostile` is one in German."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath

from scenes import Scene

from web.languages import language_for
from web.rendering import STATIC, render
from web.security import headers_for
from web.views.language import speaking
from web.visit import Visit, visiting

_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Shown:
    """Pages that are being served: at which origin, and what they are by name."""

    origin: str
    scenes: Mapping[str, Scene]

    def url(self, name: str, language: str = "en") -> str:
        return f"{self.origin}/{language}/{name}"


@contextmanager
def shown(scenes: Mapping[str, Scene]) -> Iterator[Shown]:
    """Serve scenes by name until the block ends."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = PurePosixPath(self.path.partition("?")[0])
            if path.parent.name == "static":
                self._send(_KINDS[path.suffix], (STATIC / path.name).read_bytes())
            elif path.name in scenes:
                with speaking(language_for(path.parent.name)), visiting(Visit(self.path, session=True)):
                    scene = scenes[path.name]
                    self._send("text/html; charset=utf-8", render(scene.template, scene.make()).encode())
            else:
                self._send("text/plain", b"")

        def do_POST(self) -> None:
            # A form that was sent: the page says where it came from, and that is enough.
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(204)
            self.end_headers()

        def _send(self, kind: str, body: bytes) -> None:
            self.send_response(200 if body else 404)
            for name, value in {**headers_for([]), "content-type": kind, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Shown(f"http://127.0.0.1:{server.server_address[1]}", scenes)
        finally:
            server.shutdown()
            thread.join()
