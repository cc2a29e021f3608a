from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from stand_in import Google
from story.house import ROOT, House, house
from story.layouts import Install, Layout

from emulator.servers.instance import Server


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
