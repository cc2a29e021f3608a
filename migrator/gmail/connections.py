"""The connections to Google: of each kind one per thread, and what goes wrong on them as errors of our tree.

One `httplib2.Http` shared by threads hands out other requests' answers, so none is ever shared.
"""

import http.client
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import google_auth_httplib2
import httplib2
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from google.auth.transport.requests import AuthorizedSession
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from httplib2.decode import DecodeLimitError, DecodeRatioError
from requests import RequestException, Response
from requests.exceptions import ChunkedEncodingError, ContentDecodingError

from migrator.errors import AnswerDamaged, GoogleUnavailable
from migrator.gmail.answers import from_answer, from_refused_refresh

T = TypeVar("T")

# Their debug messages hold tokens and URLs, their warnings quote Google.
for _name in ("google", "google_auth_httplib2", "googleapiclient"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

_MESSAGE_FIELDS = "id,labelIds,internalDate,raw"
_ANY_ID = "0123456789abcdef"

_CUT_SHORT = (http.client.IncompleteRead, ChunkedEncodingError)
_NOT_GZIP = (httplib2.FailedToDecompressContent, ContentDecodingError, DecodeLimitError, DecodeRatioError)
_BROKEN = (TransportError, httplib2.HttpLib2Error, RequestException, http.client.HTTPException, OSError)


@dataclass(frozen=True, slots=True)
class Calls:
    """Google's methods by resource, as googleapiclient makes them from the description of the API."""

    users: Any
    messages: Any
    labels: Any
    history: Any


@cache
def calls_of(endpoint: str) -> Calls:
    """Return the calls of the API at a base URL; made once, for making them costs as much as many requests."""
    service = build(
        "gmail", "v1", http=httplib2.Http(), static_discovery=True, client_options={"api_endpoint": endpoint}
    )
    users = service.users()
    return Calls(users, users.messages(), users.labels(), users.history())


class Connections:
    """What the threads of one account speak to Google through; `close` ends all of it.

    Args:
        credentials: sent with every request, refreshed by google-auth.
        endpoint: base URL of the API.
        timeout: seconds Google may be silent.
    """

    def __init__(self, credentials: Credentials, endpoint: str, timeout: float) -> None:
        self._credentials = credentials
        self._endpoint = endpoint
        self._timeout = timeout
        self._local = threading.local()
        self._opened: list[Callable[[], None]] = []

    @property
    def calls(self) -> Calls:
        """The calls of the API, which no connection belongs to: `ask` sends what they return."""
        return calls_of(self._endpoint)

    def ask(self, request: Any) -> Any:
        """Send a request of googleapiclient on this thread's connection, and return what it makes of the answer."""
        return request.execute(http=self._http)

    @property
    def _http(self) -> Any:
        if not hasattr(self._local, "http"):
            self._local.http = google_auth_httplib2.AuthorizedHttp(
                self._credentials, http=httplib2.Http(timeout=self._timeout)
            )
            self._opened.append(self._local.http.close)
        return self._local.http

    def raw(self, message_id: str) -> Any:
        """Return this thread's request for a message's bytes, good until it is asked for the next one.

        One request whose id is exchanged: making each anew costs a tenth of a small message. Ids are hex digits, so
        there is nothing to quote. The answer is left as bytes, for `decode.parsed`.
        """
        if not hasattr(self._local, "raw"):
            self._local.raw = self.calls.messages.get(userId="me", id=_ANY_ID, format="raw", fields=_MESSAGE_FIELDS)
            self._local.raw.postproc = _unparsed
            self._local.before, _, self._local.behind = self._local.raw.uri.partition(_ANY_ID)
        self._local.raw.uri = f"{self._local.before}{message_id}{self._local.behind}"
        return self._local.raw

    @contextmanager
    def streamed(self, uri: str) -> Iterator[Response]:
        """GET a URI of the API and give the answer unread; raise what a refusal means."""
        if not hasattr(self._local, "session"):
            self._local.session = AuthorizedSession(self._credentials)
            self._opened.append(self._local.session.close)
        headers = {"Accept-Encoding": "gzip", "User-Agent": "migrator (gzip)"}
        with self._local.session.get(uri, stream=True, timeout=self._timeout, headers=headers) as answer:
            if answer.status_code >= http.client.BAD_REQUEST:
                raise from_answer(answer.status_code, answer.content)
            yield answer

    def close(self) -> None:
        """Close the connections of all threads."""
        while self._opened:
            with suppress(OSError):
                self._opened.pop()()


def _unparsed(_: httplib2.Response, body: bytes) -> bytes:
    return body


def translated(action: Callable[[], T]) -> T:
    """Call `action`; turn what the Google libraries raise into our errors, without their texts."""
    try:
        return action()
    except HttpError as error:
        raise from_answer(error.resp.status, error.content) from None
    except RefreshError as error:
        raise from_refused_refresh(error) from None
    except _CUT_SHORT:
        raise AnswerDamaged("cut-short") from None
    except _NOT_GZIP:
        raise AnswerDamaged("not-gzip") from None
    except _BROKEN as error:
        raise GoogleUnavailable(type(error).__name__) from None
    except GoogleAuthError as error:
        raise GoogleUnavailable(type(error).__name__) from None
    except ValueError:
        raise AnswerDamaged("not-json") from None
