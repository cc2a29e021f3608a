import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from stand_in import Google

sys.path.append(str(Path(__file__).parents[1] / "web"))

from story.house import ROOT, House, house

from emulator.servers.instance import Server

CORPUS = ROOT.parent / "shared" / "corpus"


@dataclass(frozen=True)
class Layout:
    """A Gmail account to seed the stand-in with."""

    folder: Path
    rows: Path

    def messages(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.rows.read_text().splitlines()]

    def labels(self) -> list[dict[str, str]]:
        rows: list[dict[str, str]] = json.loads(Path(f"{self.rows}.labels.json").read_text())["labels"]
        return rows


@pytest.fixture(scope="session")
def carried() -> Layout:
    """The 300 messages the project carries, in a layout with every awkward label."""
    return Layout(ROOT / "emulator" / "sample" / "mail", ROOT / "tests" / "data" / "layout.jsonl")


@pytest.fixture(scope="session")
def small(carried: Layout, tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A hundred and twenty of the carried messages."""
    rows = tmp_path_factory.mktemp("small") / "mailbox.jsonl"
    rows.write_text("\n".join(carried.rows.read_text().splitlines()[:120]) + "\n")
    Path(f"{rows}.labels.json").write_text(Path(f"{carried.rows}.labels.json").read_text())
    return Layout(carried.folder, rows)


@pytest.fixture(scope="session")
def corpus(carried: Layout, tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """The open corpus in a layout of 2,000 messages where it lies beside the project, else what the project carries."""
    if not (CORPUS / "make_mailbox.py").exists():
        return carried
    rows = tmp_path_factory.mktemp("corpus") / "mailbox.jsonl"
    command = [sys.executable, str(CORPUS / "make_mailbox.py"), str(CORPUS / "mail"), "-n", "2000", "--seed", "7"]
    subprocess.run([*command, "-o", str(rows)], check=True, stderr=subprocess.DEVNULL)
    return Layout(CORPUS / "mail", rows)


class Install(Protocol):
    def __call__(
        self,
        layout: Layout,
        server: Server,
        *,
        google: dict[str, object] | None = None,
        memory_mib: int = 400,
        **settings: dict[str, object],
    ) -> House: ...


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    """Put an installation together: `google` are the stand-in's options, the rest the configuration's sections."""
    with ExitStack() as stack:

        def made(
            layout: Layout,
            server: Server,
            *,
            google: dict[str, object] | None = None,
            memory_mib: int = 400,
            **settings: dict[str, object],
        ) -> House:
            options: dict[str, Any] = {"seed_dir": layout.folder, "layout": layout.rows, **(google or {})}
            settings.setdefault("worker", {})["memory_mib"] = memory_mib
            home = stack.enter_context(house(tmp_path, stack.enter_context(Google(**options)), server, **settings))
            home.start_worker()
            return home

        yield made
