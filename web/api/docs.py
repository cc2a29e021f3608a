"""The API's description as a page: made from the OpenAPI document, without scripts and styles."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>{title}</title><h1>{title}</h1><p>{about}</p>"
    '<p>The same for programs: <a href="openapi.json">openapi.json</a></p>{operations}<h2>Values</h2>{schemas}</html>\n'
)


def docs_page(document: Mapping[str, Any]) -> str:
    """Return the page for an OpenAPI 3.1 document."""
    info = document["info"]
    operations = [
        _operation(document["servers"][0]["url"] + path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]
    return _PAGE.format(
        title=escape(info["title"]),
        about=escape(info["description"]),
        operations="".join(operations),
        schemas="".join(_schema(name, schema) for name, schema in sorted(document["components"]["schemas"].items())),
    )


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    rows = "".join(f"<dt><code>{status}</code><dd>{text}" for status, text in _answers(operation))
    head = f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
    return f"{head}<p>{escape(operation['description'])}</p><dl>{_parameters(operation)}{rows}</dl>"


def _parameters(operation: Mapping[str, Any]) -> str:
    return "".join(
        f"<dt>{escape(row['in'])} <code>{escape(row['name'])}</code>"
        f"<dd>{escape(row.get('description') or row['schema'].get('description', ''))}"
        for row in operation.get("parameters", ())
    )


def _answers(operation: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for status, answer in sorted(operation["responses"].items()):
        schemas = [_named(content["schema"]) for content in answer.get("content", {}).values()]
        yield status, f"{escape(answer['description'])} {' '.join(filter(None, schemas))}"


def _named(schema: Mapping[str, Any]) -> str:
    name = escape(schema.get("$ref", "").rpartition("/")[2])
    return f'<a href="#{name}">{name}</a>' if name else ""


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    words = ", ".join(f"<code>{escape(str(word))}</code>" for word in schema.get("enum", ()))
    rows = "".join(
        f"<dt><code>{escape(field)}</code><dd>{escape(row.get('description', ''))}"
        for field, row in schema.get("properties", {}).items()
    )
    about = escape(schema.get("description", ""))
    return f'<h3 id="{escape(name)}">{escape(name)}</h3><p>{about} {words}</p><dl>{rows}</dl>'
