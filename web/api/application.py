"""The API put together, with its description: `/openapi.json` (OpenAPI 3.1) and `/docs`, a page without scripts."""

from functools import partial
from typing import Any

from fastapi import FastAPI
from starlette.responses import HTMLResponse, Response

from web.api.asking import asking_routes
from web.api.docs import docs_page
from web.api.doors import ApiDoors, ask_token
from web.api.launching import launching_routes
from web.api.problems import BEFORE, Problem, answer_with_problems
from web.api.reading import reading_routes
from web.askedfirst import let_ask_first

API = "/api/v1"
Api = FastAPI
"""The API as a whole, for whoever mounts it."""

_ABOUT = (
    "For the host's panel, service to service. Errors are `application/problem+json` (RFC 9457) with stable codes. "
    "Times are UTC (RFC 3339). What is not described here is not told: no address, no folder, no single message."
)


def make_api(doors: ApiDoors) -> Api:
    """Return the API, to be mounted at `API`."""
    api = FastAPI(
        title="Mailbox migrations",
        version="1",
        summary="Launch, look at and steer the migrations of a host's customers.",
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
        servers=[{"url": API}],
        root_path_in_servers=False,
        responses=dict(BEFORE),
    )
    answer_with_problems(api)
    let_ask_first(api, partial(ask_token, doors))
    for routes in (launching_routes(doors), reading_routes(doors), asking_routes(doors)):
        api.include_router(routes)
    described = _described(api)
    api.openapi = lambda: described  # type: ignore[method-assign]

    @api.get("/docs", include_in_schema=False)
    def docs() -> Response:
        return HTMLResponse(docs_page(described))

    return api


def _described(api: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document; the one schema that no answer's type names is put in."""
    document = api.openapi()
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(schema.pop("$defs", {}) | {"Problem": schema})
    return document
