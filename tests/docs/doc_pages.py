"""The pages of the documentation, read as text, tables and chapters."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


def text(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def rows(lines: str) -> list[list[str]]:
    """Return the cells of every line of every table, without the lines that name the columns."""
    found = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines.splitlines() if line[:1] == "|"]
    rulers = [n for n, row in enumerate(found) if set(row[0]) == {"-", "|"}]
    return [row for n, row in enumerate(found) if n not in rulers and n + 1 not in rulers]


def chapter(page: str, title: str) -> str:
    return text(page).split(f"\n## {title}\n")[1].split("\n## ")[0]
