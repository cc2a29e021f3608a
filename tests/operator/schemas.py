"""The shapes of what operators are told: `python tests/operator/schemas.py` renews what the test holds them to."""

import json
import sys
from importlib import import_module
from pathlib import Path

from pydantic import BaseModel

SNAPSHOT = Path(__file__).with_name("schemas.json")
SITE, COMMANDS = "web.operator.site", "app.cli"
"""Modules that bring all others along in which something is told: the console's pages, the command line's commands."""


def current() -> str:
    """Return the JSON schemas of all models by module and name."""
    for place in (SITE, *import_module(COMMANDS).COMMANDS):
        import_module(place)
    told: type[BaseModel] = import_module("web.operator.models").Told
    models = [one for one in _all_of(told) if one.__module__.startswith(("web.", "app."))]
    found = {f"{one.__module__}.{one.__name__}": one.model_json_schema() for one in models}
    return json.dumps(found, indent=1, sort_keys=True) + "\n"


def _all_of(model: type[BaseModel]) -> list[type[BaseModel]]:
    return [one for child in model.__subclasses__() for one in (child, *_all_of(child))]


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    SNAPSHOT.write_text(current())
