"""The pages are held to the code: what they list is there, and what is there is listed."""

import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest
from doc_pages import ROOT, chapter, rows, text
from on_every import on_every

import app.sentences
import migrator.errors
import migrator.gmail
import migrator.retry
import oauth.errors
from jobs.migration import TRANSITIONS
from migrator.failures import OWN_FAULT
from migrator.mailbox.answers import MESSAGE_WORDS, UNEXPLAINED_WORDS
from migrator.outcome import Mark
from migrator.refusals import FOLDER_WORDS

PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md"))]
PACKAGES = ("app", "web", "jobs", "migrator", "oauth", "emulator")
MACHINE = re.compile(r"(?<![\w.}:])/(?:home|root|Users|mnt)/\w")
ROOMS = (*PACKAGES, "tests", "bench", "deploy", "docs", "scripts")
PATH = re.compile(rf"`((?:{'|'.join(ROOMS)})/[\w./-]+\.\w+)(?:::(\w+))?`")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def codes(module: ModuleType) -> set[str]:
    return {kind.code for _, kind in inspect.getmembers(module, inspect.isclass) if hasattr(kind, "code")}


def test_the_readme_is_short_and_names_the_two_commands() -> None:
    lines = text("README.md").splitlines()
    assert len(lines) < 100
    assert "    make demo" in lines
    assert any(line.startswith("    make test ") for line in lines)


def test_the_sample_in_the_readme_has_the_numbers_of_the_demo() -> None:
    messages = len(text("emulator/sample/mailbox.jsonl").splitlines())
    sample = text("README.md").split("## Try it")[1].split("\n## ")[0]
    outcomes = [int(n) for n in re.findall(r"^    (?:copied|skipped \(\w+\)) +(\d+)$", sample, re.MULTILINE)]
    assert sum(outcomes) == messages
    assert f"{messages} of {messages} messages" in sample
    assert f"{outcomes[0]} of {outcomes[0]} messages verified" in sample


@on_every(PAGES, name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@on_every(PAGES, name)
def test_every_file_and_test_a_page_names_is_there(page: Path) -> None:
    named = PATH.findall(page.read_text("utf-8"))
    assert [path for path, _ in named if not (ROOT / path).exists()] == []
    assert [test for path, test in named if test and f"def {test}(" not in text(path)] == []


@on_every(PAGES, name)
def test_a_page_names_no_folder_of_somebodys_machine(page: Path) -> None:
    assert MACHINE.findall(page.read_text("utf-8")) == []


def test_the_map_names_every_module_and_no_other() -> None:
    listed = {row[0].strip("`") for row in rows(chapter("ARCHITECTURE.md", "Module map")) if "**" not in row[0]}
    files = (path for name in PACKAGES for path in (ROOT / name).rglob("*.py") if path.name != "__init__.py")
    found = {str(path.relative_to(ROOT)) for path in files}
    assert (found - listed, listed - found) == (set(), set())


def test_the_states_and_their_steps_are_those_of_the_table() -> None:
    listed = {row[0]: row[2] for row in rows(chapter("ARCHITECTURE.md", "States"))}
    assert listed == {state: ", ".join(sorted(after)) or "nothing" for state, after in TRANSITIONS.items()}


def test_every_invariant_has_a_number_a_file_and_a_test() -> None:
    kept = rows(chapter("ARCHITECTURE.md", "Invariants"))
    assert [row[0] for row in kept] == [f"INV-{n}" for n in range(1, len(kept) + 1)]
    assert all(PATH.search(row[2]) and "::test_" in row[3] for row in kept)


@pytest.mark.parametrize("table", ["_SENTENCES", "_CONSENTS", "_FAILURES", "_NOTES", "_REMARKS"])
def test_the_page_of_errors_says_what_people_read(table: str) -> None:
    listed = [row[:2] for row in rows(text("docs/errors.md"))]
    wanted = [[f"`{code}`", words] for code, words in getattr(app.sentences, table).items()]
    assert [row for row in wanted if row not in listed] == []


@pytest.mark.parametrize("module", [migrator.errors, migrator.gmail, migrator.retry, oauth.errors])
def test_the_page_of_errors_holds_every_code(module: ModuleType) -> None:
    assert sorted(code for code in codes(module) if f"`{code}`" not in text("docs/errors.md")) == []


def test_every_outcome_of_a_message_says_whose_fault_it_is_and_what_happens_next() -> None:
    listed = {row[0].strip("`"): row for row in rows(chapter("docs/errors.md", "What became of a message"))}
    assert listed.keys() == {mark.words for mark in Mark if not mark.is_open}
    assert all(len(row) == 3 and all(row) for row in listed.values())


def test_every_word_for_a_failure_says_whose_fault_it_is_and_what_happens_next() -> None:
    listed = {row[0].strip("`"): row for row in rows(chapter("docs/errors.md", "Why a message failed"))}
    assert listed.keys() == app.sentences._FAILURES.keys()
    assert listed.keys() >= MESSAGE_WORDS | UNEXPLAINED_WORDS | FOLDER_WORDS | OWN_FAULT
    assert {word for word, row in listed.items() if row[2] == "the message"} == OWN_FAULT
    assert {word for word, row in listed.items() if row[3].startswith("No retry")} == OWN_FAULT
    assert all(len(row) == 5 and all(row) for row in listed.values())


def test_every_reason_to_rest_says_whose_fault_it_is_and_what_happens_next() -> None:
    listed = rows(chapter("docs/errors.md", "Why an import rests"))
    assert {row[0].strip("`") for row in listed} >= app.sentences._SENTENCES.keys()
    assert [row[0] for row in listed if len(row) < 4 or not all(row)] == []


def test_decisions_are_numbered_without_gaps() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{n:04}" for n in range(1, len(pages) + 1)]
    assert all(page.read_text("utf-8").startswith(f"# {int(page.name[:4])}. ") for page in pages)


def test_every_decision_the_settings_name_is_there() -> None:
    named = re.findall(r"docs/decisions/(\d{4})", text("pyproject.toml"))
    assert named
    assert [number for number in named if not list(ROOT.glob(f"docs/decisions/{number}-*.md"))] == []
