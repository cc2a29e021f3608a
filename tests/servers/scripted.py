"""A small IMAP server in memory, to be made odd: it answers as RFC 3501 says, but for what a test lets it refuse.

`refuse` is asked before each APPEND, CREATE, SELECT and COPY, with the command, the folder's name and the message (or
b""); it returns the status and text to answer with, None for the usual answer, or raises `Hangup`.
"""

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from emulator.servers.instance import Server, User

_LITERAL = re.compile(rb"\{(\d+)(\+?)\}\r\n\Z")
_NAME = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s"()]+)')


class Hangup(Exception):
    """The server closes the connection instead of answering."""


Refuse = Callable[[str, str, bytes], str | None]


@dataclass
class Folder:
    """One folder: its UIDVALIDITY, and (message, flags) by UID."""

    validity: int
    mail: dict[int, tuple[bytes, str]] = field(default_factory=dict)

    @property
    def next(self) -> int:
        return max(self.mail, default=0) + 1


class Scripted:
    """The server; every command it was given is in `heard`, without the mail."""

    def __init__(self, capabilities: str = "IMAP4rev1 UIDPLUS LITERAL+ MULTIAPPEND") -> None:
        self.capabilities = capabilities
        self.folders = {"INBOX": Folder(1)}
        self.refuse: Refuse = lambda *_: None
        self.quota: tuple[int, int] | None = None
        self.heard: list[str] = []
        self._lock = threading.RLock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def server(self) -> Server:
        port = self._listener.getsockname()[1]
        return Server("scripted", port, 0, Path(), lambda name, _: User(name), host="127.0.0.1")

    def close(self) -> None:
        self._listener.close()

    def lying(self, folder: str = "INBOX") -> list[bytes]:
        return [mail for mail, _ in self.folders[folder].mail.values()] if folder in self.folders else []

    def count(self, command: str) -> int:
        return sum(line.startswith(command) for line in self.heard)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError, Hangup), line:
            _Session(self, line, self._lock).run()


class _Session:
    def __init__(self, server: Scripted, line: socket.socket, lock: threading.RLock) -> None:
        self._server, self._line, self._lock = server, line, lock
        self._file = line.makefile("rb")
        self._selected = "INBOX"

    def run(self) -> None:
        self._say("* OK ready")
        while True:
            text, literals = self._command()
            tag, verb, args = (*text.split(" ", 2), "")[:3]
            if verb.upper() == "UID":
                verb, _, args = args.partition(" ")
            verb = verb.upper()
            with self._lock:
                self._server.heard.append(f"{verb} {args}")
                answer = getattr(self, f"_{verb.lower()}", self._ok)(args, literals)
            self._say(f"{tag} {answer}")

    def _command(self) -> tuple[str, list[bytes]]:
        text, literals = b"", list[bytes]()
        while True:
            part = self._file.readline()
            if not part:
                raise EOFError
            found = _LITERAL.search(part)
            if not found:
                return (text + part).decode().rstrip("\r\n"), literals
            text += part[: found.start()] + b"{}"
            if not found[2]:
                self._say("+ go on")
            literals.append(self._file.read(int(found[1])))

    def _say(self, text: str | bytes) -> None:
        self._line.sendall((text.encode() if isinstance(text, str) else text) + b"\r\n")

    def _ok(self, _args: str, _literals: list[bytes]) -> str:
        return "OK done"

    def _capability(self, _args: str, _literals: list[bytes]) -> str:
        self._say("* CAPABILITY " + self._server.capabilities)
        return "OK done"

    def _list(self, args: str, _literals: list[bytes]) -> str:
        pattern = _names(args)[-1]
        for name in sorted(self._server.folders):
            if pattern in {"*", name}:
                self._say(f'* LIST () "/" "{name}"')
        return "OK done"

    def _create(self, args: str, _literals: list[bytes]) -> str:
        name = _names(args)[0]
        if refusal := self._server.refuse("CREATE", name, b""):
            return refusal
        self._server.folders[name] = Folder(len(self._server.folders) + 1)
        return "OK done"

    def _select(self, args: str, _literals: list[bytes]) -> str:
        name = _names(args)[0]
        if refusal := self._server.refuse("SELECT", name, b""):
            return refusal
        if name not in self._server.folders:
            return "NO [NONEXISTENT] none"
        folder, self._selected = self._server.folders[name], name
        self._say(f"* {len(folder.mail)} EXISTS\r\n* FLAGS ()\r\n* OK [PERMANENTFLAGS (\\*)] ok")
        self._say(f"* OK [UIDVALIDITY {folder.validity}] ok\r\n* OK [UIDNEXT {folder.next}] ok")
        return "OK [READ-WRITE] done"

    def _append(self, args: str, literals: list[bytes]) -> str:
        name, flags = _names(args)[0], re.findall(r"\(([^)]*)\)", re.sub(r'"[^"]*"', "", args))
        refusals = [
            self._server.refuse("APPEND", name, b"%b|%b" % (f.encode(), m))
            for f, m in zip(flags, literals, strict=True)
        ]
        if any(refusals):  # all or nothing (RFC 3502 §6.3.11)
            return next(refusal for refusal in refusals if refusal)
        folder = self._server.folders.get(name)
        if folder is None:
            return "NO [TRYCREATE] none"
        return f"OK [APPENDUID {folder.validity} {_put(folder, zip(literals, flags, strict=True))}] done"

    def _copy(self, args: str, _literals: list[bytes]) -> str:
        uids, _, to = args.partition(" ")
        source, target = self._server.folders[self._selected], self._server.folders[_names(to)[0]]
        olds = [uid for uid in source.mail if uid in _expanded(uids)]
        refusals = [self._server.refuse("COPY", _names(to)[0], source.mail[uid][0]) for uid in olds]
        if any(refusals):
            return next(refusal for refusal in refusals if refusal)
        news = _put(target, (source.mail[uid] for uid in olds))
        return f"OK [COPYUID {target.validity} {','.join(map(str, olds))} {news}] done"

    def _fetch(self, args: str, _literals: list[bytes]) -> str:
        uids, _, what = args.partition(" ")
        mail = self._server.folders[self._selected].mail
        for place, (uid, (raw, flags)) in enumerate(mail.items(), 1):
            if uid in _expanded(uids) and "BODY" in what:
                self._say(b"* %d FETCH (UID %d BODY[] {%d}\r\n%b)" % (place, uid, len(raw), raw))
            elif uid in _expanded(uids):
                self._say(f"* {place} FETCH (UID {uid} RFC822.SIZE {len(raw)} FLAGS ({flags}))")
        return "OK done"

    def _getquotaroot(self, _args: str, _literals: list[bytes]) -> str:
        if self._server.quota:
            used, limit = self._server.quota
            self._say(f'* QUOTA "" (STORAGE {used} {limit})')
        return "OK done"


def _put(folder: Folder, mail: Iterator[tuple[bytes, str]]) -> str:
    uids = []
    for entry in mail:
        uids.append(folder.next)
        folder.mail[folder.next] = entry
    return ",".join(map(str, uids))


def _names(text: str) -> list[str]:
    return [re.sub(r"\\(.)", r"\1", quoted) if quoted or not atom else atom for quoted, atom in _NAME.findall(text)]


def _expanded(uids: str) -> set[int]:
    found: set[int] = set()
    for part in uids.split(","):
        low, _, high = part.partition(":")
        found |= set(range(int(low), min(int(high or low), 10_000) + 1))
    return found


@contextlib.contextmanager
def scripted(capabilities: str = "IMAP4rev1 UIDPLUS LITERAL+ MULTIAPPEND") -> Iterator[Scripted]:
    """Give a scripted server."""
    server = Scripted(capabilities)
    try:
        yield server
    finally:
        server.close()
