"""A migration as a receipt finds it, written key by key."""

from typing import Any

from engine import heir
from redis import Redis

from jobs import audit
from jobs.audit import Act
from jobs.migration import State
from jobs.requests import create
from jobs.retention import unlink_at_end
from jobs.statement import Issuer, statement_of
from migrator.ledger import Ledger
from migrator.outcome import Mark
from migrator.receipt import Policy, Receipt, Software
from migrator.records import FolderState, Placed

SCOPE = "https://www.googleapis.com/auth/gmail.readonly"
ISSUER = Issuer(
    name="https://mail.example",
    policy=Policy("2026-10", "https://mail.example/privacy"),
    software=Software("gmail-migrator", "0.1.0"),
    mailbox="imap.example:993",
    scope=SCOPE,
)
STAFF = "5" * 32


class Begun:
    """A migration with a record and a ledger; everything else is written by the test."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.id = create(redis, "c1").id
        self.ledger: Ledger = heir(redis, Ledger(redis, self.id))
        self.log(Act.GRANTED)

    def log(self, act: Act, actor: audit.Actor = audit.CUSTOMER, code: str = "") -> None:
        audit.append(self.redis, actor, act, self.id, code)

    def write(self, part: str, value: Any) -> None:
        self.ledger.write(self.ledger.keep(part, value))

    def copies(self) -> None:
        """Write what a copied account of eight leaves: two folders, five outcomes."""
        marks = [Mark.COPIED] * 3 + [Mark.COPIED_ALTERED, Mark.ALREADY_THERE, Mark.SKIPPED_CHAT] + [Mark.PENDING] * 2
        folders = {1: "INBOX", 2: "Büro"}
        self.ledger.write(*self.ledger.plan(range(8), marks))
        self.ledger.write(*(self.ledger.folder(n, FolderState(name, 1, 1, 1)) for n, name in folders.items()))
        records = [Placed(n, n + 1, 100, b"d" * 16, b"l" * 8) for n in range(4)]
        self.ledger.write(*self.ledger.place(1, records[:3]), *self.ledger.place(2, records[3:]))
        self.write("verified", {"folder": 2, "done": 1, "found": 4, "identical": 4, "altered": 0, "missing": 0})

    def hash(self, part: str, rows: dict[str, Any]) -> None:
        self.redis.hset(self.ledger.key(part), mapping={name: str(value) for name, value in rows.items()})
        self.redis.expire(self.ledger.key(part), 3600)

    def reads(self, **calls: int) -> None:
        self.hash("calls", {name.replace("_", "."): count for name, count in calls.items()})

    def connects(self, *hosts: str, tls: str = "TLSv1.3 TLS_AES_256_GCM_SHA384") -> None:
        self.redis.sadd(self.ledger.key("hosts"), *hosts)
        self.redis.expire(self.ledger.key("hosts"), 3600)
        self.redis.set(self.ledger.key("tls"), tls, ex=3600)

    def revokes(self, tries: int = 1, *, held: bool = True, confirmed: bool = True, at: float = 1_780_000_000) -> None:
        self.write("revocation", {"held": held, "tries": tries, "confirmed": confirmed, "settled": True, "at": at})

    def discards(self, *without: str) -> None:
        steps = {"destroy": 1_780_000_001.5, "release": 1, "unlink": 1_780_000_002, "rewrite": 1_780_000_003}
        self.hash("discarding", {name: at for name, at in steps.items() if name not in without})
        unlink_at_end(self.redis, self.id)

    def receipt(self, end: State = State.DONE, now: float | None = None) -> Receipt:
        return statement_of(self.redis, self.id, end, ISSUER, now=now)
