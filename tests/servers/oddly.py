"""A small IMAP server in memory, one mailbox, for what no real server here does: subclass it and override.

It speaks what the door and the tests' observer need (RFC 9051), with single APPENDs. Mail is (octets, flags, date).
"""

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from emulator.servers.instance import Server, User

_LITERAL = re.compile(rb"\{(\d+)(\+?)\}\r\n\Z")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_FLAGS = re.compile(r"\(([^)]*)\)")


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
            "UID FETCH": self._fetch,
            "UID STORE": self._store,
            "UID EXPUNGE": self._expunge,
            "UID MOVE": self._move,
            "UID SEARCH": lambda _: self._say(" ".join(["* SEARCH", *map(str, sorted(self._open().mail))])),
        }
        if command == "APPEND":
            return self._append(rest, literals[0])
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
        self._say(
            f"* {len(folder.mail)} EXISTS",
            r"* FLAGS (\Answered \Flagged \Deleted \Seen \Draft)",
            f"* OK [PERMANENTFLAGS {self._server.permanent}] ok",
            f"* OK [UIDVALIDITY {folder.uidvalidity}] ok",
            f"* OK [UIDNEXT {folder.next}] ok",
        )
        return "OK [READ-WRITE] open"

    def _append(self, rest: str, raw: bytes) -> str:
        name, date = _STRING.findall(rest)[0], _STRING.findall(rest)[-1]
        folder = self._server.folders.get(name)
        if folder is None:
            return "NO [TRYCREATE] none"
        given = frozenset(_FLAGS.findall(rest)[0].split())
        uid, folder.next = folder.next, folder.next + 1
        folder.mail[uid] = (self._server.stored(raw), self._server.kept(given), self._server.kept_date(date))
        named = "UIDPLUS" in self._server.capabilities
        return f"OK [APPENDUID {folder.uidvalidity} {uid}] done" if named else "OK done"

    def _wanted(self, rest: str) -> Iterator[tuple[int, int]]:
        """Give (sequence number, UID) of the messages a set names."""
        mail = sorted(self._open().mail)
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
                    self._say(b"* %d FETCH (UID %d BODY[] {%d}\r\n%b)" % (seq, uid, len(body), body))
                continue
            size, words = self._server.size(raw), " ".join(sorted(flags))
            self._say(f'* {seq} FETCH (UID {uid} RFC822.SIZE {size} FLAGS ({words}) INTERNALDATE "{date}")')

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
