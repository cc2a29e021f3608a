"""What goes wrong, as RFC 9457 has it: `application/problem+json` with a code that stays what it is.

No answer repeats what was sent, and none tells an id that is somebody else's from one that does not exist.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from jobs.audit import AuditBroken, AuditBusy
from jobs.errors import IllegalTransition, UnknownMigration
from web.busy import answer_busy

MEDIA_TYPE = "application/problem+json"

CODES: Mapping[str, tuple[HTTPStatus, str]] = {
    "not-understood": (HTTPStatus.BAD_REQUEST, "The request is not valid HTTP for this address."),
    "token-missing": (HTTPStatus.UNAUTHORIZED, "A known service token is needed: Authorization: Bearer."),
    "scope-missing": (HTTPStatus.FORBIDDEN, "The service token may not do this."),
    "not-found": (HTTPStatus.NOT_FOUND, "There is no such thing, or it is another customer's."),
    "method-not-allowed": (HTTPStatus.METHOD_NOT_ALLOWED, "This address has no such method."),
    "not-possible-now": (HTTPStatus.CONFLICT, "The migration's state does not allow this."),
    "customer-needed": (HTTPStatus.CONFLICT, "Only the customer can go on, on the pages."),
    "same-request-under-way": (HTTPStatus.CONFLICT, "A request with this idempotency key is being carried out."),
    "not-valid": (HTTPStatus.UNPROCESSABLE_ENTITY, "Something in the request is missing or not valid."),
    "key-used-otherwise": (HTTPStatus.UNPROCESSABLE_ENTITY, "This idempotency key was used for another request."),
    "too-often": (HTTPStatus.TOO_MANY_REQUESTS, "Too many requests. Try again after the seconds in Retry-After."),
    "password-needed": (HTTPStatus.UNPROCESSABLE_ENTITY, "The service has no master user: the password is needed."),
    "store-away": (HTTPStatus.SERVICE_UNAVAILABLE, "The store does not answer. Try again."),
    "audit-away": (HTTPStatus.SERVICE_UNAVAILABLE, "The audit log takes no entry, and nothing is done unlogged."),
}
"""Code -> status and title. Codes are part of the interface: add new ones, change none."""

ALWAYS = ("not-understood", "token-missing", "scope-missing", "not-valid", "too-often", "store-away")
"""What any request may be answered with."""


class Fault(BaseModel):
    """One thing that is not valid: where (JSON Pointer, RFC 6901, into `body`, `query` or `header`) and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pointer: str
    code: str = Field(description="A word for the rule that was broken, such as `string_too_long`.")


class Problem(BaseModel):
    """RFC 9457 §3.1, with a stable `code`, and `faults` where the request was not valid."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str = Field(description="A URN that ends in the code.")
    title: str
    status: int
    code: str
    faults: list[Fault] = []


class Refused(Exception):
    """The request is refused; `code` is one of `CODES`."""

    def __init__(self, code: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.headers = headers


def answers(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of refusals with these codes, by status."""
    said: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        status, title = CODES[code]
        row = said.setdefault(int(status), {"description": "", "content": {MEDIA_TYPE: {"schema": _SCHEMA}}})
        row["description"] += f"{' ' if row['description'] else ''}`{code}`: {title}"
    return said


BEFORE: Mapping[int | str, dict[str, Any]] = {
    int(status): {"description": text, "content": {"text/plain": {"schema": {"type": "string"}}}}
    for status, text in (
        (HTTPStatus.LENGTH_REQUIRED, "A body comes with its Content-Length."),
        (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "A body has 64 KiB at most."),
        (HTTPStatus.MISDIRECTED_REQUEST, "The service has another host name."),
    )
}
"""What the guard of the whole site answers before the API has a word (`web.security`)."""

_SCHEMA = {"$ref": "#/components/schemas/Problem"}


def problem(code: str, faults: list[Fault] | None = None, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer for a code."""
    status, title = CODES[code]
    urn = f"urn:gmail-migrator:problem:{code}"
    said = Problem(type=urn, title=title, status=status, code=code, faults=faults or [])
    leave_out = None if faults else {"faults"}
    return JSONResponse(said.model_dump(exclude=leave_out), status, dict(headers or {}), MEDIA_TYPE)


def answer_with_problems(api: FastAPI) -> None:
    """Have the API answer every error with a problem."""

    def refused(_: Request, error: Refused) -> Response:
        return problem(error.code, headers=error.headers)

    def not_valid(_: Request, error: RequestValidationError) -> Response:
        rows = error.errors()
        if any(row["loc"][0] == "path" for row in rows):
            return problem("not-found")  # an id of another shape is an id that does not exist
        return problem("not-valid", [Fault(pointer=_pointer(row["loc"]), code=row["type"]) for row in rows])

    def plain(_: Request, error: HTTPException) -> Response:
        return problem(_BY_STATUS.get(error.status_code, "not-understood"), headers=error.headers)

    handlers: dict[type[Exception], Any] = {
        Refused: refused,
        RequestValidationError: not_valid,
        HTTPException: plain,
        UnknownMigration: lambda *_: problem("not-found"),
        IllegalTransition: lambda *_: problem("not-possible-now"),
        AuditBroken: lambda *_: problem("audit-away"),
        AuditBusy: lambda *_: problem("audit-away"),
    }
    for kind, answer in handlers.items():
        api.add_exception_handler(kind, answer)
    answer_busy(api, lambda: problem("store-away"), "api")


_BY_STATUS = {404: "not-found", 405: "method-not-allowed"}


def _pointer(place: tuple[int | str, ...]) -> str:
    """Return where a fault lies. A name that we did not choose stays out: `extra_forbidden` has the sender's."""
    return "/" + "/".join(part if isinstance(part, str) and part in _NAMES else "-" for part in map(_text, place))


_NAMES = frozenset({"body", "query", "header", "customer", "mailbox", "password", "limit", "after", "Idempotency-Key"})


def _text(part: int | str) -> str:
    return str(part)
