"""The schemas of the shipped Gmail discovery document as JSON Schema, strict: no undocumented field passes."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import googleapiclient
from jsonschema import Draft202012Validator

Json = dict[str, Any]
_FORMATS: dict[str, Json] = {
    "int32": {"minimum": -(2**31), "maximum": 2**31 - 1},
    "uint32": {"minimum": 0, "maximum": 2**32 - 1},
    "int64": {"pattern": r"^-?\d{1,19}$"},
    "uint64": {"pattern": r"^\d{1,20}$"},
    "byte": {"pattern": r"^[A-Za-z0-9_-]*={0,2}$"},
}


@cache
def document() -> Json:
    path = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents" / "gmail.v1.json"
    loaded: Json = json.loads(path.read_bytes())
    return loaded


@cache
def methods() -> dict[str, Json]:
    """Return every method of the document by its id, such as gmail.users.messages.get."""
    found: dict[str, Json] = {}
    waiting: list[Json] = [document()]
    while waiting:
        resource = waiting.pop()
        waiting += resource.get("resources", {}).values()
        found |= {method["id"]: method for method in resource.get("methods", {}).values()}
    return found


def check(name: str, answer: Json) -> None:
    """Fail unless `answer` is exactly what the schema `name` documents."""
    schemas = {key: _converted(schema) for key, schema in document()["schemas"].items()}
    Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": schemas}).validate(answer)


def _converted(schema: Json) -> Json:
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{schema['$ref']}"}
    made: Json = {"type": schema["type"]} | _FORMATS.get(schema.get("format", ""), {})
    if "enum" in schema:
        made["enum"] = schema["enum"]
    if "items" in schema:
        made["items"] = _converted(schema["items"])
    if "properties" in schema:
        made["properties"] = {key: _converted(part) for key, part in schema["properties"].items()}
        made["additionalProperties"] = False
    return made
