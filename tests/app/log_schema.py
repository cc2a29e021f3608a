"""What a line of the log may be, written down apart from the code that makes it."""

import json
from typing import Any

import jsonschema

_CODE = {"type": "string", "maxLength": 160, "pattern": r"^([a-z0-9-]+(:[A-Za-z0-9_]+)?)?$"}
_CLASS = {"type": "string", "pattern": r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"}
_NUMBER = {"oneOf": [{"type": "number"}, {"const": "withheld"}]}

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["time", "level", "event"],
    "additionalProperties": False,
    "properties": {
        "time": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"},
        "level": {"enum": ["debug", "info", "warning", "error", "critical"]},
        "event": {"type": "string", "pattern": r"^[a-z]+(-[a-z]+)*$", "maxLength": 24},
        "migration": {"type": "string", "pattern": r"^([0-9a-f]{32}|withheld)$"},
        "member": {"type": "string", "pattern": r"^([0-9a-f]{32}|withheld)$"},
        "checkpoint": {"type": "string", "pattern": r"^([0-9]+:[0-9a-f]{64}|withheld)$"},
        "version": {"type": "string", "pattern": r"^([0-9a-z.+]{3,40}|withheld)$"},
        **dict.fromkeys(("phase", "kind", "code", "before", "after", "place"), _CODE),
        **dict.fromkeys(("seconds", "threads", "count", "port", "status", "entry"), _NUMBER),
        "logger": {"type": "string", "pattern": r"^[A-Za-z_][\w.]{0,199}$"},
        "error": _CLASS,
        "causes": {"type": "array", "minItems": 1, "maxItems": 7, "items": _CLASS},
        "where": {
            "type": "array",
            "minItems": 1,
            "maxItems": 8,
            "items": {"type": "string", "pattern": r"^(app|jobs|migrator|oauth|web)[.\w]*:[\w<>]+:\d+$"},
        },
    },
}


_VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def read_lines(text: str) -> list[dict[str, Any]]:
    """Return the lines of a log as values; fails when one is not what the schema says."""
    lines: list[dict[str, Any]] = [json.loads(row) for row in text.splitlines()]
    for told in lines:
        _VALIDATOR.validate(told)
    return lines
