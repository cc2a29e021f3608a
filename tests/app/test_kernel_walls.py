"""Where the kernel holds no walls: said, and required where that is configured."""

import click
import pytest

from app.checks.finding import Verdict
from app.checks.program import program
from app.config import Config
from app.kernelwalls import look_at_walls
from jobs import walls
from jobs.walls import kernel, landlock, seccomp


def test_this_kernel_holds_both() -> None:
    """The tests of intruders show nothing elsewhere."""
    assert walls.missing() == ()
    look_at_walls(required=True)
    assert not Config().worker.require_kernel_walls


def without_landlock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "landlock_abi", lambda: 0)


def without_seccomp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "has_action", lambda *_: False)


def test_what_is_missing_is_in_the_log_and_the_worker_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without_landlock(monkeypatch)
    look_at_walls(required=False)
    assert "kernel-walls-missing" in capsys.readouterr().out


def test_a_worker_that_requires_them_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    without_landlock(monkeypatch)
    without_seccomp(monkeypatch)
    with pytest.raises(click.ClickException, match=r"does not offer seccomp and landlock to this process\. Run it on"):
        look_at_walls(required=True)


def test_the_doctor_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {one.name: one for one in program()}
    assert found["kernel walls"].verdict is Verdict.OK
    without_seccomp(monkeypatch)
    found = {one.name: one for one in program()}
    assert found["kernel walls"].verdict is Verdict.WARN
    assert "seccomp" in found["kernel walls"].found


def test_another_architecture_is_one_without_a_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp.platform, "machine", lambda: "riscv64")
    assert not seccomp.is_there()
    assert landlock.is_there()
