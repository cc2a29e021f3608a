"""The operators' pages are held to the commands, the files and the codes that there are."""

import re
from pathlib import Path

import click
import pytest

from app.cli import main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / "operations.md", *sorted((ROOT / "docs" / "operations").glob("*.md"))]
NAMES = [page.name for page in PAGES]
COMMAND = re.compile(
    r"(?:`|^ {4}(?:\$ )?|console |/)migrator (?:--config \S+ )?([a-z]+(?:-[a-z]+)*)(?: ([a-z]+))?", re.MULTILINE
)
FILE = re.compile(r"(?<![\w/])(deploy/[\w./-]*\w)")


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_is_one(page: Path) -> None:
    for name, further in COMMAND.findall(page.read_text("utf-8")):
        assert name in main.commands, name
        group = main.commands[name]
        if isinstance(group, click.Group) and further:
            assert further in group.commands, (name, further)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_file_to_install_is_there(page: Path) -> None:
    named = {name for name in FILE.findall(page.read_text("utf-8")) if "secrets/" not in f"{name}/"}
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES[1:], ids=NAMES[1:])
def test_every_page_is_linked_from_the_first(page: Path) -> None:
    assert f"(operations/{page.name})" in PAGES[0].read_text("utf-8")


def test_the_codes_of_the_runbook_are_codes() -> None:
    chapter = (ROOT / "docs/operations/runbook.md").read_text("utf-8").split("## Errors rising")[1].split("\n## ")[0]
    listed = (ROOT / "docs/errors.md").read_text("utf-8")
    cells = [line.split("|")[1] for line in chapter.splitlines() if line.startswith("| `")]
    codes = {code for cell in cells for code in re.findall(r"`([a-z-]+[a-z])(?::…)?`", cell)}
    assert codes
    assert [code for code in codes if f"`{code}" not in listed] == []
