"""A proxy before the state store that outlives the parent, and ends with the process that it serves."""

import os
import subprocess
import sys
from pathlib import Path

import lasting_functions as functions
import pytest
from lasting_functions import SEALED, outside_of
from processes import is_gone
from redis import Redis
from structlog.testing import capture_logs
from waiting import eventually

from app.embedded import EmbeddedStore
from jobs.apart import ApartFailed, run_apart

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "import lasting_functions, sys\nif __name__ == '__main__': lasting_functions.run_outliving(*sys.argv[1:])"


def proxy_is_gone(folder: Path) -> bool:
    return is_gone(int((folder / "proxy").read_text()))


def test_it_passes_on_what_is_permitted_and_ends_with_the_process(
    redis: Redis, store: EmbeddedStore, tmp_path: Path
) -> None:
    assert run_apart(functions.sealing_and_reading, "x", outside=outside_of(store.url, tmp_path)) == {"read": ["x"]}
    assert redis.hget(SEALED, "grant") == b"x"
    assert proxy_is_gone(tmp_path)


def test_whoever_asks_it_for_more_is_ended_and_told(redis: Redis, store: EmbeddedStore, tmp_path: Path) -> None:
    redis.set("mig:{b}:sealed", "another's", ex=60)
    with capture_logs() as logs, pytest.raises(ApartFailed, match="child-killed"):
        run_apart(functions.asking_for_more, "mig:{b}:sealed", outside=outside_of(store.url, tmp_path), seconds=50)
    assert [line["code"] for line in logs if line["event"] == "egress-refused"] == ["egress-refused:store"]
    assert proxy_is_gone(tmp_path)


def test_it_serves_on_when_the_parent_is_killed_and_ends_then(
    redis: Redis, store: EmbeddedStore, tmp_path: Path
) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    path = os.pathsep.join((str(ROOT), str(ROOT / "tests" / "jobs")))
    command = [sys.executable, str(tmp_path / "program.py"), store.url, str(tmp_path)]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}) as parent:
        eventually(lambda: redis.hexists(SEALED, "pid"))
        parent.kill()
    (tmp_path / "go").touch()
    eventually(lambda: redis.hget(SEALED, "grant") == b"late")
    eventually(lambda: is_gone(int(redis.hget(SEALED, "pid") or 0)))
    eventually(lambda: proxy_is_gone(tmp_path))
