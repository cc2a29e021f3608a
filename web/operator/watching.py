"""The console's pages about imports, put together: what they share lives as long as the server."""

from fastapi import APIRouter

from web.operator.auditing import audit_routes
from web.operator.bulkacts import bulk_routes
from web.operator.data import data_routes
from web.operator.doors import Console
from web.operator.fresh import Fresh
from web.operator.imports import imports_routes
from web.operator.one import one_routes
from web.operator.overview import overview_routes
from web.operator.permissions import permission_routes
from web.paces import Paces

SNAPSHOT_SECONDS = 2.0
"""So old may be what live parts show; all operators share one look."""


def watching_routes(console: Console) -> APIRouter:
    """Return the routes of overview, imports, audit and data; those of a fixed path before those with an id."""
    fresh, paces = Fresh(SNAPSHOT_SECONDS), Paces()
    together = APIRouter()
    for routes in (
        overview_routes(console, fresh),
        imports_routes(console, fresh),
        bulk_routes(console, fresh),
        permission_routes(console, paces),
        one_routes(console, paces),
        audit_routes(console),
        data_routes(console),
    ):
        together.include_router(routes)
    return together
