"""The newest checkpoint outside the store: how far the log has been, whatever becomes of the store."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from jobs.audit.entry import BEGINNING, Checkpoint
from jobs.audit.key import AuditKey, Purpose
from jobs.audit.shelf import sync_folder

_NAME = "newest"


@dataclass(frozen=True, slots=True)
class Mark:
    """The newest checkpoint known to be on the store's disk.

    `home` is the folder's own random name, `store` the one that the store's process gave itself (INFO's `run_id`).
    """

    home: str
    number: int
    hash: str
    store: str = ""

    @property
    def checkpoint(self) -> Checkpoint:
        """It as a checkpoint."""
        return Checkpoint(self.number, self.hash)


class MarkUnreadable(Exception):
    """The file was altered, or is another key's."""

    def __init__(self) -> None:
        super().__init__("the audit log's mark is unreadable")


def read_mark(folder: Path, key: AuditKey) -> Mark | None:
    """Return the mark of a folder; None where there is none yet.

    Raises:
        MarkUnreadable: it is not what was written.
        OSError: it cannot be read.
    """
    try:
        line = (folder / _NAME).read_text("ascii").removesuffix("\n")
    except FileNotFoundError:
        return None
    except ValueError:
        raise MarkUnreadable from None
    if not key.has_signed(Purpose.MARK, line):
        raise MarkUnreadable
    return Mark(**json.loads(line.partition(" ")[2]))


def new_mark() -> Mark:
    """Return the mark of a folder that begins."""
    return Mark(secrets.token_hex(16), 0, BEGINNING)


def write_mark(folder: Path, key: AuditKey, mark: Mark) -> None:
    """Put another mark in its place, durable when this returns; a reader sees the old one or the new one."""
    draft = folder / f".{_NAME}"
    with draft.open("w", encoding="ascii") as file:
        file.write(key.signed(Purpose.MARK, json.dumps(asdict(mark), sort_keys=True)) + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / _NAME)
    sync_folder(folder)
