"""One IMAP connection: bytes in, bytes out, at once; and the socket-like object the product speaks through."""

import re

from .fate import Fate, Place
from .server import CUSTOMER, PASSWORD, Folder, Refusal, Server, Stored

_LITERAL = re.compile(rb"\{(\d+)(\+?)\}\r\n\Z")
_FLAGS = re.compile(r"\(([^)]*)\)")
_DATE = re.compile(r'"(\d\d-\w{3}-\d{4} [^"]*)"')
_NAME = re.compile(r'^("(?:[^"\\]|\\.)*"|\S+) ')
_HOLE = "\0"
_LAST = 2**32 - 1


def names(text: str) -> list[str]:
    """Return the strings and atoms of a command's arguments."""
    found = re.findall(r'"((?:[^"\\]|\\.)*)"|([^\s"()]+)', text)
    return [re.sub(r"\\(.)", r"\1", quoted) if quoted or not atom else atom for quoted, atom in found]


def quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def uids_of(text: str, there: list[int]) -> list[int]:
    """Return those of `there` that a sequence-set names (`*` is the last one, RFC 9051 §9)."""
    last = there[-1] if there else 0
    spans = []
    for part in text.split(","):
        low, _, high = part.partition(":")
        ends = sorted(last if end == "*" else int(end) for end in (low, high or low))
        spans.append((ends[0], ends[1]))
    return [uid for uid in there if any(low <= uid <= high for low, high in spans)]


class Session:
    """The server's side of one connection."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._in = bytearray()
        self._text = b""
        self._literals: list[bytes] = []
        self._missing: int | None = None
        self._folder: Folder | None = None
        self._at_select = 0
        self.out = bytearray()
        self.closed = False
        refusal = server.first("login")
        if isinstance(refusal, Refusal) and refusal.drop:
            self.closed = True
        else:
            self._say(f"* OK [CAPABILITY {self._caps()}] ready")

    def feed(self, data: bytes) -> None:
        """Take bytes and carry out every command that is whole."""
        self._in += data
        while not self.closed and self._piece():
            pass

    def _piece(self) -> bool:
        if self._missing is not None:
            if len(self._in) < self._missing:
                return False
            self._literals.append(bytes(self._in[: self._missing]))
            del self._in[: self._missing]
            self._missing = None
            return True
        end = self._in.find(b"\r\n") + 2
        if end < 2:
            return False
        line = bytes(self._in[:end])
        del self._in[:end]
        literal = _LITERAL.search(line)
        if literal is None:
            text, literals = self._text + line[:-2], self._literals
            self._text, self._literals = b"", []
            self._carry_out(text.decode("utf-8", "replace"), literals)
            return True
        self._text += line[: literal.start()] + _HOLE.encode()
        self._missing = int(literal[1])
        if not literal[2]:
            self.out += b"+ go on\r\n"
        return True

    def _carry_out(self, text: str, literals: list[bytes]) -> None:
        tag, _, rest = text.partition(" ")
        verb, _, args = rest.partition(" ")
        if verb.upper() == "UID":
            deed, _, args = args.partition(" ")
            verb = f"UID {deed}"
        verb = verb.upper()
        self._server.commands[verb] += 1
        self._server.clock.forward(self._server.latency)
        answer = self._server.first("command", verb, args)
        if answer is None:
            answer = getattr(self, "_do_" + verb.replace(" ", "_"), self._unknown)(args, literals)
        if isinstance(answer, Refusal):
            if answer.drop:
                self.closed = True
                return
            answer = answer.text
        self._say(f"{tag} {answer}")
        self.closed = self.closed or verb == "LOGOUT"

    def _say(self, line: str) -> None:
        self.out += line.encode() + b"\r\n"

    def _caps(self) -> str:
        return " ".join(sorted(self._server.caps))

    # --- commands -----------------------------------------------------------------------------------------------------

    def _unknown(self, *_: object) -> str:
        return "BAD unknown command"

    def _done(self, *_: object) -> str:
        return "OK done"

    _do_NOOP = _do_SUBSCRIBE = _do_UNSUBSCRIBE = _do_LOGOUT = _done

    def _do_CAPABILITY(self, *_: object) -> str:
        self._say("* CAPABILITY " + self._caps())
        return "OK done"

    def _do_LOGIN(self, args: str, _: object) -> str | Refusal:
        self._server.logins += 1
        refusal = self._server.first("login")
        if isinstance(refusal, Refusal):
            return refusal
        right = names(args) == [CUSTOMER, PASSWORD]
        return f"OK [CAPABILITY {self._caps()}] in" if right else "NO [AUTHENTICATIONFAILED] no"

    def _do_NAMESPACE(self, *_: object) -> str:
        server = self._server
        self._say("* NAMESPACE " + (server.said or f'(("{server.prefix}" "{server.delimiter}")) NIL NIL'))
        return "OK done"

    def _do_LIST(self, args: str, _: object) -> str:
        reference_and_pattern = names(args)
        pattern = reference_and_pattern[1] if len(reference_and_pattern) > 1 else ""
        delimiter = self._server.delimiter
        if not pattern:
            self._say(f'* LIST (\\Noselect) "{delimiter}" ""')
        for name, folder in sorted(self._server.folders.items()):
            if pattern in {"*", name}:
                own = " ".join(filter(None, (folder.use, "" if folder.selectable else "\\Noselect")))
                attributes = self._server.through("listed", own, folder)
                self._say(f'* LIST ({attributes}) "{delimiter}" {quoted(name)}')
        return "OK done"

    def _do_CREATE(self, args: str, _: object) -> str | Refusal:
        server, name = self._server, names(args)[0]
        if name in server.folders:
            return "NO [ALREADYEXISTS] it exists"
        refusal = server.first("create", name)
        if isinstance(refusal, Refusal):
            server.refuse(refusal, name)
            return refusal
        server.make(name)
        return "OK made"

    def _do_DELETE(self, args: str, _: object) -> str:
        gone = self._server.folders.pop(names(args)[0], None)
        return "OK done" if gone else "NO [NONEXISTENT] no such folder"

    def _do_SELECT(self, args: str, _: object) -> str | Refusal:
        server = self._server
        folder = server.folders.get(names(args)[0])
        self._folder = None
        if folder is None or not folder.selectable:
            return "NO [NONEXISTENT] no such folder"
        refusal = server.first("select", folder)
        if isinstance(refusal, Refusal):
            server.refuse(refusal, folder.name)
            return refusal
        self._folder, self._at_select = folder, folder.next
        lines = [
            f"* {len(folder.mail)} EXISTS",
            "* 0 RECENT",
            r"* FLAGS (\Answered \Flagged \Deleted \Seen \Draft)",
            r"* OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft \*)] limited",
            f"* OK [UIDVALIDITY {folder.uidvalidity}] valid",
            f"* OK [UIDNEXT {folder.next}] next",
        ]
        for line in server.through("opened", lines, folder):  # type: ignore[attr-defined]
            self._say(line)
        return "OK [READ-ONLY] open" if folder.read_only else "OK [READ-WRITE] open"

    _do_EXAMINE = _do_SELECT

    def _do_STATUS(self, args: str, _: object) -> str:
        folder = self._server.folders.get(names(args)[0])
        if folder is None:
            return "NO [NONEXISTENT] no such folder"
        said = f"UIDNEXT {folder.next} UIDVALIDITY {folder.uidvalidity} MESSAGES {len(folder.mail)}"
        self._say(f"* STATUS {quoted(folder.name)} ({said})")
        return "OK done"

    def _do_APPEND(self, args: str, literals: list[bytes]) -> str | Refusal:
        folder = self._server.folders.get(names(args)[0])
        if folder is None:
            return "NO [TRYCREATE] no such folder"
        messages = []
        for head, raw in zip(_NAME.sub("", args).split(_HOLE), literals, strict=False):
            flags, date = _FLAGS.search(head), _DATE.search(head)
            messages.append(Stored(raw, frozenset(flags[1].split()) if flags else frozenset(), date[1] if date else ""))
        return self._append(folder, messages)

    def _append(self, folder: Folder, messages: list[Stored]) -> str | Refusal:
        """Store all or, at the first refusal, none (RFC 3502 §6.3.11), unless a personality keeps those before."""
        server, uids = self._server, []
        partly = bool(server.first("keeps_part"))
        refusals = []
        for message in messages:
            refusal = server.first("append", folder, message)
            if isinstance(refusal, Refusal):
                server.refuse(refusal, folder.name, message.token)
                refusals.append(refusal)
                break
            if partly:
                uids.append(self._store(folder, message))
        if not refusals and not partly:
            uids = [self._store(folder, message) for message in messages]
        for uid in uids:
            for personality in server.personalities:
                personality.appended(server, folder, uid)
        if refusals:
            return refusals[0]
        if "UIDPLUS" not in server.caps:
            return "OK done"
        return f"OK [APPENDUID {folder.uidvalidity} {','.join(map(str, uids))}] done"

    def _store(self, folder: Folder, message: Stored) -> int:
        kept = self._server.through("stored", message)
        return folder.put(kept)  # type: ignore[arg-type]

    def _do_UID_FETCH(self, args: str, _: object) -> str | Refusal:
        which, _, what = args.partition(" ")
        folder = self._folder
        if folder is None:
            return "BAD select first"
        there = self._seen(folder)
        sequence = {uid: number for number, uid in enumerate(there, 1)}
        for uid in uids_of(which, there):
            message = folder.mail[uid]
            if "BODY" in what.upper():
                refusal = self._server.first("fetched", folder, message)
                if isinstance(refusal, Refusal):
                    return refusal
            self.out += b"* %d FETCH (UID %d%b)\r\n" % (sequence[uid], uid, self._items(message, what.upper()))
        return "OK done"

    def _seen(self, folder: Folder) -> list[int]:
        there = self._server.through("visible", sorted(folder.mail), folder, self._at_select)
        return [uid for uid in there if uid in folder.mail]  # type: ignore[attr-defined]

    def _items(self, message: Stored, what: str) -> bytes:
        out = b""
        if "RFC822.SIZE" in what:
            out += b" RFC822.SIZE %d" % self._server.through("size", len(message.raw), message)
        if "FLAGS" in what:
            out += b" FLAGS (%b)" % " ".join(sorted(message.flags)).encode()
        if "INTERNALDATE" in what:
            out += b' INTERNALDATE "%b"' % message.date.encode()
        if "BODY" in what:
            raw = message.raw
            name = re.search(r"BODY\.?P?E?E?K?(\[[^\]]*\])", what)
            if name and "HEADER" in name[1]:
                raw = raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
            out += b" BODY%b {%d}\r\n%b" % ((name[1] if name else "[]").encode(), len(raw), raw)
        return out

    def _do_UID_STORE(self, args: str, _: object) -> str:
        folder = self._folder
        which, _, how = args.partition(" ")
        found = _FLAGS.search(how)
        flags = frozenset(found[1].split()) if found else frozenset()
        if folder is None:
            return "BAD select first"
        for uid in uids_of(which, sorted(folder.mail)):
            old = folder.mail[uid]
            new = old.flags | flags if how.startswith("+") else old.flags - flags if how.startswith("-") else flags
            kept = self._server.through("stored", Stored(old.raw, frozenset(new), old.date))
            folder.mail[uid] = Stored(old.raw, kept.flags, old.date)  # type: ignore[attr-defined]
        return "OK done"

    def _do_UID_SEARCH(self, args: str, _: object) -> str:
        folder = self._folder
        if folder is None:
            return "BAD select first"
        self._say("* SEARCH " + " ".join(map(str, self._seen(folder))))
        return "OK done"

    def _do_UID_EXPUNGE(self, args: str, _: object) -> str:
        folder = self._folder
        if folder is None:
            return "BAD select first"
        for uid in uids_of(args, sorted(folder.mail)):
            if "\\Deleted" in folder.mail[uid].flags:
                del folder.mail[uid]
        return "OK done"

    def _do_UID_COPY(self, args: str, _: object) -> str | Refusal:
        which, _, to = args.partition(" ")
        source, target = self._folder, self._server.folders.get(names(to)[0])
        if source is None:
            return "BAD select first"
        if target is None:
            return "NO [TRYCREATE] no such folder"
        olds = uids_of(which, self._seen(source))
        for uid in olds:
            refusal = self._server.first("append", target, source.mail[uid])
            if isinstance(refusal, Refusal):
                self._server.refuse(refusal, target.name, source.mail[uid].token)
                return refusal
        news = [target.put(source.mail[uid]) for uid in olds]
        if "UIDPLUS" not in self._server.caps or not olds:
            return "OK done"
        return f"OK [COPYUID {target.uidvalidity} {','.join(map(str, olds))} {','.join(map(str, news))}] done"


class Line:
    """The product's end of a connection: what `migrator.mailbox.wire` needs of a socket, and nothing else."""

    def __init__(self, server: Server, fate: Fate) -> None:
        self._session = Session(server)
        self._fate = fate
        self._server = server
        self._broken = False
        self._timeout = 60.0
        self._place: Place = "imap"

    def setsockopt(self, *_: object) -> None: ...

    def getpeername(self) -> tuple[str, int]:
        return "192.0.2.1", 143

    def settimeout(self, seconds: float) -> None:
        self._timeout = seconds

    def close(self) -> None:
        self._broken = True

    def sendall(self, data: bytes | memoryview) -> None:
        """Say something; a cut or a kill lets the server have some of it, as a network does."""
        self._alive()
        some = bytes(data)
        self._place = "append" if b" APPEND " in some else "imap"
        try:
            blow = self._fate.step(self._place)
        except BaseException:
            self._session.feed(some[: self._fate.rng.randint(0, len(some))])
            self._broken = True
            raise
        if blow == "cut":
            self._session.feed(some[: self._fate.rng.randint(0, len(some))])
            self._broken = True
            raise ConnectionResetError
        self._session.feed(some)
        if blow == "stall":
            self._stall()

    def recv_into(self, buffer: memoryview) -> int:
        """Hear something; nothing to hear is a server that is silent until the time-out."""
        self._alive()
        blow = self._fate.step(self._place)
        if blow in {"cut", "reset"}:
            self._broken = True
            if blow == "reset":
                raise ConnectionResetError
            return 0
        if blow == "stall":
            self._stall()
        if not self._session.out:
            if self._session.closed:
                return 0
            self._stall()
        count = min(len(buffer), len(self._session.out))
        buffer[:count] = self._session.out[:count]
        del self._session.out[:count]
        return count

    def _alive(self) -> None:
        if self._fate.dead:
            self._fate.step("imap")
        if self._broken:
            raise BrokenPipeError

    def _stall(self) -> None:
        self._server.clock.forward(self._timeout)
        self._broken = True
        raise TimeoutError
