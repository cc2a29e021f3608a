"""Which answers lead to which requests (OpenAPI 3.1, "Link Object"), for programs that follow."""

from typing import Any

_CUSTOMER = "$request.path.customer"
_STEPS = {
    "read": "read_migration",
    "pause": "pause_migration",
    "resume": "resume_migration",
    "retry": "retry_migration",
    "finish": "finish_migration",
    "cancel": "cancel_migration",
}
"""What may be done with a migration: the link's name -> the operation."""


def to_migration(pointer: str) -> dict[str, Any]:
    """Return links to the migration whose id stands at a JSON Pointer (RFC 6901) of the answer."""
    given = {"customer": _CUSTOMER, "migration": f"$response.body#{pointer}"}
    return {"links": {name: _link(operation, given) for name, operation in _STEPS.items()}}


def to_more(pointer: str) -> dict[str, Any]:
    """Return the link to the next page, and those to the first migration of this one."""
    given = {"customer": _CUSTOMER, "after": f"$response.body#{pointer}"}
    steps = to_migration("/migrations/0/id")["links"]
    return {"links": {**steps, "more": _link("list_migrations", given)}}


def to_customer() -> dict[str, Any]:
    """Return links from a launch to what becomes of it."""
    given = {"customer": "$request.body#/customer"}
    return {"links": {"list": _link("list_migrations", given), "card": _link("read_card", given)}}


def _link(operation: str, given: dict[str, str]) -> dict[str, Any]:
    return {"operationId": operation, "parameters": dict(given)}
