"""The stand-in for Google as a process, and what a benchmark asks of its control plane."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Google:
    """A running stand-in; `url` serves Gmail and OAuth."""

    url: str

    def control(self, path: str, body: dict[str, object] | None = None) -> Any:
        """Call the control plane: GET without a body, POST with one."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_control/{path}", data)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def grant(self) -> dict[str, Any]:
        """Make a grant: `access_token` and `refresh_token`, for the account with the messages."""
        made: dict[str, Any] = self.control("grants", {"expires_in": 86_400})
        return made

    def grant_of(self, address: str) -> str:
        """Make a grant for an account of this address; return its refresh token."""
        made: dict[str, str] = self.control("grants", {"account": address, "expires_in": 86_400})
        return made["refresh_token"]

    def add_account(self, address: str, messages: int, body_bytes: int) -> None:
        """Make an account with invented messages."""
        self.control("accounts", {"address": address, "synthetic": messages, "body_bytes": body_bytes})

    def ledger(self) -> dict[str, Any]:
        """Return what was asked of it: `calls`, `statuses`, `units`, `messages_fetched`, ..."""
        report: dict[str, Any] = self.control("ledger")
        return report

    def late(self, milliseconds: float) -> None:
        """Delay every Gmail answer by this much from now on."""
        self.control("settings", {"latency_ms": float(milliseconds)})


@contextmanager
def google(*options: str) -> Iterator[Google]:
    """Run a stand-in with these command-line options (`python -m emulator --help`) until the block ends."""
    command = [sys.executable, "-m", "emulator", "--until-eof", *options]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the stand-in for Google did not start")
            yield Google(json.loads(line)["url"])
        finally:
            process.stdin.close()
