"""What is left in the memory of a process that connected an account and lives on."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from consents import code_in, config_for, stores_in
from engine import pressed
from stand_in import Google

from app.stores import Stores
from jobs.migration import new_id

ROOT = Path(__file__).resolve().parents[2]
TOKENS = re.compile(rb"1//0[A-Za-z0-9_-]{60,}|ya29\.[A-Za-z0-9_-]{100,}")
"""A refresh token and an access token as the stand-in makes them."""


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    with stores_in(tmp_path_factory.mktemp("memory")) as made:
        yield made


@pytest.fixture
def config_file(google: Google, stores: Stores, tmp_path: Path) -> Path:
    config = config_for(google, stores, tmp_path)
    rows = {name: getattr(config, name).model_dump(exclude_defaults=True) for name in ("google", "store")}
    lines = [
        f"[{name}]\n" + "".join(f'{key} = "{value}"\n' for key, value in row.items()) for name, row in rows.items()
    ]
    (tmp_path / "config.toml").write_text("\n".join(lines))
    return tmp_path / "config.toml"


def family(pid: int) -> list[int]:
    """Return a process and all that came from it."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def memory(pid: int) -> Iterator[bytes]:
    """Yield what is in the memory of a process, region by region."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as file:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            place, rights = line.split()[:2]
            start, end = (int(number, 16) for number in place.split("-"))
            if rights.startswith("rw") and "[v" not in line:
                yield os.pread(file.fileno(), end - start, start)


def left_behind(google: Google, config_file: Path, where: str) -> tuple[int, int, int]:
    """Connect in a process of its own; count its processes, and in their memory the tokens and the codes."""
    command = [
        sys.executable,
        str(Path(__file__).with_name("connecting_process.py")),
        str(config_file),
        where,
        new_id(),
    ]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, text=True) as process:
        assert process.stdin
        assert process.stdout
        answer = pressed(google, process.stdout.readline().strip())
        process.stdin.write(answer + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "connected\n"
        pids = family(process.pid)
        regions = [region for pid in pids for region in memory(pid)]
        tokens = sum(len(TOKENS.findall(region)) for region in regions)
        codes = sum(region.count(code_in(answer).encode()) for region in regions)
        process.stdin.close()
    assert process.returncode == 0
    return len(pids), tokens, codes


def test_whoever_connects_an_account_holds_no_token_afterwards(google: Google, config_file: Path) -> None:
    processes, tokens, codes = left_behind(google, config_file, "apart")
    assert processes > 1, "the server of processes is looked into, too"
    assert codes > 0, "the search finds what is there: the code, which is used up"
    assert tokens == 0


def test_the_search_would_find_the_tokens(google: Google, config_file: Path) -> None:
    assert left_behind(google, config_file, "here")[1] > 0
