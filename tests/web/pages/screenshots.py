"""Screenshots of every scene in Chromium, phone and desktop, light and dark: `screenshots.py FOLDER [SCENE ...]`.

Needs Playwright and a Chromium (`$CHROMIUM`, else /usr/bin/chromium). Pages are served from the loopback under the
same policy as in the product, and what the browser reports of that policy, or of scripts, is printed.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import Browser, Dialog, sync_playwright

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from scenes import scenes  # noqa: E402 - the paths come first

from web.rendering import STATIC, render  # noqa: E402

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
SCREENS = {"phone": (390, 844), "desktop": (1280, 900), "narrow": (320, 640)}
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Answer(BaseHTTPRequestHandler):
    """Serves scenes by name, and the static files."""

    def do_GET(self) -> None:
        """Answer one page or file."""
        path = Path(self.path.partition("?")[0])
        if path.parent.name == "static":
            self._send(KINDS[path.suffix], (STATIC / path.name).read_bytes())
        else:
            scene = next((scene for scene in scenes() if scene.name == path.name), None)
            self._send("text/html; charset=utf-8", render(scene.template, scene.make()).encode() if scene else b"")

    def _send(self, kind: str, body: bytes) -> None:
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served() -> Iterator[str]:
    """Serve the scenes; the value is where."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def told(words: str) -> None:
    """Say what a person should look into."""
    sys.stderr.write(f"{words}\n")


def dismissed(dialog: Dialog) -> None:
    """Say that a script ran: only a dialog that a hostile name opened comes here."""
    told(f"A SCRIPT RAN: {dialog.message}")
    dialog.dismiss()


def shoot(browser: Browser, url: str, folder: Path, names: list[str]) -> None:
    """Take the pictures."""
    for screen, (width, height) in SCREENS.items():
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            page.on("console", lambda line: told(f"console: {line.text}"))
            page.on("dialog", dismissed)
            for name in names:
                page.goto(f"{url}/{name}")
                page.screenshot(path=folder / f"{name}.{screen}.{scheme}.png", full_page=True)
                if page.locator("details").count():
                    page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
                    page.screenshot(path=folder / f"{name}.open.{screen}.{scheme}.png", full_page=True)
                wide = page.evaluate("document.documentElement.scrollWidth")
                if wide > width:
                    told(f"{name} is {wide} px wide on {screen}")
            page.close()


def main() -> None:
    """Take the pictures of the scenes named, or of all."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    names = sys.argv[2:] or [scene.name for scene in scenes() if scene.template != "standing.html"]
    with served() as url, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"))
        shoot(browser, url, folder, names)
        browser.close()


if __name__ == "__main__":
    main()
