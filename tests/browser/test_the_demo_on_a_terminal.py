"""`make demo` on a real terminal: the pages stay up until Ctrl-C, and a newcomer imports an account."""

import fcntl
import os
import pty
import re
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import tenacity
from chromium import PATIENCE_MS, OpenWindow
from playwright.sync_api import expect
from story.house import ROOT
from walk import arrived, button, start, to_google

_STYLES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_TOLD = re.compile(r"open (\S+) in a browser.*Sign in as (\S+) with the password (\S+),", re.DOTALL)


@dataclass
class Terminal:
    """A terminal with one program in it."""

    keyboard: int
    program: subprocess.Popen[bytes]
    shown: bytearray = field(default_factory=bytearray)

    def text(self) -> str:
        return _STYLES.sub("", self.shown.decode(errors="replace")).replace("\r", "")

    def press(self, keys: bytes) -> None:
        os.write(self.keyboard, keys)

    def read(self) -> None:
        try:
            while some := os.read(self.keyboard, 4096):
                self.shown += some
        except OSError:  # the program has ended, and its end of the line with it
            return


@contextmanager
def terminal(*command: str) -> Iterator[Terminal]:
    """Run a program as if somebody had typed it; Ctrl-C reaches it through the terminal."""
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - no thread runs in the child yet
    )
    os.close(theirs)
    made = Terminal(ours, program)
    reader = threading.Thread(target=made.read)
    reader.start()
    try:
        yield made
    finally:
        if program.poll() is None:
            program.terminate()
            program.wait(60)
        reader.join()
        os.close(ours)


@tenacity.retry(
    stop=tenacity.stop_after_delay(240),
    wait=tenacity.wait_fixed(0.2),
    retry=tenacity.retry_if_result(lambda found: found is None),
    retry_error_callback=lambda state: state.args[0].text(),
)
def told(screen: Terminal) -> re.Match[str] | None:
    assert screen.program.poll() is None, screen.text()
    return _TOLD.search(screen.text())


def test_a_newcomer_imports_an_account_from_what_the_demo_says(open_window: OpenWindow) -> None:
    with terminal("-m", "app", "demo") as screen, open_window() as person:
        found = told(screen)
        assert isinstance(found, re.Match), found
        page = person.page()
        page.goto(found[1])
        page.fill("[name=address]", found[2])
        page.fill("[name=password]", found[3])
        button(page, "/signin").click()
        to_google(page)
        page.check("input[name=account]")
        page.click("button[value=allow]")
        expect(button(page, "/confirm")).to_be_visible()
        start(page)
        page.wait_for_selector("a[href$='/receipt']", timeout=3 * PATIENCE_MS)
        arrived(page)
        expect(page.locator("tfoot")).to_contain_text("307")
        assert not person.complaints
        screen.press(b"\x03")
        assert screen.program.wait(60) == 0
    assert screen.text().count("✓") == 6
    assert "Traceback" not in screen.text()
