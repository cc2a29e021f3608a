"""The stand-in for Google as a process of its own, for tests: started, asked, told, stopped.

    with Google(seed_dir=folder, layout=layout, quota="new") as google:
        grant = google.grant()                      # token file as JSON, without consent
        google.fault("backendError", method="messages.get", nth=3)
        google.ledger()["calls"]["messages.get"]

The process ends when this one does, however this one ends: it reads our end of a pipe.
"""

import http.client
import json
import subprocess
import sys
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Reply:
    """One HTTP answer, its body as it came over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        return json.loads(self.body)


class Google:
    """A running stand-in. Every further keyword is a setting (`quota`, `scale`, `latency_ms`, ...)."""

    def __init__(
        self,
        *,
        seed_dir: Path | None = None,
        layout: Path | None = None,
        synthetic: int | None = None,
        verbatim: bool = False,
        accounts: Sequence[str] = (),
        **options: object,
    ) -> None:
        given = {"seed_dir": seed_dir, "layout": layout, "synthetic": synthetic, **options}
        command = [sys.executable, "-m", "emulator", "--until-eof", *(["--verbatim"] if verbatim else [])]
        for name, value in given.items():
            command += ["--" + name.replace("_", "-"), str(value)] if value is not None else []
        for account in accounts:
            command += ["--account", account]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the stand-in did not start"
        self.announcement: dict[str, Any] = json.loads(line)
        self.url: str = self.announcement["url"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the process; harmless when it has ended."""
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def request(
        self,
        verb: str,
        path: str,
        body: bytes | Mapping[str, object] | None = None,
        *,
        token: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request to a path of the stand-in; a mapping is sent as a form."""
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if isinstance(body, Mapping):
            body = urlencode(body).encode()
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        try:
            connection.request(verb, path, body, sent)
            answer = connection.getresponse()
            return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def gmail(self, path: str, token: str, **query: object) -> Reply:
        """GET a path below the mailbox, such as "messages"."""
        return self.request("GET", f"/gmail/v1/users/me/{path}?{urlencode(query, doseq=True)}", token=token)

    def control(self, path: str, body: Mapping[str, object] | None = None, *, verb: str = "") -> Any:
        """Call the control plane: GET without a body, POST with one, or `verb`. A refusal fails the test."""
        verb = verb or ("GET" if body is None else "POST")
        reply = self.request(verb, f"/_control/{path}", json.dumps(body or {}).encode())
        assert reply.status == 200, (path, reply.status, reply.body)
        return reply.json()

    def grant(self, **wishes: object) -> dict[str, Any]:
        """Make a grant without consent; wishes are account, scopes, client_id, expires_in."""
        made: dict[str, Any] = self.control("grants", wishes)
        return made

    def token(self, **wishes: object) -> str:
        """Return an access token of a fresh grant."""
        return str(self.grant(**wishes)["access_token"])

    def fault(self, kind: str, **where: object) -> None:
        """Ask for a fault; see emulator/faults.py."""
        self.control("faults", {"kind": kind, **where})

    def ledger(self, *, messages: bool = False) -> dict[str, Any]:
        """Return what was asked of the stand-in; with `messages` also the gets by message id."""
        report: dict[str, Any] = self.control("ledger?messages=1" if messages else "ledger")
        return report

    def add(self, raw: bytes, **shape: object) -> dict[str, Any]:
        """Let a message arrive; shape is account, labelIds, internalDate, id, threadId."""
        made: dict[str, Any] = self.control("messages", {"raw": b64encode(raw).decode(), **shape})
        return made

    def served(self, message: str, account: str = "") -> bytes:
        """Return a message's bytes as Gmail serves them, outside the ledger."""
        reply = self.request("GET", f"/_control/messages/{message}?{urlencode({'account': account})}")
        assert reply.status == 200
        return reply.body
