"""Nothing but events gets out of a process, whatever is written in it and by whom."""

import logging
import os
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from log_schema import read_lines
from redis.exceptions import RedisError

from app.logs import configure_logs, quiet_logs

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("hostile_program.py")
CANARY = "Kanari3nvogel.ya29-zq8w"
_log = structlog.get_logger()


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Path]:
    """What this process logs, from debug on; everything is put back as it was afterwards."""
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning, sys.stdout, sys.stderr
    root = logging.root.handlers[:], logging.root.level, logging.root.manager.disable
    ways = logging.lastResort, logging.raiseExceptions
    every = [one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    loggers = [(one, one.handlers[:], one.propagate, one.level) for one in every]
    words = structlog.get_config()
    with (tmp_path / "log").open("w") as stream:
        configure_logs("debug", stream)
        yield Path(stream.name)
    sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning, sys.stdout, sys.stderr = hooks
    logging.root.handlers[:], logging.root.level, logging.root.manager.disable = root
    logging.lastResort, logging.raiseExceptions = ways
    for logger, handlers, propagate, level in loggers:
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)
    structlog.configure(**words)


def one(told: Path) -> dict[str, Any]:
    (row,) = read_lines(told.read_text())
    return row


WAYS: dict[str, list[tuple[str, str | None]]] = {
    "percent_args": [("foreign", None), ("foreign", None)],
    "wrong_number_of_args": [("foreign", None)],
    "with_traceback": [("foreign", "Leak"), ("foreign", "Leak")],
    "with_extra_and_stack": [("foreign", None)],
    "in_the_loggers_name": [("foreign", None), ("foreign", None)],
    "a_level_of_its_own": [("foreign", None)],
    "turned_on_again": [],
    "a_stream_of_its_own": [("stray-output", None), ("stray-output", None)],
    "a_handler_that_fails": [("foreign", None)],
    "nobody_listens": [("foreign", None)],
    "google_told_to_log": [("stray-output", None)],
    "in_groups_and_chains": [("look-failed", "ExceptionGroup"), ("look-failed", "Leak")],
    "in_our_own_words": [
        ("unnamed", None),
        ("unnamed", None),
        ("unnamed", None),
        ("store-away", "withheld"),
        ("store-away", "Leak"),
        ("slice-ended", None),
    ],
    "as_a_warning": [("warned", "UserWarning"), ("warned", "DeprecationWarning"), ("foreign", None)],
    "printed": [("stray-output", None), ("stray-output", None), ("unhandled", "Leak")],
    "in_a_thread": [("unhandled", "Leak")],
    "in_a_finalizer": [("unhandled", "Leak")],
    "in_a_loop": [("foreign", "Leak")],
    "in_a_forked_process": [("foreign", None)],
    "in_an_actor": [("foreign", "Leak"), ("foreign", None)],
}
LAST_WORDS = {"the_end_of_the_program": "unhandled", "an_exit_with_a_text": "stray-output"}


@pytest.mark.parametrize("way", WAYS)
def test_no_way_of_writing_gets_a_text_out(way: str) -> None:
    ended = run_hostile(way)
    assert ended.returncode == 0
    rows = read_lines(ended.stderr)
    assert [(row["event"], row.get("error")) for row in rows] == [*WAYS[way], ("store-back", None)]


@pytest.mark.parametrize("way", LAST_WORDS)
def test_the_end_of_the_program_gets_no_text_out(way: str) -> None:
    ended = run_hostile(way)
    assert ended.returncode == 1
    assert [row["event"] for row in read_lines(ended.stderr)] == [LAST_WORDS[way]]


def run_hostile(way: str) -> subprocess.CompletedProcess[str]:
    """Run the program this way; its text is nowhere in what it writes."""
    command = [sys.executable, str(PROGRAM), CANARY, way]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env={"PYTHONPATH": "."})
    assert not ended.stdout
    assert CANARY not in ended.stderr
    return ended


def test_every_hostile_way_is_tried() -> None:
    source = PROGRAM.read_text()
    assert set(re.findall(r"^def (\w+)\(\) -> None:", source, re.MULTILINE)) == {*WAYS, *LAST_WORDS}


def test_a_line_below_the_level_is_not_written(told: Path) -> None:
    with told.open("w") as stream:
        configure_logs("warning", stream)
        _log.info("worker-stopped", seconds=1.0)
        _log.warning("store-back")
    assert one(told)["event"] == "store-back"


def test_other_libraries_are_heard_from_warning_on_at_every_level(told: Path) -> None:
    logging.getLogger("redis").info("x")
    logging.getLogger("redis").debug("x")
    logging.getLogger("redis").warning("x")
    row = one(told)
    assert (row["event"], row["logger"], row["level"]) == ("foreign", "redis", "warning")


def test_a_terminal_command_keeps_its_terminal(told: Path, capfd: pytest.CaptureFixture[str]) -> None:
    sys.stdout, sys.stderr = (getattr(stream, "behind", stream) for stream in (sys.stdout, sys.stderr))
    quiet_logs()
    sys.stdout.write("3 of 3 messages\n")
    _log.error("slice-crashed", code="child-killed")
    logging.getLogger("dramatiq").error(CANARY)
    loud = logging.getLogger("a.library")
    loud.addHandler(logging.StreamHandler())
    loud.setLevel(logging.DEBUG)
    loud.debug(CANARY)
    assert tuple(capfd.readouterr()) == ("3 of 3 messages\n", "")
    sys.excepthook(ValueError, ValueError(CANARY), None)
    (row,) = read_lines(capfd.readouterr().err)
    assert (row["event"], row["error"], told.read_text()) == ("unhandled", "ValueError", "")


def test_a_log_that_nobody_reads_stops_nothing_and_says_afterwards_what_is_missing(told: Path) -> None:
    _ = told
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb", buffering=0) as log, os.fdopen(writer, "w") as stream:
        os.set_blocking(writer, False)
        os.set_blocking(reader, False)
        configure_logs("info", stream)
        for _ in range(2000):
            _log.warning("store-away", error=RedisError(CANARY))
        held = read_lines(log.readall().decode())
        _log.warning("store-back")
        rows = read_lines(log.readall().decode())
    assert 0 < len(held) < 2000
    assert [(row["event"], row.get("count")) for row in rows] == [
        ("lines-lost", 2000 - len(held)),
        ("store-back", None),
    ]


def test_a_log_that_was_closed_is_not_written_into_the_next_file(told: Path, tmp_path: Path) -> None:
    with (tmp_path / "closed").open("w") as stream:
        configure_logs("info", stream)
        number = stream.fileno()
    with (tmp_path / "next").open("w") as following:
        assert following.fileno() == number
        _log.warning("store-back")
    assert one(tmp_path / "closed")["event"] == "store-back"
    assert (tmp_path / "next").read_text() == told.read_text() == ""


FULL_DISK = """
import resource, structlog
from app.logs import configure_logs
configure_logs("info")
log = structlog.get_logger()
bound, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, most))
for _ in range(20):
    log.warning("store-back")
resource.setrlimit(resource.RLIMIT_FSIZE, (bound, most))
log.warning("store-back")
"""


def test_a_disk_that_is_full_for_a_while_tears_one_line_and_no_other(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as stream:
        subprocess.run([sys.executable, "-c", FULL_DISK], cwd=ROOT, check=True, stderr=stream)
    rows = log.read_text().splitlines()
    torn = 1000 // len(rows[0] + "\n")
    whole = read_lines("\n".join(rows[:torn] + rows[torn + 1 :]))
    assert len(rows[torn]) < len(rows[0])
    assert [row["event"] for row in whole[torn:]] == ["lines-lost", "store-back"]
    assert whole[torn]["count"] == 20 - torn


def test_threads_write_whole_lines(told: Path) -> None:
    def write() -> None:
        for _ in range(200):
            _log.warning("store-away", error=RedisError(CANARY))

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_lines(told.read_text())) == 1600
