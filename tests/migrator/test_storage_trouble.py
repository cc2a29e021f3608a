"""Real servers whose storage cannot be written to for a while: nothing fails, nothing is doubled, all of it arrives."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from desk import Desk, batch
from engine import letter

from migrator.outcome import Mark


@contextmanager
def unwritable(desk: Desk) -> Iterator[None]:
    """Take from the server the right to write where the customer's INBOX lies."""
    homes = Path("/dev/shm").glob(f"imap-{os.getpid()}-*")
    holding = (path.parent for home in homes for path in home.rglob("*") if path.is_file() and _holds(path, desk))
    inbox = next(holding)
    places = [inbox, *(inbox.parent / name for name in ("tmp", "new") if (inbox.parent / name).is_dir())]
    modes = {place: place.stat().st_mode for place in places}
    for place in modes:
        place.chmod(0o500)
    try:
        yield
    finally:
        for place, mode in modes.items():
            place.chmod(mode)


def _holds(path: Path, desk: Desk) -> bool:
    if path.suffix not in {".", ""} and "cur" not in path.parts:
        return False
    text = path.read_bytes() if path.stat().st_size < 10_000 else b""
    return desk.user.name.encode() in text and b"Subject: letter" in text


def test_storage_that_cannot_be_written_to_for_a_while_fails_nothing(desk: Desk) -> None:
    own = b"Subject: letter\r\n\r\n" + desk.user.name.encode() + b"\r\n"
    desk.put(0, own)
    desk.file(batch(range(5)))
    with unwritable(desk):
        for _ in range(3):
            desk.file(batch(range(5, 40)))
            desk.now += 900
    assert not any(mark.is_failure for mark in desk.marks(*range(40)))
    assert Mark.PENDING in desk.marks(*range(40))
    desk.when_due()
    desk.file(batch(range(5, 40)))
    assert desk.ledger.outcomes() == {Mark.COPIED: 40}
    assert sorted(desk.lying()) == sorted([own, *map(letter, range(40))])
