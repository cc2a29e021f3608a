"""The folder of a process: private, gone with it, made again where somebody clears it."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from multiprocessing import util
from pathlib import Path

import pytest

from jobs.scratch import LONGEST_ROOT, home, mend
from jobs.spawning import try_to_start

ROOT = Path(__file__).resolve().parents[2]
HOLDER = """
import sys
from pathlib import Path
from jobs.scratch import home
with home(Path(sys.argv[1])) as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_it_is_private_and_gone_with_its_process(tmp_path: Path) -> None:
    before = tempfile.gettempdir()
    with home(tmp_path / "run") as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert Path(tempfile.mkdtemp()).parent == folder
    assert list((tmp_path / "run").iterdir()) == [tmp_path / "run" / ".lock"]
    assert tempfile.gettempdir() == before


def test_what_a_dead_process_left_is_removed_and_what_a_living_one_has_is_not(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        theirs = Path(other.stdout.readline().decode().strip())
        with home(tmp_path):
            assert theirs.exists()
        other.kill()
        other.wait()
        with home(tmp_path) as ours:
            assert set(tmp_path.iterdir()) == {ours, tmp_path / ".lock"}


def test_what_was_cleared_is_made_again_under_its_name_and_is_still_held(tmp_path: Path) -> None:
    with home(tmp_path / "run") as folder:
        shutil.rmtree(tmp_path / "run")
        mend()
        assert folder.is_dir()
        with home(tmp_path / "run") as second:
            assert folder.is_dir()
            assert second != folder


def test_processes_start_after_everything_below_it_was_cleared(short: Path) -> None:
    with home(short):
        try_to_start()
        shutil.rmtree(short)
        try_to_start()
    try_to_start()  # the folder of the server's socket is gone with it, and another one is made


def test_the_longest_root_leaves_room_for_the_socket(short: Path) -> None:
    root = short / ("x" * (LONGEST_ROOT - len(os.fsencode(short)) - 1))
    with home(root):
        try_to_start()
        name = tempfile.mktemp(prefix="listener-", dir=util.get_temp_dir())
        assert len(os.fsencode(name)) <= 100
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(name)


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError), home(tmp_path / "file" / "run"):
        pass
