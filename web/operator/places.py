"""Where somebody is led back to: a page of the console, and nothing else."""

import re
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from starlette.datastructures import FormData

from web.operator.routes import routes_of

STEP_UP = "/step-up"

_OURS = re.compile(r"/(?:[A-Za-z0-9_~.-][A-Za-z0-9/_~.-]*)?(?:\?[A-Za-z0-9=&%+_~.,:-]*)?")
_LONGEST = 1000


def ours(place: str) -> str:
    """Return a place if it is the path of a page of ours, else the overview's."""
    return place if len(place) <= _LONGEST and _OURS.fullmatch(place) else "/"


def step_up_from(request: Request, form: FormData | None) -> str:
    """Return where a second factor is entered again, and from there back to the page the request came from.

    That is what the form says in `back`; else, the nearest place above the request's that can be shown.
    """
    said = form.get("back") if form else None
    back = ours(said) if isinstance(said, str) else _above(request)
    return f"{STEP_UP}?{urlencode({'back': back})}"


def _above(request: Request) -> str:
    shown = _shown_by(request.app)
    parts = request.url.path.split("/")
    above = ("/".join(parts[:count]) or "/" for count in range(len(parts), 0, -1))
    return ours(next((place for place in above if any(page.fullmatch(place) for page in shown)), "/"))


def _shown_by(site: FastAPI) -> list[re.Pattern[str]]:
    """Return the shapes of the paths that answer GET with a page for a member."""
    paths = [route.path for route in routes_of(site) if route.is_a_page]
    return [re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path))) for path in paths]
