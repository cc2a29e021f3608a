import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apart_functions
import pytest
import tenacity
from processes import is_gone

from jobs.apart import ApartFailed, Ask, Json, run_apart

ROOT = Path(__file__).resolve().parents[2]


def square(question: Json) -> Json:
    return {"square": question["number"] ** 2}


class Unreadable:
    """What fails whoever reads it from a pipe."""

    def __reduce__(self) -> tuple[type[int], tuple[str]]:
        return int, ("no number",)


def test_the_answer_comes_from_another_process() -> None:
    assert run_apart(apart_functions.doubled, 21) == {"doubled": 42}


def test_the_function_may_ask_its_parent() -> None:
    assert run_apart(apart_functions.asking, 4, square) == {"heard": [0, 1, 4, 9]}


@pytest.mark.parametrize(
    ("task", "code"),
    [
        ("ours", "wrong-account"),
        ("jobs", "account-busy"),
        ("theirs", "internal-error:ValueError"),
        ("end", "internal-error:SystemExit"),
    ],
)
def test_of_an_error_its_code_or_class_is_told_and_nothing_else(
    task: str, code: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ApartFailed) as failed:
        run_apart(apart_functions.failing, task)
    assert failed.value.code == str(failed.value) == code
    assert "canary" not in "".join(capfd.readouterr())


def test_a_code_that_is_a_text_is_not_told() -> None:
    with pytest.raises(ApartFailed) as failed:
        run_apart(apart_functions.lying, None)
    assert failed.value.code == "child-unreadable"


def test_an_answer_is_short() -> None:
    assert run_apart(apart_functions.of_size, 4000)
    with pytest.raises(ApartFailed, match="internal-error:ValueError"):
        run_apart(apart_functions.of_size, 4096)
    assert len(run_apart(apart_functions.of_size, 100_000, max_bytes=1 << 20)["text"]) == 100_000


def test_a_question_is_short_too() -> None:
    with pytest.raises(ApartFailed, match="internal-error:ValueError"):
        run_apart(apart_functions.asking_too_much, 4096, lambda _: {})


def test_a_parent_that_was_not_to_be_asked_answers_nothing() -> None:
    with pytest.raises(ApartFailed, match="child-unreadable"):
        run_apart(apart_functions.asking, 1)


def test_a_parent_that_fails_over_a_question_waits_until_the_function_has_tidied_up(tmp_path: Path) -> None:
    def failing(_: Json) -> Json:
        raise LookupError("of the parent")

    with pytest.raises(LookupError, match="of the parent"):
        run_apart(apart_functions.tidying_up, str(tmp_path / "done"), failing)
    assert (tmp_path / "done").read_text() == "tidied up"


def test_a_process_that_dies_is_told() -> None:
    with pytest.raises(ApartFailed, match="child-killed"):
        run_apart(apart_functions.dying, None)


@pytest.mark.alone
@pytest.mark.parametrize("function", [apart_functions.hanging, apart_functions.stubborn])
def test_a_process_that_hangs_is_killed(function: Callable[[Any, Ask], Json], tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(ApartFailed, match="child-overtime"):
        run_apart(function, str(tmp_path / "pid"), seconds=10)
    assert 10 <= time.monotonic() - began < 15
    assert is_gone(int((tmp_path / "pid").read_text()))


def test_a_process_that_cannot_read_its_parents_word_ends_at_once() -> None:
    with pytest.raises(ApartFailed, match="child-killed"):
        run_apart(apart_functions.asking, 1, lambda _: {"square": Unreadable()}, seconds=60)


def test_the_walls_of_a_slice_are_around_it() -> None:
    found = run_apart(apart_functions.walls, None)
    assert found["core"] == [0, 0]
    assert found["umask"] == 0o077
    assert "apart-" in found["temp"]
    assert not Path(found["temp"]).exists()
    with pytest.raises(ApartFailed, match="out-of-memory"):
        run_apart(apart_functions.hungry, 300 << 20)


def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    program = (
        "import apart_functions, jobs.apart, sys\n"
        "if __name__ == '__main__': jobs.apart.run_apart(apart_functions.hanging, sys.argv[1])"
    )
    path = os.pathsep.join((str(ROOT), str(ROOT / "tests" / "jobs")))
    (tmp_path / "program.py").write_text(program)
    command = [sys.executable, str(tmp_path / "program.py"), str(tmp_path / "pid")]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}) as parent:
        patiently = tenacity.Retrying(stop=tenacity.stop_after_delay(120), wait=tenacity.wait_fixed(0.05))
        pid = patiently(lambda: int((tmp_path / "pid").read_text()))
        parent.kill()
    soon = patiently.copy(retry=tenacity.retry_if_result(lambda gone: not gone), stop=tenacity.stop_after_delay(5))
    assert soon(is_gone, pid)
