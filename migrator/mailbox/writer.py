"""Appending to the selected folder: what is sent how, what became of it, and which UID it got."""

import contextlib
import re
import sys
from collections.abc import Iterator, Sequence

from migrator.errors import MessageRefused

from . import answers, heads
from .answers import Answer
from .found import arrived
from .sending import Piece, Sender, Ways
from .uids import SET, expand
from .values import Appended, Item, Refused, Selected
from .wire import Wire

_BATCH = 50  # messages in one MULTIAPPEND
_BATCH_BYTES = 8 * 1024 * 1024
_APPENDUID = re.compile(rb"(\d{1,10}) (" + SET + rb")")


class Writer:
    """Appends to one selected folder. Knows where its next UID will be at least, and which keywords it has."""

    def __init__(self, wire: Wire, mailbox: bytes, selected: Selected) -> None:
        self._wire = wire
        self._mailbox = mailbox
        self._sender = Sender(wire, mailbox)
        self._selected = selected
        self._uidnext = selected.uidnext
        self._keywords = {keyword.lower() for keyword in selected.known_keywords}

    def append(self, items: Sequence[Item], ways: Ways) -> Iterator[Appended | Refused]:
        """Append in order; give for each message its UID or why it was refused.

        Raises ValueError before anything is sent if a flag is not one (see `heads.check`), and imaplib's errors or
        OSError when the conversation breaks, with the outcome of what was not given yet unknown.
        """
        for item in items:
            heads.check(item.flags)
        limit = ways.limit or sys.maxsize
        outcomes = self._send([item for item in items if len(item.wire) <= limit], ways)
        for item in items:
            yield next(outcomes) if len(item.wire) <= limit else Refused(MessageRefused("too-large"))

    def _send(self, items: Sequence[Item], ways: Ways) -> Iterator[Appended | Refused]:
        for batch in _batches([Piece(item, self._allowed(item.flags)) for item in items]):
            answer = self._in_one(batch, ways) if ways.multi and len(batch) > 1 else None
            if answer and answer.ok:
                uids = self._uids([answer], batch, ways)
                yield from self._stored(batch, uids)
            else:  # MULTIAPPEND is all or nothing (RFC 3502 §6.3.11), and does not say which message it was
                yield from self._one_by_one(batch, ways)

    @contextlib.contextmanager
    def _sending(self, ways: Ways) -> Iterator[None]:
        if ways.beside:
            self._wire.run(b"UNSELECT")
        yield
        if ways.beside:
            self._wire.run(b"SELECT " + self._mailbox)

    def _in_one(self, batch: Sequence[Piece], ways: Ways) -> Answer:
        with self._sending(ways):
            return self._sender.batch(batch, ways)

    def _singly(self, pieces: Sequence[Piece], ways: Ways) -> list[Answer]:
        with self._sending(ways):
            return self._sender.singles(pieces, ways)

    def _allowed(self, flags: tuple[str, ...]) -> tuple[str, ...]:
        return flags if self._selected.keywords_allowed else self._known(flags)

    def _known(self, flags: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(flag for flag in flags if not heads.is_keyword(flag) or flag.lower() in self._keywords)

    def _stored(self, batch: Sequence[Piece], uids: Sequence[int]) -> Iterator[Appended]:
        for piece, uid in zip(batch, uids, strict=True):
            self._keywords.update(flag.lower() for flag in piece.flags if heads.is_keyword(flag))
            yield Appended(uid, piece.dropped)

    def _one_by_one(self, batch: list[Piece], ways: Ways) -> Iterator[Appended | Refused]:
        replies = self._singly(batch, ways)
        pairs = [(piece, reply) for piece, reply in zip(batch, replies, strict=True) if reply.ok]
        uids = self._uids([reply for _, reply in pairs], [piece for piece, _ in pairs], ways)
        stored = self._stored([piece for piece, _ in pairs], uids)
        outcomes = [next(stored) if reply.ok else None for reply in replies]
        for piece, reply, outcome in zip(batch, replies, outcomes, strict=True):
            yield outcome or self._without_keywords(piece, reply, ways)

    def _without_keywords(self, piece: Piece, refused: Answer, ways: Ways) -> Appended | Refused:
        """Try a message again with fewer keywords, if it was for those that it was refused."""
        reply = refused
        for flags in (self._known(piece.flags), tuple(flag for flag in piece.flags if not heads.is_keyword(flag))):
            if flags == piece.flags or not answers.keywords_refused(reply):
                continue
            fewer = Piece(piece.item, flags)
            (reply,) = self._singly([fewer], ways)
            if reply.ok:
                return next(self._stored([fewer], self._uids([reply], [fewer], ways)))
        return Refused(answers.full() if answers.is_full(reply) else answers.message_refusal(reply))

    def _uids(self, replies: list[Answer], batch: Sequence[Piece], ways: Ways) -> list[int]:
        """Return the new UIDs in the order sent: by APPENDUID (RFC 4315 §3), else by looking what has arrived."""
        if not batch:
            return []
        named = all(reply.code == "APPENDUID" for reply in replies)
        if ways.uidplus and named:
            uids = [uid for reply in replies for uid in self._appended(reply, len(batch))]
            if len(uids) != len(batch):
                raise self._wire.abort("another number of UIDs")
        else:
            sizes = [len(piece.item.wire) for piece in batch]
            uids = arrived(self._wire, self._uidnext, sizes, self._selected.exists)
        self._uidnext = max(*uids, self._uidnext - 1) + 1
        return uids

    def _appended(self, reply: Answer, at_most: int) -> list[int]:
        found = _APPENDUID.fullmatch(reply.argument)
        # Another UIDVALIDITY: deleted and made anew under our hands.
        if not found or self._selected.uidvalidity not in {0, int(found[1])}:
            raise self._wire.abort("another folder")
        return expand(found[2], at_most)


def _batches(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    batch: list[Piece] = []
    total = 0
    for piece in pieces:
        size = len(piece.item.wire)
        if batch and (len(batch) == _BATCH or total + size > _BATCH_BYTES):
            yield batch
            batch, total = [], 0
        batch.append(piece)
        total += size
    if batch:
        yield batch
