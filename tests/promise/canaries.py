"""Markers for everything that must be nowhere: one for each field of each mail, each address, each secret.

Labels have a stem of their own: a label's name is shown to the customer and to operators by design, for as long as
the retention table says, so it may be where the rest may not.
"""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from itertools import count
from pathlib import Path

from promise.encodings import Search
from stand_in import Google

from emulator.servers.instance import User

_LETTERS = "bcdfghjklmnpqrstvwxz"
_ROOM = 999_999_999
"""Bytes: what stands after the @ of a test server's user is his quota."""

MAIL_FIELDS = ("subject", "from", "to", "body", "attachment name", "attachment", "message id")
LABEL_PART = "a part of a label's name"
_AWKWARD = 'é & = 100% "quoted" \\ ~ü'


def new_stem() -> str:
    """Return what all markers of a kind begin with: 15 letters nobody wrote before, in every letter's case and code."""
    return "".join(secrets.choice(_LETTERS) for _ in range(15))


@dataclass
class Canaries:
    """All markers of a run, by name. `secret` are those that may be nowhere, `labels` those of label names."""

    stem: str = field(default_factory=new_stem)
    label_stem: str = field(default_factory=new_stem)
    secret: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1000))

    def mark(self, name: str) -> str:
        """Return a new marker that may be nowhere."""
        # The last letter: in base64 the end of a text runs into what comes after it.
        self.secret[name] = f"{self.stem}{next(self._numbers)}z"
        return self.secret[name]

    def label(self, name: str) -> str:
        """Return a new marker for a label's name."""
        self.labels[name] = f"{self.label_stem}{next(self._numbers)}z"
        return self.labels[name]

    def search(self) -> Search:
        """Return the search for what may be nowhere."""
        return Search(self.stem, self.secret, "a part of a marker")

    def label_search(self) -> Search:
        """Return the search for names of labels."""
        return Search(self.label_stem, self.labels, LABEL_PART)


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody whose every word is a marker: a Gmail account and a mailbox."""

    name: str
    address: str = field(repr=False)
    user: User = field(repr=False)


def new_customer(canaries: Canaries, google: Google, folder: Path, name: str, password: str, mails: int) -> Customer:
    """Return a customer whose account holds so many mails; the mailbox server makes its users when they log in."""
    address = f"{canaries.mark(f'{name}: Gmail address')}@gmail.example"
    place = folder / name
    place.mkdir(parents=True)
    rows = [_row(canaries, place, name, number) for number in range(mails)]
    layout = place / "mailbox.jsonl"
    layout.write_text("".join(json.dumps(row) + "\n" for row in rows))
    names = [canaries.label(f"{name}: label {number}") for number in range(2)]
    labels = [{"id": f"Label_{n}", "name": f"{text} é", "type": "user"} for n, text in enumerate(names)]
    system = [{"id": label, "name": label, "type": "system"} for label in ("INBOX", "SENT", "UNREAD", "STARRED")]
    Path(f"{layout}.labels.json").write_text(json.dumps({"labels": [*system, *labels]}))
    google.control("accounts", {"address": address, "seed_dir": str(place), "layout": str(layout)})
    mailbox = f"{canaries.mark(f'{name}: mailbox address')}@{_ROOM}"
    return Customer(name, address, User(mailbox, password))


def _row(canaries: Canaries, folder: Path, name: str, number: int) -> dict[str, object]:
    file = f"{number}.eml"
    (folder / file).write_bytes(mail({one: canaries.mark(f"{name}: {one} {number}") for one in MAIL_FIELDS}))
    date = 1_735_000_000_000 + number * 60_000
    labels = (["INBOX", "UNREAD"], ["Label_0"], ["Label_1", "STARRED"], ["SENT"])[number % 4]
    message = f"{(date << 20) + number:016x}"
    return {"file": file, "id": message, "threadId": message, "internalDate": str(date), "labelIds": labels}


def mail(markers: dict[str, str]) -> bytes:
    """Return a mail that holds these markers, by `MAIL_FIELDS`; its text is quoted-printable, which is folded."""
    message = EmailMessage(policy=SMTP)
    message["From"] = f"{markers['from']} <{markers['from']}@sender.example>"
    message["To"] = f"{markers['to']}@receiver.example"
    message["Subject"] = f"{markers['subject']} {_AWKWARD}"
    message["Message-ID"] = f"<{markers['message id']}@sender.example>"
    message["Date"] = "Tue, 24 Dec 2024 01:06:40 +0000"
    message.set_content(f"{markers['body']}\n{_AWKWARD} {markers['body']}\n" * 5, cte="quoted-printable")
    content = f"{markers['attachment']} ".encode() * 20  # base64 breaks lines: one of them will be whole
    name = f"{markers['attachment name']}.bin"
    message.add_attachment(content, "application", "octet-stream", filename=name)
    return message.as_bytes()
