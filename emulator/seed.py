"""Accounts filled at start: from a folder of messages with a layout, or with invented messages.

A layout is a file of JSON objects, one a line: file (relative to the folder), id and threadId (hexadecimal; zeros in
front do not count), internalDate (ms since the epoch, a string), labelIds. Beside it `<layout>.labels.json` may lie,
shaped like users.labels.list, with "filters" (users.settings.filters) as an extra.
"""

import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emulator.account import Account, Label, Message, load
from emulator.mail import FileMail, InventedMail

_MINUTE_MS = 60_000
_LAST_MS = 1_736_899_200_000  # 2025-01-15T00:00Z: invented mail ends here, a minute between two
_MIX = 2_654_435_761  # Knuth's multiplier spreads the low 20 bits of invented ids
_LAYOUTS: tuple[tuple[str, ...], ...] = (
    ("INBOX", "UNREAD"),
    ("INBOX", "IMPORTANT", "CATEGORY_UPDATES"),
    ("Label_1",),
    ("SENT",),
    (),
    ("Label_2", "STARRED"),
    ("Label_1", "Label_2"),
    ("INBOX", "CATEGORY_PERSONAL"),
)
_USER_LABELS = (Label("Label_1", "Work"), Label("Label_2", "Work/Projects"))


def seed_folder(account: Account, folder: Path, layout: Path, labels: Path | None = None, *, crlf: bool = True) -> None:
    """Fill the account from `folder` as `layout` says; without `labels` those beside the layout are taken.

    Raises:
        OSError: a file is missing.
        ValueError: the layout cannot be read, or an id occurs twice.
    """
    beside = layout.with_name(layout.name + ".labels.json")
    chosen = labels or (beside if beside.exists() else None)
    if chosen is not None:
        shape = json.loads(chosen.read_bytes())
        account.labels.update((row["id"], _label(row)) for row in shape["labels"])
        account.filters.extend(shape.get("filters", ()))
    load(account, _rows(account, folder, layout, crlf=crlf))
    gc.freeze()  # a collection must not walk a million messages while latency is measured


def seed_invented(account: Account, count: int, body_bytes: int) -> None:
    """Fill the account with `count` messages whose bytes are made when they are asked for."""
    account.labels.update((label.id, label) for label in _USER_LABELS)
    source = InventedMail(body_bytes)
    size = len(source.read(_LAST_MS << 20))
    start = _LAST_MS - count * _MINUTE_MS
    numbers = (((start + at * _MINUTE_MS) << 20) | (at * _MIX & 0xFFFFF) for at in range(count))
    load(
        account,
        (
            Message(number, number, number >> 20, _LAYOUTS[at % len(_LAYOUTS)], size, source, account.history_id)
            for at, number in enumerate(numbers)
        ),
    )
    gc.freeze()


def _rows(account: Account, folder: Path, layout: Path, *, crlf: bool) -> Iterator[Message]:
    files: dict[str, tuple[FileMail, int]] = {}
    shared: dict[tuple[str, ...], tuple[str, ...]] = {}
    with layout.open("rb") as lines:
        for line in lines:
            row: dict[str, Any] = json.loads(line)
            name = row["file"]
            if name not in files:
                files[name] = _file(folder / name, crlf=crlf)
            source, size = files[name]
            labels = tuple(row["labelIds"])
            labels = shared.setdefault(labels, labels)
            date = int(row["internalDate"])
            yield Message(int(row["id"], 16), int(row["threadId"], 16), date, labels, size, source, account.history_id)


def _file(path: Path, *, crlf: bool) -> tuple[FileMail, int]:
    source = FileMail(path, crlf)
    return source, len(source.read(0))


def _label(row: dict[str, str]) -> Label:
    return Label(
        row["id"],
        row["name"],
        row["type"],
        row.get("labelListVisibility", ""),
        row.get("messageListVisibility", ""),
    )
