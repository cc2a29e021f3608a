"""Appending to the selected folder: in batches where the server takes them, one by one where it must be.

Each way ends in an answer per message. What is sent without waiting for the server (LITERAL+) is only ever what
`heads` has checked; and after BAD to it nothing more goes over this connection.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from . import answers, heads
from .answers import Answer
from .found import arrived
from .uids import expand
from .values import Appended, Item, Refused, Selected
from .wire import Wire

_BATCH = 50  # messages in one MULTIAPPEND
_BATCH_BYTES = 8 * 1024 * 1024
_IN_FLIGHT = 16  # single APPENDs sent before the first is answered
_COPIED = 64 * 1024  # what is shorter is joined with its neighbours into one write
_LITERAL_MINUS = 4096  # bytes (RFC 7888 §5)


@dataclass(frozen=True, slots=True)
class Ways:
    """How this server takes messages (RFC 3502, 7888, 4315); `patient` waits for `+` before each literal."""

    multi: bool
    literals: Literal["plus", "minus", "patient"]
    uidplus: bool

    @classmethod
    def of(cls, capabilities: frozenset[str], *, careful: bool = False) -> "Ways":
        """Return the quickest ways these capabilities allow; careful: one by one, each literal asked for."""
        uidplus = "UIDPLUS" in capabilities
        if careful:
            return cls(multi=False, literals="patient", uidplus=uidplus)
        quick: Literal["plus", "minus", "patient"] = "minus" if "LITERAL-" in capabilities else "patient"
        literals = "plus" if "LITERAL+" in capabilities else quick
        return cls("MULTIAPPEND" in capabilities, literals, uidplus)

    def waits(self, size: int) -> bool:
        """Whether a literal of `size` bytes has to wait for the server's `+`."""
        return self.literals == "patient" or (self.literals == "minus" and size > _LITERAL_MINUS)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A message as it will be sent: its flags may be fewer than the item's."""

    item: Item
    flags: tuple[str, ...]

    @property
    def dropped(self) -> bool:
        return self.flags != self.item.flags


class Writer:
    """Appends to one selected folder. Knows where its next UID will be at least, and which keywords it has."""

    def __init__(self, wire: Wire, mailbox: bytes, selected: Selected) -> None:
        self._wire = wire
        self._mailbox = mailbox
        self._selected = selected
        self._uidnext = selected.uidnext
        self._keywords = {keyword.lower() for keyword in selected.known_keywords}
        self._buffer: list[bytes] = []
        self._buffered = 0

    def append(self, items: Sequence[Item], ways: Ways) -> Iterator[Appended | Refused]:
        """Append in order; give for each message its UID or why it was refused.

        Raises ValueError before anything is sent if a flag is not one (see `heads.check`), and imaplib's errors or
        OSError when the conversation breaks, with the outcome of what was not given yet unknown.
        """
        for item in items:
            heads.check(item.flags)
        pieces = [_Piece(item, self._allowed(item.flags)) for item in items]
        for batch in _batches(pieces):
            answer = self._send_batch(batch, ways) if ways.multi and len(batch) > 1 else None
            if answer and answer.ok:
                uids = self._uids([answer], batch, ways)
                yield from self._stored(batch, uids)
            else:  # MULTIAPPEND is all or nothing (RFC 3502 §6.3.11), and does not say which message it was
                yield from self._one_by_one(batch, ways)

    def _allowed(self, flags: tuple[str, ...]) -> tuple[str, ...]:
        return flags if self._selected.keywords_allowed else self._known(flags)

    def _known(self, flags: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(flag for flag in flags if not heads.is_keyword(flag) or flag.lower() in self._keywords)

    def _stored(self, batch: Sequence[_Piece], uids: Sequence[int]) -> Iterator[Appended]:
        for piece, uid in zip(batch, uids, strict=True):
            self._keywords.update(flag.lower() for flag in piece.flags if heads.is_keyword(flag))
            yield Appended(uid, piece.dropped)

    def _one_by_one(self, batch: list[_Piece], ways: Ways) -> Iterator[Appended | Refused]:
        replies = self._send_singles(batch, ways)
        pairs = [(piece, reply) for piece, reply in zip(batch, replies, strict=True) if reply.ok]
        uids = self._uids([reply for _, reply in pairs], [piece for piece, _ in pairs], ways)
        stored = self._stored([piece for piece, _ in pairs], uids)
        outcomes = [next(stored) if reply.ok else None for reply in replies]
        for piece, reply, outcome in zip(batch, replies, outcomes, strict=True):
            yield outcome or self._without_keywords(piece, reply, ways)

    def _without_keywords(self, piece: _Piece, refused: Answer, ways: Ways) -> Appended | Refused:
        """Try a message again with fewer keywords, if it was for those that it was refused."""
        reply = refused
        for flags in (self._known(piece.flags), tuple(flag for flag in piece.flags if not heads.is_keyword(flag))):
            if flags == piece.flags or not answers.keywords_refused(reply):
                continue
            fewer = _Piece(piece.item, flags)
            (reply,) = self._send_singles([fewer], ways)
            if reply.ok:
                return next(self._stored([fewer], self._uids([reply], [fewer], ways)))
        return Refused(answers.full() if answers.is_full(reply) else answers.message_refusal(reply))

    def _uids(self, replies: list[Answer], batch: Sequence[_Piece], ways: Ways) -> list[int]:
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
        uidvalidity, _, uids = reply.argument.partition(b" ")
        if int(uidvalidity) != self._selected.uidvalidity:  # the folder was deleted and made anew under our hands
            raise self._wire.abort("another folder")
        return expand(uids, at_most)

    def _send_batch(self, batch: Sequence[_Piece], ways: Ways) -> Answer:
        tag = self._wire.new_tag()
        self._put(b"%b APPEND %b" % (tag, self._mailbox))
        for piece in batch:
            if not self._put_message(tag, piece, ways):
                return self._answered(tag, ways)
        self._put(b"\r\n")
        self._flush()
        return self._answered(tag, ways)

    def _send_singles(self, batch: Sequence[_Piece], ways: Ways) -> list[Answer]:
        replies: list[Answer] = []
        waiting: deque[bytes] = deque()
        for piece in batch:
            if len(waiting) == _IN_FLIGHT:
                self._flush()
                replies.append(self._answered(waiting.popleft(), ways))
            tag = self._wire.new_tag()
            waiting.append(tag)
            self._put(b"%b APPEND %b" % (tag, self._mailbox))
            if self._put_message(tag, piece, ways):
                self._put(b"\r\n")
        self._flush()
        return replies + [self._answered(tag, ways) for tag in waiting]

    def _put_message(self, tag: bytes, piece: _Piece, ways: Ways) -> bool:
        """Put a message's head and literal; False if the server answered instead of asking for the literal."""
        size = len(piece.item.wire)
        waits = ways.waits(size)
        self._put(heads.before_literal(piece.item, piece.flags) + (b"{%d}\r\n" if waits else b"{%d+}\r\n") % size)
        if waits:
            self._flush()
            if not self._wire.asks_for_more(tag):
                return False
        self._put(piece.item.wire)
        return True

    def _answered(self, tag: bytes, ways: Ways) -> Answer:
        answer = self._wire.finish(tag)
        if answer.status not in {"OK", "NO"} and ways.literals != "patient":
            raise self._wire.abort("BAD")
        return answer

    def _put(self, data: bytes) -> None:
        if len(data) > _COPIED:
            self._flush()
            self._wire.send(data)
            return
        self._buffer.append(data)
        self._buffered += len(data)
        if self._buffered > _COPIED:
            self._flush()

    def _flush(self) -> None:
        if self._buffer:
            self._wire.send(b"".join(self._buffer))
            self._buffer, self._buffered = [], 0


def _batches(pieces: Sequence[_Piece]) -> Iterator[list[_Piece]]:
    batch: list[_Piece] = []
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
