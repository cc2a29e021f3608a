"""The list of commands is printed without importing any, and says of each what it says itself."""

import resource
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

from app.cli import COMMANDS, main

ROOT = Path(__file__).parents[2]
SECONDS = 0.3


@pytest.mark.parametrize("name", sorted(main.commands))
def test_a_command_is_listed_with_its_own_first_sentence(name: str) -> None:
    listed = next(texts[name] for texts in COMMANDS.values() if name in texts)
    assert main.commands[name].get_short_help_str(1000) == click.Command(name, help=listed).get_short_help_str(1000)


def test_every_command_of_a_module_is_listed_there() -> None:
    for module, texts in COMMANDS.items():
        assert set(texts) == {command.name for command in import_module(module).COMMANDS}


def test_what_is_no_command_is_none() -> None:
    assert "nonsense" not in main.commands
    with pytest.raises(KeyError):
        main.commands["nonsense"]


def test_the_help_costs_little() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    listed = subprocess.run(
        [sys.executable, "-m", "app", "--help"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "  workers-key  " in listed.stdout
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < SECONDS
