"""Slices, workers, forkservers, the state store and connections are killed from outside: the benchmark, in small."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_kill_storm_loses_nothing_doubles_nothing_and_blames_nobody() -> None:
    command = [sys.executable, "-m", "bench", "storm", "--kills", "20", "--messages", "100", "--seed", "2"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False).stdout
    met = dict(re.findall(r"^(\S.*?)  +[\d.]+.*  (met|MISSED)", said, re.MULTILINE))
    assert len(met) == 7, said
    # The exit code also judges seconds, which a busy machine misses.
    assert {goal for goal in met if met[goal] != "met"} <= {"seconds until work resumed, worst"}, said
