"""The routes of the console with their needs: none is served that does not say who may ask it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

from web.operator.rights import Need
from web.rendering import STATIC_PLACE


@dataclass(frozen=True, slots=True)
class Route:
    """A route as it is served: its path, its methods, and the needs it names."""

    path: str
    methods: frozenset[str]
    needs: tuple[Need, ...]

    @property
    def is_a_page(self) -> bool:
        """Tell whether it shows a member a whole page."""
        return "GET" in self.methods and any(need.role and not need.quiet for need in self.needs)


class NeedUnclear(Exception):
    """A route names no need, or more than one; the text names the route."""


def check_needs(site: FastAPI) -> None:
    """Fail unless every route names exactly one need.

    Raises:
        NeedUnclear: one does not.
    """
    for route in routes_of(site):
        if len(route.needs) != 1:
            raise NeedUnclear(f"{route.path} names {len(route.needs)} needs")


def ask_needs(request: Request) -> None:
    """Let a form be read by whoever meets the needs of the route it is sent to; raises as they do."""
    for need in _needs_in(getattr(request.scope.get("route"), "dependant", None)):
        need(request)


def routes_of(site: FastAPI) -> Iterator[Route]:
    """Give every route of the site but the static files; whatever else it serves counts as a route without a need."""
    for found in iter_route_contexts(site.routes):
        if not (isinstance(found.route, Mount) and found.path == STATIC_PLACE):
            needs = tuple(_needs_in(getattr(found, "dependant", None)))
            yield Route(str(found.path), frozenset(found.methods or ()), needs)


def _needs_in(dependant: Any) -> Iterator[Need]:
    """Give the needs among a route's dependencies, those of its dependencies too."""
    for one in dependant.dependencies if dependant is not None else ():
        if isinstance(one.call, Need):
            yield one.call
        yield from _needs_in(one)
