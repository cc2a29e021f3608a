"""Appending to the selected folder: what is sent how, what became of it, and which UID it got."""

import contextlib
import imaplib
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from migrator.errors import MessageRefused, RefusedUnexplained

from . import answers, heads
from .answers import Answer
from .found import UNKNOWN, Newcomers, sign
from .sending import Piece, Sender, Ways
from .uids import SET, expand
from .values import Appended, Item, Refused, Selected, Unsent
from .wire import Wire

_BATCH = 50  # messages in one MULTIAPPEND
_BATCH_BYTES = 8 * 1024 * 1024
_PROBES = (1, 3, 12)  # messages sent one by one before all others; none accepted of these, and no more are sent
_APPENDUID = re.compile(rb"(\d{1,10}) (" + SET + rb")")


class _Uid(NamedTuple):
    """A UID; `uidvalidity` is 0 in the folder that was selected, and that of the one made anew meanwhile."""

    uid: int
    uidvalidity: int = 0


class Writer:
    """Appends to one selected folder. Knows where its next UID will be at least, and which keywords it has."""

    def __init__(self, wire: Wire, mailbox: bytes, selected: Selected) -> None:
        self._wire = wire
        self._mailbox = mailbox
        self._sender = Sender(wire, mailbox)
        self._selected = selected
        self._uidnext = selected.uidnext
        self.broken = False
        """Whether the conversation broke after something was stored: nothing more may be said."""
        self._newcomers = Newcomers(wire, mailbox, selected)
        self._keywords = {keyword.lower() for keyword in selected.known_keywords}
        self._refused: set[str] = set()
        self._spoken_for: set[int] = set()

    def append(self, items: Sequence[Item], ways: Ways) -> Iterator[Appended | Refused | Unsent]:
        """Append in order; give for each message its UID, why it was refused, or that it was not sent.

        Raises ValueError before anything is sent if a flag is not one (see `heads.check`), and imaplib's errors or
        OSError when the conversation breaks, with the outcome of what was not given yet unknown.
        """
        for item in items:
            heads.check(item.flags)
        limit = ways.limit or sys.maxsize
        outcomes = self._send([item for item in items if len(item.wire) <= limit], ways)
        for item in items:
            yield next(outcomes) if len(item.wire) <= limit else Refused(MessageRefused("too-large"))

    def _send(self, items: Sequence[Item], ways: Ways) -> Iterator[Appended | Refused | Unsent]:
        for batch in _batches([Piece(item, self._allowed(item.flags)) for item in items]):
            if self.broken:
                raise self._wire.abort("broken before")
            answer = self._in_one(batch, ways) if ways.multi and len(batch) > 1 else None
            if answer and answer.ok:
                uids = self._uids([answer], batch, ways)
                yield from self._stored(batch, uids)
            else:  # it does not say which message it was, and some may be stored all the same
                kept = self._kept(batch, ways) if answer else [None] * len(batch)
                left = [piece for piece, uid in zip(batch, kept, strict=True) if uid is None]
                outcomes = self._in_parts(left, _PROBES if answer else (sum(_PROBES),), ways)
                for piece, uid in zip(batch, kept, strict=True):
                    yield next(outcomes) if uid is None else Appended(uid, piece.dropped)

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

    def _in_parts(
        self, batch: list[Piece], lengths: Sequence[int], ways: Ways
    ) -> Iterator[Appended | Refused | Unsent]:
        """Send one by one, a few at first; where all of these are refused without a reason, the rest is not sent."""
        in_vain = True
        for some, more in _parts(batch, lengths):
            if self.broken:
                raise self._wire.abort("broken before")
            fewer = [Piece(piece.item, self._allowed(piece.flags)) for piece in some]
            for outcome in self._one_by_one(fewer, ways):
                in_vain &= isinstance(outcome, Refused) and isinstance(outcome.error, RefusedUnexplained)
                yield outcome
            if in_vain and more and len(batch) - more >= sum(_PROBES):
                yield from [Unsent()] * more
                return

    def _allowed(self, flags: tuple[str, ...]) -> tuple[str, ...]:
        allowed = flags if self._selected.keywords_allowed else self._known(flags)
        return tuple(flag for flag in allowed if flag not in self._refused)

    def _known(self, flags: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(flag for flag in flags if not heads.is_keyword(flag) or flag.lower() in self._keywords)

    def _stored(self, batch: Sequence[Piece], uids: Sequence[_Uid]) -> Iterator[Appended]:
        self._spoken_for.update(uid for uid, uidvalidity in uids if not uidvalidity)
        for piece, (uid, uidvalidity) in zip(batch, uids, strict=True):
            self._keywords.update(flag.lower() for flag in piece.flags if heads.is_keyword(flag))
            yield Appended(uid, piece.dropped, uidvalidity=uidvalidity)

    def _one_by_one(self, batch: list[Piece], ways: Ways) -> Iterator[Appended | Refused]:
        since, replies = self._uidnext, self._singly(batch, ways)
        pairs = [(piece, reply) for piece, reply in zip(batch, replies, strict=True) if reply.ok]
        uids = self._uids([reply for _, reply in pairs], [piece for piece, _ in pairs], ways)
        stored = self._stored([piece for piece, _ in pairs], uids)
        outcomes = [next(stored) if reply.ok else None for reply in replies]
        for piece, reply, outcome in zip(batch, replies, outcomes, strict=True):
            yield outcome or self._without_keywords(piece, reply, ways, since)

    def _without_keywords(self, piece: Piece, refused: Answer, ways: Ways, since: int) -> Appended | Refused:
        """Try a message that was refused for no known reason with fewer keywords: without new ones, without any.

        It is looked for at UIDs from `since` on before it is sent again: a server may say NO and keep it.
        """
        reply, tried = refused, piece.flags
        for flags in (self._known(piece.flags), tuple(flag for flag in piece.flags if not heads.is_keyword(flag))):
            if flags == tried or not answers.may_be_keywords(reply):
                continue
            if (uid := self._kept_alone(piece, ways, since)) is not None:
                return Appended(uid, piece.dropped)
            fewer, tried = Piece(piece.item, flags), flags
            (reply,) = self._singly([fewer], ways)
            if reply.ok:
                (stored,) = self._stored([fewer], self._uids([reply], [fewer], ways))
                culprits = frozenset(piece.flags) - frozenset(flags)
                self._refused |= culprits
                return replace(stored, refused_keywords=culprits)
        return Refused(answers.message_refusal(reply, read_only=self._selected.read_only))

    def _uids(self, replies: list[Answer], batch: Sequence[Piece], ways: Ways) -> list[_Uid]:
        """Return the new UIDs in the order sent: by APPENDUID (RFC 4315 §3), else by looking what has arrived.

        What is not found is stored all the same, under a UID that nobody knows. APPENDUID counts for another folder
        than the selected one only where the conversation ends when that is looked into (Cyrus: it is gone).
        """
        if not batch:
            return []
        named = ways.uidplus and all(reply.code == "APPENDUID" for reply in replies)
        uids = [uid for reply in replies for uid in self._appended(reply, len(batch))] if named else []
        if len(set(uids) - {_Uid(UNKNOWN)}) != len(batch):
            uids = []
        if not uids or any(uid.uidvalidity for uid in uids):
            found = [_Uid(uid) for uid in self._looked_for(batch)]
            uids = uids if uids and self.broken else found
        self._uidnext = max([self._uidnext, *(uid + 1 for uid, uidvalidity in uids if not uidvalidity)])
        return uids

    def _looked_for(self, batch: Sequence[Piece]) -> list[int]:
        """Return the UIDs of what is stored beyond doubt: if the conversation breaks now, they are not known."""
        try:
            return self._newcomers.stored(self._uidnext, [sign(piece.item.wire) for piece in batch])
        except (imaplib.IMAP4.error, OSError, EOFError):
            self.broken = True
            return [UNKNOWN] * len(batch)

    def _appended(self, reply: Answer, at_most: int) -> list[_Uid]:
        """Return the UIDs that the answer names; none if it makes no sense."""
        found = _APPENDUID.fullmatch(reply.argument)
        if not found:
            return []
        is_here = self._selected.uidvalidity in {0, int(found[1])}  # 0: the server does not tell
        return [_Uid(uid, 0 if is_here else int(found[1])) for uid in expand(found[2], at_most)]

    def _kept(self, batch: Sequence[Piece], ways: Ways) -> list[int | None]:
        """Return the UIDs of those of a refused batch that are stored all the same; None for the others."""
        mails = [piece.item.wire for piece in batch]
        return self._noted(self._newcomers.kept(self._uidnext, mails, hidden=not ways.uidplus))

    def _kept_alone(self, piece: Piece, ways: Ways, since: int) -> int | None:
        """Return the UID of one that is stored though it was refused; a message that stands for another is not it."""
        if UNKNOWN in self._spoken_for:
            return None
        mail, hidden = piece.item.wire, not ways.uidplus
        (uid,) = self._noted(self._newcomers.kept(since, [mail], hidden=hidden, spoken_for=self._spoken_for))
        return uid

    def _noted(self, uids: list[int | None]) -> list[int | None]:
        found = {uid for uid in uids if uid is not None}
        self._spoken_for |= found
        self._uidnext = max([self._uidnext, *(uid + 1 for uid in found)])
        return uids


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


def _parts(batch: list[Piece], lengths: Sequence[int]) -> Iterator[tuple[list[Piece], int]]:
    """Give the batch in parts of these lengths, then the rest, each with the number of messages behind it."""
    start = 0
    for length in (*lengths, len(batch)):
        if some := batch[start : start + length]:
            start += len(some)
            yield some, len(batch) - start
