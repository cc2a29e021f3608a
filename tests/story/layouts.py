"""What an installation of a test is made of: the mail of its Gmail account, and how it is put together."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from story.house import House

from emulator.servers.instance import Server


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
