"""The pages of an installation served by a process of their own, as their command does."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from browser import wait_for
from processes import children_of, is_gone
from stand_in import Google
from story.house import ROOT, House, house
from waiting import eventually

from emulator.servers.instance import Server


@contextmanager
def house_with_pages(folder: Path, google: Google, server: Server, url: str) -> Iterator[House]:
    """Give an installation whose pages are at this address, once they are served."""
    pages: dict[str, object] = {"url": url, "port": urlsplit(url).port, "name": "Example Mail"}
    with house(folder, google, server, web=pages) as made:
        yield made


@contextmanager
def pages_of(home: House, url: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Serve the pages by a process; it is killed at the end, if it is still there."""
    words = [sys.executable, "-m", "app", "--config", str(home.config), "web"]
    with (home.folder / "web.log").open("ab") as log:
        process = subprocess.Popen(words, cwd=ROOT, stdout=log, stderr=log)
    try:
        wait_for(url)
        yield process
    finally:
        kill(process)


def kill(web: "subprocess.Popen[bytes]") -> None:
    """Kill a web server: the process that listens, and with it the one that serves."""
    serving = children_of(web.pid)
    web.send_signal(signal.SIGKILL)
    web.wait()
    eventually(lambda: all(map(is_gone, serving)))
