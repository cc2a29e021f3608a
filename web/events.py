"""A progress page kept up to date by server-sent events (WHATWG HTML §9.2).

`standing`: how the import stands now, as the part of the page that shows it. `turn`: the page itself is out of date,
its buttons too; it asks for itself anew.
"""

import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Cookie, Depends
from fastapi.sse import EventSourceResponse, ServerSentEvent

from jobs import requests
from jobs.errors import UnknownMigration
from web.doors import Doors
from web.following import as_shown, is_asked
from web.paces import Paces
from web.rendering import render
from web.session import COOKIE
from web.views.language import Language, speaking, spoken
from web.views.progress import running
from web.visitor import Owned, owned_import
from web.watching import Told, Watching


def event_routes(doors: Doors, paces: Paces) -> APIRouter:
    """Return the one route of events."""
    routes = APIRouter()
    watching = Watching(doors.open_state, partial(_told, doors, paces), doors.closing)

    def theirs(migration: str, cookie: Annotated[str, Cookie(alias=COOKIE)] = "") -> Owned:
        return owned_import(doors.state, cookie, migration)

    @routes.get("/imports/{migration}/events", response_class=EventSourceResponse)
    async def events(owned: Annotated[Owned, Depends(theirs)], key: str = "") -> AsyncIterator[ServerSentEvent]:
        async for told in watching.news_of(owned.migration.id, spoken()):
            if told.key != key:
                yield ServerSentEvent(event="turn", raw_data="turn")
                return
            yield ServerSentEvent(event="standing", raw_data=told.part)

    return routes


def _told(doors: Doors, paces: Paces, migration_id: str, languages: tuple[Language, ...]) -> dict[str, Told]:
    """Return how an import stands in each language; nothing when it is gone."""
    try:
        migration = requests.read(doors.state, migration_id)
        report, progress = paces.look(doors.state, migration)
    except UnknownMigration:
        return {}
    told, asked = {}, is_asked(doors, migration)
    for language in languages:
        with speaking(language):
            view = running(doors.host, as_shown(doors, migration), report, progress, time.time(), asked=asked)
            told[language.tag] = Told(view.key, render("standing.html", view))
    return told
