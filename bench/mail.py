"""The messages that are moved: invented mail, written as files with the layout that the stand-in for Google reads.

Sizes follow a log-normal law (median about a third of the mean, as in real mailboxes), always the same for the same
count and mean. Small bodies are prose, larger ones carry a base64 attachment; every message differs from all others.
"""

import json
import random
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

_BEGIN = datetime(2019, 1, 1, tzinfo=UTC)
_SPREAD = 1.5  # sigma of the log-normal law
_LEAST = 600  # bytes of body
_TIMES_MEAN = 40  # the largest message in means
_ATTACHED = 8_000  # bytes from which a body carries an attachment
_PROSE = (
    "the order from last week has been sent and should arrive on Tuesday please tell us when you have received it "
    "thank you for your message we are looking at the figures and will answer by the end of the month best regards"
)
_PLACES: tuple[tuple[str, tuple[str, ...], int], ...] = (
    ("INBOX", ("INBOX",), 50),
    ("Sent", ("SENT",), 16),
    ("Archive", (), 14),
    ("Work", ("Label_1",), 12),
    ("Lists", ("Label_2",), 8),
)
"""Folder at an IMAP source, the same as Gmail labels, share in per cent."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One invented message: its file, Gmail id, date in ms since the epoch, folder and labels, size in bytes."""

    path: Path
    id: str
    date: int
    folder: str
    labels: tuple[str, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Post:
    """A mailbox full of them, with the stand-in's layout file."""

    letters: tuple[Letter, ...]
    layout: Path

    @property
    def mean(self) -> float:
        """Mean size in bytes."""
        return sum(letter.size for letter in self.letters) / len(self.letters)


def write_post(folder: Path, count: int, mean: int) -> Post:
    """Write `count` messages of `mean` bytes on average into `folder`, and the layout beside them."""
    mail = folder / "mail"
    mail.mkdir(parents=True)
    chance = random.Random(7)
    text, attachment = _prose(chance), _attachment(chance)
    letters = tuple(
        _letter(mail, number, size, text if size < _ATTACHED else attachment)
        for number, size in enumerate(_sizes(chance, count, mean))
    )
    layout = folder / "layout.jsonl"
    layout.write_text("".join(json.dumps(_row(letter)) + "\n" for letter in letters))
    names = [{"id": "Label_1", "name": "Work", "type": "user"}, {"id": "Label_2", "name": "Lists", "type": "user"}]
    layout.with_name(layout.name + ".labels.json").write_text(json.dumps({"labels": names}))
    return Post(letters, layout)


def write_equal(folder: Path, count: int, size: int) -> Post:
    """Write `count` messages of `size` bytes each, all in the inbox."""
    mail = folder / "mail"
    mail.mkdir(parents=True)
    block = _attachment(random.Random(7))
    letters = tuple(_letter(mail, number, size, block, place=0) for number in range(count))
    layout = folder / "layout.jsonl"
    layout.write_text("".join(json.dumps(_row(letter)) + "\n" for letter in letters))
    return Post(letters, layout)


def _sizes(chance: random.Random, count: int, mean: int) -> list[int]:
    drawn = [chance.lognormvariate(0, _SPREAD) for _ in range(count)]
    scale = mean * count / sum(drawn)
    return [int(min(max(one * scale, _LEAST), _TIMES_MEAN * mean)) for one in drawn]


def _letter(mail: Path, number: int, size: int, block: bytes, place: int | None = None) -> Letter:
    folder, labels, _ = _PLACES[_place(number) if place is None else place]
    date = _BEGIN + timedelta(minutes=17 * number)
    path = mail / f"{number:06}.eml"
    raw = _head(number, date, attached=size >= _ATTACHED) + _body(number, size, block)
    path.write_bytes(raw)
    moment = int(date.timestamp() * 1000)
    return Letter(path, f"{moment << 20 | number:016x}", moment, folder, labels, len(raw))


def _place(number: int) -> int:
    at = number * 37 % 100  # 37 and 100 have no common divisor: shares come out exactly, well mixed
    for place, (_, _, share) in enumerate(_PLACES):
        if at < share:
            return place
        at -= share
    return 0


def _head(number: int, date: datetime, *, attached: bool) -> bytes:
    kind = (
        'application/pdf; name="figures.pdf"\r\nContent-Transfer-Encoding: base64'
        if attached
        else "text/plain; charset=us-ascii"
    )
    return (
        f"Received: by mx.example.com with ESMTPS id {number:08x}; {format_datetime(date)}\r\n"
        f"From: Sender {number % 97} <sender{number % 97}@example.com>\r\nTo: Reader <reader@example.com>\r\n"
        f"Subject: Message {number}\r\nDate: {format_datetime(date)}\r\nMessage-ID: <{number}@bench.example>\r\n"
        f"MIME-Version: 1.0\r\nContent-Type: {kind}\r\n\r\n"
    ).encode()


def _body(number: int, size: int, block: bytes) -> bytes:
    start = number * 7919 % (len(block) // 78) * 78
    turned = block[start:] + block[:start]
    return (turned * (size // len(turned) + 1))[: size - size % 78 + 78]


def _prose(chance: random.Random) -> bytes:
    lines, words = [], _PROSE.split()
    for _ in range(1000):
        line = " ".join(chance.choices(words, k=20))[:76].ljust(76, ".")
        lines.append(line.encode() + b"\r\n")
    return b"".join(lines)


def _attachment(chance: random.Random) -> bytes:
    noise = b64encode(chance.randbytes(57 * 4096))
    return b"".join(noise[at : at + 76] + b"\r\n" for at in range(0, len(noise), 76))


def _row(letter: Letter) -> dict[str, object]:
    return {
        "file": f"mail/{letter.path.name}",
        "id": letter.id,
        "threadId": letter.id,
        "internalDate": str(letter.date),
        "labelIds": list(letter.labels),
    }
