"""A mailbox of a dozen messages, each there for a reason, written as a folder and a layout."""

import json
from dataclasses import dataclass
from pathlib import Path

ADDRESS = "customer@gmail.example"
FIRST_MS = 1_700_000_000_000
EVERY_BYTE = bytes(range(256))

MULTIPART = (
    b"From: =?utf-8?q?J=C3=BCrgen?= <j@example.com>\r\nTo: reader@example.com\r\nSubject: two parts\r\n"
    b"Message-ID: <multi@example.com>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\n"
    b"--bb\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGr\xc3\xbc\xc3\x9fe  aus\r\nBerlin\r\n"
    b'--bb\r\nContent-Type: image/png; name="p.png"\r\nContent-Disposition: attachment; filename="p.png"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--bb--\r\n"
)


@dataclass(frozen=True)
class Row:
    name: str
    labels: tuple[str, ...]
    raw: bytes


def _plain(name: str, body: bytes = b"hello\r\n") -> bytes:
    return f"Subject: {name}\r\nMessage-ID: <{name}@example.com>\r\nX-Own: 1\r\n\r\n".encode() + body


ROWS = (
    Row("inbox", ("INBOX", "UNREAD", "CATEGORY_UPDATES"), _plain("inbox")),
    Row("starred", ("INBOX", "STARRED", "IMPORTANT", "Label_1"), _plain("starred")),
    Row("work", ("Label_1",), _plain("work")),
    Row("sub", ("Label_2", "UNREAD"), _plain("sub")),
    Row("sent", ("SENT",), _plain("sent")),
    Row("draft", ("DRAFT",), _plain("draft")),
    Row("spam", ("SPAM",), _plain("spam")),
    Row("trash", ("TRASH", "Label_1"), _plain("trash")),
    Row("chat", ("CHAT",), _plain("chat")),
    Row("archived", (), _plain("archived")),
    Row("ghost", ("Label_999",), _plain("ghost")),
    Row("multipart", ("INBOX",), MULTIPART),
    Row("big", ("INBOX",), _plain("big", b"x" * 76 + b"\r\n") + b"y" * 20_000),
    Row("bytes", ("INBOX",), EVERY_BYTE + b"\r\n\r\n" + EVERY_BYTE[::-1]),
    Row("lf", ("INBOX",), b"Subject: lf\n\nbare\nlines\n"),
    Row("odd", ("INBOX",), b"Subject: odd\r\n\r\na\0b\rc\nd\r\n\r\r\n\n"),
    Row("header8bit", ("INBOX",), b"Subject: caf\xe9 \xff\r\n\r\n"),
    Row("empty", ("INBOX",), b""),
)
LABELS = [
    {"id": "INBOX", "name": "INBOX", "type": "system"},
    {"id": "Label_1", "name": "Work", "type": "user", "labelListVisibility": "labelShow", "note": "not Google's"},
    {"id": "Label_2", "name": "Work/Sub Projects", "type": "user", "messageListVisibility": "hide"},
    {"id": "Label_3", "name": "Empty", "type": "user"},
]
FILTERS = [{"id": "F1", "criteria": {"from": "list@example.com"}, "action": {"addLabelIds": ["Label_1"]}}]


def message_id(name: str) -> str:
    """Return the Gmail id of a row; a minute lies between two, in the order of `ROWS`."""
    at = [row.name for row in ROWS].index(name)
    return f"{((FIRST_MS + at * 60_000) << 20) + at:x}"


def date_ms(name: str) -> int:
    return int(message_id(name), 16) >> 20


def write(folder: Path) -> Path:
    """Write the messages and the layout into `folder`; return the layout's path."""
    layout = folder / "mailbox.jsonl"
    lines = []
    for row in ROWS:
        (folder / f"{row.name}.eml").write_bytes(row.raw)
        number = message_id(row.name)
        thread = message_id("inbox") if row.name == "sent" else number
        lines.append(
            {
                "file": f"{row.name}.eml",
                "id": number,
                "threadId": thread,
                "internalDate": str(date_ms(row.name)),
                "labelIds": row.labels,
                "sizeEstimate": 1,
                "notes": [],
            }
        )
    layout.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "mailbox.jsonl.labels.json").write_text(json.dumps({"labels": LABELS, "filters": FILTERS}))
    return layout
