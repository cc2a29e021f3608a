"""Partial answers: the `fields` parameter of Google's APIs (`id,raw`, `messages/id`, `messages(id,threadId)`, `*`).

Source: developers.google.com/workspace/gmail/api/guides/performance#partial.
"""

import re
from collections.abc import Collection
from typing import Any

from emulator.errors import refusal

Tree = dict[str, "Tree"]
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*|\*")


def selection(text: str, known: Collection[str]) -> Tree:
    """Return the fields chosen as a tree; an empty subtree means everything below.

    Raises:
        Refused: 400 invalidArgument when the text cannot be read or names an unknown top-level field.
    """
    tree, at = _list(text, 0)
    if at != len(text) or any(name != "*" and name not in known for name in tree):
        raise refusal("invalidArgument", f"Invalid field selection {text}")
    return tree


def pruned(value: Any, tree: Tree) -> Any:
    """Return `value` (a JSON value) with only the chosen fields."""
    if not tree or "*" in tree:
        return value
    if isinstance(value, list):
        return [pruned(item, tree) for item in value]
    if isinstance(value, dict):
        return {name: pruned(value[name], below) for name, below in tree.items() if name in value}
    return value


def _list(text: str, at: int) -> tuple[Tree, int]:
    name, below, at = _path(text, at)
    tree: Tree = {name: below}
    while text[at : at + 1] == ",":
        name, below, at = _path(text, at + 1)
        tree.setdefault(name, {}).update(below)
    return tree, at


def _path(text: str, at: int) -> tuple[str, Tree, int]:
    name = _NAME.match(text, at)
    if name is None:
        raise refusal("invalidArgument", f"Invalid field selection {text}")
    at = name.end()
    if text[at : at + 1] == "/":
        child, below, at = _path(text, at + 1)
        return name.group(), {child: below}, at
    if text[at : at + 1] == "(":
        tree, at = _list(text, at + 1)
        if text[at : at + 1] != ")":
            raise refusal("invalidArgument", f"Invalid field selection {text}")
        return name.group(), tree, at + 1
    return name.group(), {}, at
