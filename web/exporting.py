"""The metrics' own small site: `/metrics` and the two answers about health."""

from collections.abc import Callable
from http import HTTPStatus

from fastapi import FastAPI
from redis.exceptions import RedisError
from starlette.responses import PlainTextResponse, Response

from web.health import with_health
from web.security import Site

METRICS = "/metrics"


def metrics_site(text: Callable[[], bytes], content_type: str, ready: Callable[[], bool]) -> Site:
    """Return the site.

    Args:
        text: the metrics as they are now; called in a thread. Where it raises `redis.RedisError`, nothing is told but
            that: a number of a moment ago would hide that the store is away.
        content_type: of that text.
        ready: as in `web.health`.
    """
    site = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @site.get(METRICS)
    def metrics() -> Response:
        try:
            return Response(text(), media_type=content_type)
        except RedisError:
            return PlainTextResponse("a store does not answer\n", HTTPStatus.SERVICE_UNAVAILABLE)

    return with_health(site, ready)
