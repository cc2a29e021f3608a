"""Imports that have really run and ended, and the pages after the end, over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import tenacity
from fastapi import FastAPI, Request, Response
from stand_in import Google
from story.house import House, house
from ways import Client, serving

from app.afterwards import afterwards_doors
from app.config import Config, load
from app.stores import Stores, StoreUrls
from emulator.servers.instance import Server, User
from jobs import undowish
from jobs.errors import UnknownMigration
from jobs.migration import ENDS
from migrator.labels import Choices
from web import session as sessions
from web.afterdoors import Afterwards
from web.afterwards import afterwards_routes, ended_page
from web.notices import notice_page
from web.pools import Pools
from web.session import COOKIE, Entered
from web.views.host import Host
from web.visitor import owned_import

HOST = Host("Example Mail")


@dataclass
class Town:
    """An installation with its worker, and the pages after the end at `url`."""

    home: House
    config: Config
    stores: Stores
    doors: Afterwards
    url: str = ""

    def customer(self, user: User, customer: str = "c1", *imports: str, mailbox: str | None = None) -> Client:
        """Return the browser of a customer who has come in, for a mailbox, with the imports he has already."""
        entered = Entered(customer, user.name if mailbox is None else mailbox)
        return Client(self.url, {COOKIE: sessions.enter(self.stores.state, "", entered, imports).id})

    def run(self, user: User, choices: Choices | None = None) -> str:
        """Import the account into a mailbox, and return the import's id when it has ended."""
        migration = self.home.launch(user, choices)
        self.home.wait(migration, *ENDS)
        return migration

    def undone(self, migration: str) -> undowish.Standing:
        """Wait until an undo that was asked for has come to something, and return what."""
        return tenacity.Retrying(
            stop=tenacity.stop_after_delay(60),
            wait=tenacity.wait_fixed(0.1),
            retry=tenacity.retry_if_result(lambda standing: standing.kind == "running"),
        )(undowish.standing, self.stores.state, migration)


@contextmanager
def town(folder: Path, google: Google, server: Server, **settings: dict[str, object]) -> Iterator[Town]:
    """Give an installation whose worker runs; keywords are sections of the configuration."""
    with house(folder, google, server, **settings) as home:
        urls = StoreUrls(home.redis_store.url, home.redis_store.broker_url, home.keys_store.url)
        stores, config = Stores(urls, home.master), load(home.config)
        made = Town(home, config, stores, afterwards_doors(config, stores, HOST, Pools()))
        home.start_worker()
        with serving(partial(_site, made)) as url:
            made.url = url
            yield made
        for store in (stores.state, stores.keys):
            store.close()


def _site(made: Town, _: str) -> FastAPI:
    site = FastAPI()
    site.include_router(afterwards_routes(made.doors))

    @site.get("/imports/{migration}")
    def show(request: Request, migration: str) -> Response:
        return ended_page(made.doors, owned_import(made.stores.state, request.cookies.get(COOKIE, ""), migration))

    @site.exception_handler(UnknownMigration)
    def unknown(_request: Request, _error: Exception) -> Response:
        return notice_page(HOST, "not-found")

    return site
