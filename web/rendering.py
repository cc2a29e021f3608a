"""Views put into HTML: Jinja2 templates that escape everything, and static files that browsers may keep.

`render("check.html", check(...))` gives the page of a view. There is no script, style or handler inside a page, so
that the policy `default-src 'none'; script-src 'self'; style-src 'self'` holds without exceptions.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from web.languages import LANGUAGES
from web.views.language import _, ngettext, spoken
from web.views.wording import Moment, Name, plain
from web.visit import present_visit

_HERE = Path(__file__).parent

STATIC = _HERE / "static"
"""The folder to be served under `STATIC_PLACE`; nothing in it is secret or changes while the server runs."""

STATIC_PLACE = "/static"

STEPS = 6


@cache
def static(file: str) -> str:
    """Return a static file's place, with a digest of its content: it may be kept for ever under this name.

    Raises:
        FileNotFoundError: there is no such file.
    """
    return f"{STATIC_PLACE}/{file}?v={hashlib.sha256((STATIC / file).read_bytes()).hexdigest()[:12]}"


def render(template: str, view: Any) -> str:
    """Return the page of a view, in the language spoken now."""
    return _environment().get_template(template).render(view=view, language=spoken().tag)


def is_moment(piece: object) -> bool:
    """Tell a moment in a sentence."""
    return isinstance(piece, Moment)


def is_name(piece: object) -> bool:
    """Tell a name in a sentence."""
    return isinstance(piece, Name)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    # Looked up at each call, so that one environment speaks every language.
    environment.install_gettext_callables(_, ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.globals |= {"static": static, "steps": STEPS, "visit": present_visit, "languages": LANGUAGES}
    environment.filters["plain"] = plain
    environment.tests |= {"moment": is_moment, "name": is_name}
    return environment
