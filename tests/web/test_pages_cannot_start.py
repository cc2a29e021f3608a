"""The web server cannot start the short-lived processes behind its pages: customers are asked to come again, and later
everything goes on as if nothing had happened.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path

import pytest
import tenacity
from browser import Answer, Browser
from scraping import get
from structlog.testing import capture_logs

from app.config import Config
from jobs.scratch import home
from jobs.spawning import CannotStart, try_to_start

New = Callable[[], Browser]
BUSY = "Our server is busy"


@pytest.fixture
def folder() -> Iterator[Path]:
    """The folder of this process, in which the pages run."""
    with tempfile.TemporaryDirectory(prefix="m-") as root, home(Path(root) / "run"):
        yield Path(root) / "run"


@contextmanager
def unusable(folder: Path) -> Iterator[None]:
    """Let nobody, root neither, make anything there."""
    shutil.rmtree(folder)
    folder.touch()
    yield
    folder.unlink()


def is_busy(answer: Answer) -> bool:
    return answer.status == 503 and BUSY in unescape(answer.text)


def test_an_answer_of_google_s_is_not_used_up_and_counts_once_it_can_be_taken(browser: New, folder: Path) -> None:
    customer = browser()
    back = customer.to_google()
    with unusable(folder):
        assert [is_busy(customer.get(back)) for _ in range(2)] == [True, True]
    assert customer.get(back).place.startswith("/imports/")


def test_it_is_not_ready_meanwhile_and_says_so_once(site: Config, folder: Path) -> None:
    url = f"{site.web.url}/readyz"
    try_to_start()  # what the pages start as they begin is there then, and cannot end the trouble later
    soon(lambda: get(url)[0] == 200)
    with capture_logs() as told:
        with unusable(folder):
            with pytest.raises(CannotStart, match="no-scratch"):
                try_to_start()
            soon(lambda: get(url)[0] == 503)
        soon(lambda: get(url)[0] == 200)
    said = [row["event"] for row in told if row["event"] in {"cannot-start", "can-start-again"}]
    assert said == ["cannot-start", "can-start-again"]


def soon(is_so: Callable[[], bool]) -> None:
    patiently = tenacity.Retrying(
        stop=tenacity.stop_after_delay(30),
        wait=tenacity.wait_fixed(0.2),
        retry=tenacity.retry_if_result(lambda true: not true),
    )
    patiently(is_so)
