"""Google as the product reaches it: one function that answers requests, behind `httplib2.Http` and `requests`.

So googleapiclient, google-auth, and the product's own reading of answers run as they are. `moods` see every request
first (`moods.py`).
"""

import base64
import io
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httplib2
import requests
import requests.adapters

from .account import Account, Mail
from .fate import Fate

HOST = "google.sim"
API = f"https://{HOST}"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: Google's name of the method, the message's id if it is about one, and the query."""

    method: str
    id: str = ""
    query: dict[str, list[str]] = field(default_factory=dict)

    def one(self, name: str) -> str:
        return self.query.get(name, [""])[0]


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a body: JSON unless it is bytes already."""

    status: int
    body: Any

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def refusal(status: int, reason: str, message: str = "") -> Answer:
    """Return an error as Gmail writes it."""
    errors = [{"domain": "global", "reason": reason, "message": message or reason}]
    return Answer(status, {"error": {"code": status, "message": message or reason, "errors": errors}})


class Google:
    """The account, and how it answers. `asked` counts requests by method; `revoked` is the grant's end."""

    def __init__(self, account: Account, fate: Fate, *, latency: float, page: int) -> None:
        self.account = account
        self.asked: Counter[str] = Counter()
        self.moods: list[Any] = []
        self.revoked = False
        self._fate = fate
        self._latency = latency
        self._page = page

    def answer(self, verb: str, url: str) -> Answer:
        """Answer one request; a mood may raise OSError instead, as a broken connection does."""
        self._fate.step("google")
        time.sleep(self._latency)
        request = _read(verb, url)
        self.asked[request.method] += 1
        odd = next((a for mood in self.moods if (a := mood.answer(self, request))), None)
        answer: Answer = odd or getattr(self, "_" + request.method.replace(".", "_"))(request)
        self._fate.step("google")
        return answer

    # --- the methods ------------------------------------------------------------------------------------------------

    def _token(self, _: Request) -> Answer:
        if self.revoked:
            return Answer(400, {"error": "invalid_grant"})
        return Answer(200, {"access_token": "a", "expires_in": 3600, "token_type": "Bearer"})

    def _revoke(self, _: Request) -> Answer:
        self.revoked = True
        return Answer(200, {})

    def _profile(self, _: Request) -> Answer:
        total = len(self.account.mails)
        return Answer(
            200, {"emailAddress": "a@gmail.sim", "messagesTotal": total, "historyId": str(self._history_id())}
        )

    def _labels(self, _: Request) -> Answer:
        rows = [{"id": i, "name": i, "type": "system"} for i in ("INBOX", "SENT", "DRAFT", "SPAM", "TRASH", "UNREAD")]
        rows += [{"id": i, "name": name, "type": "user"} for i, name in self.account.labels.items()]
        return Answer(200, {"labels": rows})

    def _list(self, request: Request) -> Answer:
        wanted = set(request.query.get("labelIds", ()))
        hidden = set() if request.one("includeSpamTrash") == "true" else {"SPAM", "TRASH"}
        large = request.one("q").startswith("larger")
        found = [
            mail
            for mail in self.account.mails.values()
            if wanted <= mail.labels and not (hidden - wanted) & mail.labels and (mail.large or not large)
        ]
        answer: dict[str, Any] = {"resultSizeEstimate": 7}
        rows, more = self._page_of(found, request.one("pageToken"))
        if rows:
            answer["messages"] = [{"id": mail.hex} for mail in rows]
        if more:
            answer["nextPageToken"] = rows[-1].hex
        return Answer(200, answer)

    def _page_of(self, found: list[Mail], token: str) -> tuple[list[Mail], bool]:
        """Return a page, newest first, and whether more follow; a token names the last message that was shown."""
        below = sorted((mail for mail in found if not token or mail.id < int(token, 16)), key=lambda mail: -mail.id)
        return below[: self._page], len(below) > self._page

    def _history(self, request: Request) -> Answer:
        since = int(request.one("startHistoryId"))
        types = {_TYPES[name] for name in request.query.get("historyTypes", _TYPES)}
        rows = []
        for number, change in enumerate(self.account.history, 1):
            if number <= since - _FIRST_HISTORY or change.kind not in types:
                continue
            row: dict[str, Any] = {"message": {"id": f"{change.id:x}", "threadId": f"{change.id:x}"}}
            if mail := self.account.mails.get(change.id):
                row["message"]["labelIds"] = sorted(mail.labels)
            if change.labels:
                row["labelIds"] = list(change.labels)
            rows.append({"id": str(_FIRST_HISTORY + number), change.kind: [row]})
        return Answer(200, {"historyId": str(self._history_id()), **({"history": rows} if rows else {})})

    def _get(self, request: Request) -> Answer:
        mail = next((m for m in self.account.mails.values() if m.hex == request.id), None)
        if mail is None:
            return refusal(404, "notFound", "Requested entity was not found.")
        raw = base64.urlsafe_b64encode(mail.raw).decode()
        answer = {"id": mail.hex, "threadId": mail.hex, "labelIds": sorted(mail.labels), "internalDate": str(mail.date)}
        return Answer(200, {**answer, "historyId": str(self._history_id()), "raw": raw})

    def _unknown(self, _: Request) -> Answer:
        return refusal(404, "notFound")

    def _history_id(self) -> int:
        return _FIRST_HISTORY + len(self.account.history)

    # --- the door ---------------------------------------------------------------------------------------------------

    @contextmanager
    def reached(self) -> Iterator[None]:
        """Have both HTTP libraries reach this Google inside the block."""
        google, http, send = self, httplib2.Http, requests.adapters.HTTPAdapter.send

        class Http:
            def __init__(self, **_: object) -> None:
                self.credentials = self.certificates = None

            def request(self, uri: str, method: str = "GET", **_: object) -> Any:
                answer = google.answer(method, uri)
                return httplib2.Response({"status": str(answer.status)}), answer.content

            def close(self) -> None: ...

        def sent(_: object, request: requests.PreparedRequest, **__: object) -> requests.Response:
            try:
                answer = google.answer(str(request.method), str(request.url))
            except OSError as error:
                raise requests.ConnectionError from error
            response = requests.Response()
            response.status_code, response.raw, response.request = answer.status, io.BytesIO(answer.content), request
            response.url = str(request.url)
            return response

        httplib2.Http, requests.adapters.HTTPAdapter.send = Http, sent
        try:
            yield
        finally:
            httplib2.Http, requests.adapters.HTTPAdapter.send = http, send


_FIRST_HISTORY = 1000
_TYPES = {
    "messageAdded": "messagesAdded",
    "messageDeleted": "messagesDeleted",
    "labelAdded": "labelsAdded",
    "labelRemoved": "labelsRemoved",
}
_METHODS = {"profile": "profile", "labels": "labels", "messages": "list", "history": "history"}


def _read(verb: str, url: str) -> Request:
    place = urlsplit(url)
    _, _, rest = place.path.partition("/users/me/")
    if verb == "POST":
        return Request({"/token": "token", "/revoke": "revoke"}.get(place.path, "unknown"))
    if rest.startswith("messages/"):
        return Request("get", rest.removeprefix("messages/"), parse_qs(place.query))
    return Request(_METHODS.get(rest, "unknown"), "", parse_qs(place.query))
