"""The site: consent at Google, and the start of an import, which is a step of its own.

    POST /consent ──303──► Google ──► GET /consent/return ──303──► GET /imports/{id} ──► POST /imports/{id}/start
      a session is made                its id is renewed             nothing has begun     now it does

No GET makes a session out of nothing or begins anything: a link that somebody else sent can do neither.
"""

from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.responses import JSONResponse

from jobs.errors import UnknownMigration
from web.consent import consent_routes
from web.doors import Doors
from web.imports import import_routes
from web.pages import not_found, page

RECEIPT_KEYS = "/.well-known/migrator-receipt-keys.json"


def make_site(doors: Doors) -> FastAPI:
    """Return the site, to be put behind `web.security.guarded`."""
    site = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    site.include_router(consent_routes(doors))
    site.include_router(import_routes(doors))

    @site.get(RECEIPT_KEYS)
    def receipt_keys() -> Response:
        return JSONResponse(dict(doors.receipt_keys), media_type="application/jwk-set+json")

    @site.exception_handler(UnknownMigration)
    @site.exception_handler(HTTPStatus.NOT_FOUND)
    def unknown(_request: Request, _error: Exception) -> Response:
        return not_found()

    @site.exception_handler(RequestValidationError)
    def unreadable(_request: Request, _error: Exception) -> Response:
        # FastAPI's own answer repeats what was sent, a password too.
        return page("Not understood", "Something is missing in what was sent.", HTTPStatus.BAD_REQUEST)

    return site
