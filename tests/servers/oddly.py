"""A small IMAP server in memory, one mailbox, for what no real server here does: subclass it and override.

It speaks what the door and the tests' observer need (RFC 9051). Mail is (octets, flags, date).
"""

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from emulator.servers.instance import Server, User

_LITERAL = re.compile(rb"\{(\d+)(\+?)\}\r\n\Z")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_FIELD = re.compile(rb"^(?:message-id|date|from|subject):.*\r\n(?:[ \t].*\r\n)*", re.IGNORECASE | re.MULTILINE)
_FLAGS = re.compile(r"\(([^)]*)\)")


def _fields_of(mail: bytes) -> bytes:
    """Return the header fields by which mail is told apart, as FETCH gives them."""
    header = mail.partition(b"\r\n\r\n")[0] + b"\r\n"
    return b"".join(found[0] for found in _FIELD.finditer(header)) + b"\r\n"


class HangUp(Exception):
    """Raised by an override: the connection breaks here."""


class Folder:
    """One folder: mail by UID."""

    def __init__(self, uidvalidity: int) -> None:
        self.uidvalidity = uidvalidity
        self.next = 1
        self.mail: dict[int, tuple[bytes, frozenset[str], str]] = {}


class OddServer:
    """What may be overridden is the upper half; an override of `refusal` answers a command in the server's place."""

    capabilities: ClassVar[str] = "IMAP4rev1 NAMESPACE UIDPLUS LITERAL+ MOVE"
    permanent: ClassVar[str] = r"(\Answered \Flagged \Deleted \Seen \Draft \*)"

    def refusal(self, _command: str, _arguments: str) -> str | None:
        """Return an answer without its tag, or None for what a server should say."""
        return None

    def stored(self, raw: bytes) -> bytes:
        """Return what becomes of a message that is appended."""
        return raw

    def kept(self, flags: frozenset[str]) -> frozenset[str]:
        """Return which flags of APPEND the server keeps."""
        return flags

    def kept_date(self, date: str) -> str:
        """Return which date of APPEND the server keeps."""
        return date

    def set_later(self, flags: frozenset[str]) -> frozenset[str]:
        """Return which flags STORE can set."""
        return flags

    def size(self, raw: bytes) -> int:
        """Return RFC822.SIZE."""
        return len(raw)

    def body(self, raw: bytes) -> bytes | None:
        """Return what FETCH gives of a message; None to say nothing of it."""
        return raw

    def refused(self, _raw: bytes) -> str | None:
        """Return an answer with which APPEND ends at a message; what came before it in the same command is kept."""
        return None

    def appended(self, folder: "Folder", uids: Sequence[int]) -> str:
        """Return the answer to an APPEND that was carried out."""
        named = (
            f"[APPENDUID {folder.uidvalidity} {','.join(map(str, uids))}] " if "UIDPLUS" in self.capabilities else ""
        )
        return f"OK {named}done"

    def shown(self, _folder: "Folder", _selected_at: int) -> int:
        """Return the UID from which on messages are hidden, in a session that selected the folder at this UIDNEXT."""
        return 2**32

    # --- the rest is a server like others -----------------------------------------------------------------------------

    def __init__(self) -> None:
        self.folders = {"INBOX": Folder(1000)}
        self.heard: list[tuple[str, str]] = []
        self.lock = threading.RLock()

    def mail(self, name: str = "INBOX") -> dict[int, tuple[bytes, frozenset[str], str]]:
        return self.folders[name].mail

    def count(self, command: str, *words: str) -> int:
        """Return how often a command with these words was heard."""
        return sum(said == command and all(word in rest for word in words) for said, rest in self.heard)

    @contextlib.contextmanager
    def running(self) -> Iterator[Server]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
            yield Server("odd", port, 0, Path("none"), lambda name, _: User(name), host="127.0.0.1")

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError, HangUp):
            Session(self, sock).serve()


class Session:
    """One connection."""

    def __init__(self, server: OddServer, sock: socket.socket) -> None:
        self._server = server
        self._sock = sock
        self._file = sock.makefile("rb")
        self._folder: Folder | None = None
        self._selected_at = 1

    def _say(self, *lines: str | bytes) -> None:
        whole = [line if isinstance(line, bytes) else line.encode() for line in lines]
        self._sock.sendall(b"".join(line + b"\r\n" for line in whole))

    def serve(self) -> None:
        self._say(f"* OK [CAPABILITY {self._server.capabilities}] ready")
        command = ""
        while command != "LOGOUT":
            line, literals = self._command()
            tag, _, rest = line.partition(" ")
            command, _, rest = rest.partition(" ")
            if command.upper() == "UID":
                second, _, rest = rest.partition(" ")
                command = f"UID {second}"
            command = command.upper()
            with self._server.lock:
                self._server.heard.append((command, rest))
                answer = self._server.refusal(command, rest) or self._answer(command, rest, literals)
            self._say(f"{tag} {answer}")

    def _command(self) -> tuple[str, list[bytes]]:
        line, literals = b"", list[bytes]()
        while True:
            part = self._file.readline()
            if not part:
                raise HangUp
            found = _LITERAL.search(part)
            if not found:
                return (line + part).decode("utf-8", "replace").rstrip("\r\n"), literals
            line += part[: found.start()]
            if not found[2]:
                self._say("+ go on")
            literals.append(self._file.read(int(found[1])))

    def _answer(self, command: str, rest: str, literals: list[bytes]) -> str:
        acts: dict[str, Callable[..., Any]] = {
            "CAPABILITY": self._capability,
            "NAMESPACE": lambda _: self._say('* NAMESPACE (("" "/")) NIL NIL'),
            "LIST": self._list,
            "CREATE": self._create,
            "DELETE": self._delete,
            "SELECT": self._select,
            "EXAMINE": self._select,
            "STATUS": self._status,
            "UID COPY": self._copy,
            "UID FETCH": self._fetch,
            "UID STORE": self._store,
            "UID EXPUNGE": self._expunge,
            "UID MOVE": self._move,
            "UID SEARCH": lambda _: self._say(" ".join(["* SEARCH", *map(str, sorted(self._open().mail))])),
        }
        if command == "APPEND":
            return self._append(rest, literals)
        return acts.get(command, lambda _: None)(rest) or "OK done"

    def _open(self) -> Folder:
        assert self._folder is not None
        return self._folder

    def _capability(self, _: str) -> None:
        self._say("* CAPABILITY " + self._server.capabilities)

    def _list(self, rest: str) -> None:
        pattern = _STRING.findall(rest)[1]
        names = [""] if not pattern else [n for n in sorted(self._server.folders) if pattern in {"*", n}]
        self._say(*(f'* LIST () "/" "{name}"' for name in names))

    def _create(self, rest: str) -> str:
        (name,) = _STRING.findall(rest)
        if name in self._server.folders:
            return "NO [ALREADYEXISTS] it is there"
        self._server.folders[name] = Folder(1000 + len(self._server.heard))
        return "OK made"

    def _delete(self, rest: str) -> str:
        return "OK gone" if self._server.folders.pop(_STRING.findall(rest)[0], None) else "NO [NONEXISTENT] none"

    def _select(self, rest: str) -> str:
        self._folder = folder = self._server.folders.get(_STRING.findall(rest)[0])
        if folder is None:
            return "NO [NONEXISTENT] none"
        self._selected_at = folder.next
        self._say(
            f"* {len(folder.mail)} EXISTS",
            r"* FLAGS (\Answered \Flagged \Deleted \Seen \Draft)",
            f"* OK [PERMANENTFLAGS {self._server.permanent}] ok",
            f"* OK [UIDVALIDITY {folder.uidvalidity}] ok",
            f"* OK [UIDNEXT {folder.next}] ok",
        )
        return "OK [READ-WRITE] open"

    def _append(self, rest: str, literals: list[bytes]) -> str:
        name, *dates = _STRING.findall(rest)
        folder = self._server.folders.get(name)
        if folder is None:
            return "NO [TRYCREATE] none"
        uids = []
        for raw, flags, date in zip(literals, _FLAGS.findall(rest), dates, strict=True):
            if refusal := self._server.refused(raw):
                return refusal
            kept = self._server.kept(frozenset(flags.split()))
            folder.mail[folder.next] = (self._server.stored(raw), kept, self._server.kept_date(date))
            uids.append(folder.next)
            folder.next += 1
        return self._server.appended(folder, uids)

    def _status(self, rest: str) -> str:
        (name,) = _STRING.findall(rest)
        folder = self._server.folders.get(name)
        if folder is None:
            return "NO [NONEXISTENT] none"
        self._say(f'* STATUS "{name}" (UIDNEXT {folder.next})')
        return "OK done"

    def _copy(self, rest: str) -> str:
        target = self._server.folders.get(_STRING.findall(rest)[0])
        if target is None:
            return "NO [TRYCREATE] none"
        pairs = []
        for _, uid in list(self._wanted(rest)):
            target.mail[target.next] = self._open().mail[uid]
            pairs.append((str(uid), str(target.next)))
            target.next += 1
        if "UIDPLUS" not in self._server.capabilities or not pairs:
            return "OK done"
        olds, news = (",".join(column) for column in zip(*pairs, strict=True))
        return f"OK [COPYUID {target.uidvalidity} {olds} {news}] done"

    def _wanted(self, rest: str) -> Iterator[tuple[int, int]]:
        """Give (sequence number, UID) of the messages a set names."""
        hidden = self._server.shown(self._open(), self._selected_at)
        mail = [uid for uid in sorted(self._open().mail) if uid < hidden]
        for part in rest.partition(" ")[0].split(","):
            low, _, high = part.partition(":")
            for seq, uid in enumerate(mail, 1):
                if int(low) <= uid <= (mail[-1] if high == "*" else int(high or low)):
                    yield seq, uid

    def _fetch(self, rest: str) -> None:
        for seq, uid in list(self._wanted(rest)):
            raw, flags, date = self._open().mail[uid]
            if "BODY" in rest:
                body = self._server.body(raw)
                if body is not None:
                    self._say_section(seq, uid, body, fields="HEADER.FIELDS" in rest)
                continue
            size, words = self._server.size(raw), " ".join(sorted(flags))
            self._say(f'* {seq} FETCH (UID {uid} RFC822.SIZE {size} FLAGS ({words}) INTERNALDATE "{date}")')

    def _say_section(self, seq: int, uid: int, body: bytes, *, fields: bool) -> None:
        name, octets = (b"HEADER.FIELDS (X)", _fields_of(body)) if fields else (b"", body)
        self._say(b"* %d FETCH (UID %d BODY[%b] {%d}\r\n%b)" % (seq, uid, name, len(octets), octets))

    def _store(self, rest: str) -> None:
        flags = self._server.set_later(frozenset(_FLAGS.findall(rest)[0].split()))
        for _, uid in list(self._wanted(rest)):
            raw, before, date = self._open().mail[uid]
            self._open().mail[uid] = (raw, before - flags if " -FLAGS" in rest else before | flags, date)

    def _expunge(self, rest: str) -> None:
        for _, uid in list(self._wanted(rest)):
            if "\\Deleted" in self._open().mail[uid][1]:
                del self._open().mail[uid]

    def _move(self, rest: str) -> str:
        target = self._server.folders.get(_STRING.findall(rest)[0])
        if target is None:
            return "NO [TRYCREATE] none"
        for _, uid in list(self._wanted(rest)):
            target.mail[target.next] = self._open().mail.pop(uid)
            target.next += 1
        return "OK moved"
