"""Where the service's sockets lie, and what its surroundings may be: said in a sentence before anything begins."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.config import Store
from app.home import run_directory, too_long
from jobs.scratch import LONGEST_ROOT

ROOT = Path(__file__).resolve().parents[2]
COMPLETE = """
[google]
client_id = "c"
client_secret_file = "secret"

[mailbox]
host = "imap.example.org"
"""


def migrator(folder: Path, *words: str, store: str = "", **env: str) -> tuple[int, str]:
    """Run a command; return its exit code and what it said."""
    config = folder / "config.toml"
    config.write_text(f'{COMPLETE}\n[store]\ndirectory = "{folder / "state"}"\n{store}\n')
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    command = [sys.executable, "-m", "app", "--config", str(config), *words]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**clean, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_what_is_configured_goes_before_what_systemd_and_the_session_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/one:/run/two")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert run_directory(Store(run_directory="/run/named")) == Path("/run/named")
    assert run_directory(Store()) == Path("/run/one")
    monkeypatch.delenv("RUNTIME_DIRECTORY")
    assert run_directory(Store()) == tmp_path / "migrator"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "gone"))
    assert run_directory(Store(directory=tmp_path)) == tmp_path / "run"


def test_a_path_is_measured_in_bytes() -> None:
    assert too_long(Path("/" + "x" * (LONGEST_ROOT - 1))) == ""
    assert f"{LONGEST_ROOT} are possible" in too_long(Path("/" + "ü" * (LONGEST_ROOT - 1)))


@pytest.mark.parametrize("words", [("worker",), ("web",), ("config", "check")], ids=" ".join)
def test_a_folder_too_long_for_a_socket_is_a_sentence_with_a_way_out(tmp_path: Path, words: tuple[str, ...]) -> None:
    status, said = migrator(tmp_path, *words, store=f'run_directory = "/run/{"x" * 60}"')
    assert (status, "store.run_directory" in said, "/run/migrator" in said) == (1, True, True), said
    assert "Traceback" not in said


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    status, said = migrator(tmp_path, "worker", store='run_directory = "/proc/migrator"')
    assert (status, "/proc/migrator" in said, "store.run_directory" in said) == (1, True, True), said
    assert "Traceback" not in said


def test_a_proxy_in_the_environment_is_ignored_and_that_is_said(tmp_path: Path) -> None:
    status, said = migrator(tmp_path, "config", "check", HTTPS_PROXY="http://proxy:3128", no_proxy="localhost")
    assert status == 0, said
    assert "(HTTPS_PROXY). It is ignored" in said
    assert "It is ignored" not in migrator(tmp_path, "config", "check", no_proxy="localhost")[1]
