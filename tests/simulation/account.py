"""The Gmail account of a seed: its messages, labels and history, and what its owner does to it meanwhile."""

import random
from dataclasses import dataclass, field

from .clock import START

FIRST_OF_16_DIGITS = 1 << 60
"""Ids of mail that arrived before 4 November 2004 have fewer digits (facts: arrival in ms << 20)."""


@dataclass(slots=True)
class Mail:
    """One message; `token` stands in its body and is what it is found by, whatever a server makes of it."""

    id: int
    token: int
    raw: bytes
    labels: set[str]
    large: bool = False
    touched: bool = False

    @property
    def date(self) -> int:
        """Arrival in milliseconds."""
        return self.id >> 20

    @property
    def hex(self) -> str:
        return f"{self.id:x}"


@dataclass(slots=True)
class Change:
    """One line of the history: Gmail's typed array, the message, and the labels where it is about some."""

    kind: str
    id: int
    labels: tuple[str, ...] = ()


@dataclass(slots=True)
class Account:
    """What Google knows; changes append to the history."""

    labels: dict[str, str] = field(default_factory=dict)
    mails: dict[int, Mail] = field(default_factory=dict)
    deleted: dict[int, Mail] = field(default_factory=dict)
    history: list[Change] = field(default_factory=list)

    def arrive(self, mail: Mail) -> None:
        self.mails[mail.id] = mail
        self.history.append(Change("messagesAdded", mail.id))

    def delete(self, message_id: int) -> None:
        self.deleted[message_id] = self.mails.pop(message_id)
        self.history.append(Change("messagesDeleted", message_id))

    def relabel(self, message_id: int, add: set[str], remove: set[str]) -> None:
        mail = self.mails[message_id]
        mail.labels = (mail.labels - remove) | add
        mail.touched = True
        if add:
            self.history.append(Change("labelsAdded", message_id, tuple(sorted(add))))
        if remove:
            self.history.append(Change("labelsRemoved", message_id, tuple(sorted(remove))))

    def all_mails(self) -> dict[int, Mail]:
        """Those that are there and those that were."""
        return {**self.deleted, **self.mails}


NAMES = ("Work", "Work/Projects", "Family", "Büro", "Receipts/2020", "per%cent", "Todo {5}", "Archive", "Public/Photos")


def invented(rng: random.Random, messages: int, *, old: bool) -> Account:
    """Return an account of so many messages; `old`: some arrived before ids had 16 digits."""
    account = Account({f"Label_{n}": name for n, name in enumerate(rng.sample(NAMES, rng.randint(0, 4)), 1)})
    for token in range(messages):
        mail = mail_of(rng, token, account, old=old and rng.random() < 0.3)
        account.mails[mail.id] = mail
        if rng.random() < 0.04:  # the same bytes under another id, as mailing lists and imports make them
            twin = mail_of(rng, token, account, old=False)
            twin.raw, twin.labels = mail.raw, set(mail.labels)
            account.mails[twin.id] = twin
    return account


def mail_of(rng: random.Random, token: int, account: Account, *, old: bool = False, now: float = 0.0) -> Mail:
    """Make one message up; `now` (seconds): it arrives at that moment."""
    first, last = (900_000_000_000, 1_099_000_000_000) if old else (1_100_000_000_000, int(START * 1000) - 86_400_000)
    moment = int(now * 1000) if now else rng.randint(first, last)
    labels = _labels(rng, account)
    return Mail((moment << 20) + rng.randrange(1 << 20), token, _raw(rng, token), labels, large=rng.random() < 0.05)


def _labels(rng: random.Random, account: Account) -> set[str]:
    place = rng.choices(["INBOX", "SENT", "", "DRAFT", "SPAM", "TRASH", "CHAT"], [10, 4, 4, 1, 2, 2, 0.5])[0]
    labels = {place} - {""}
    if place not in {"SPAM", "TRASH", "CHAT", "DRAFT"}:
        labels |= {label for label in account.labels if rng.random() < 0.25}
    labels |= {state for state in ("UNREAD", "STARRED", "IMPORTANT", "CATEGORY_UPDATES") if rng.random() < 0.25}
    return labels


def _raw(rng: random.Random, token: int) -> bytes:
    """Return a mail as Gmail hands it out: now and then with what only old or broken mail has."""
    head = [
        b"From: ann@example.com",
        b"Subject: letter %d" % token,
        b"Date: Mon, 2 Jan 2023 10:00:%02d +0000" % (token % 60),
    ]
    if rng.random() < 0.93:
        head.append(b"Message-ID: <%d@sim.example>" % token)
    if rng.random() < 0.08:
        head.append("X-Old: Bücher".encode("latin-1"))
    body = b"sim-%d.\r\n" % token + b"lorem ipsum dolor\r\n" * rng.randint(0, 40)
    body += b"From Monday on\r\n" * (rng.random() < 0.1) + b"\0\r\n" * (rng.random() < 0.03)
    raw = b"\r\n".join(head) + b"\r\n\r\n" + body
    if rng.random() < 0.1:
        raw = raw.replace(b"\r\n", b"\n")
    return raw[:-1] if rng.random() < 0.05 else raw
