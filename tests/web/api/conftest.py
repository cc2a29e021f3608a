from collections.abc import Callable, Iterator

import pytest
from api_site import Tokens, doors
from fastapi import FastAPI
from ways import Client, entrance, panel, serving

from app.stores import Stores
from web.api.application import API, make_api
from web.api.tokens import Scope, ServiceToken, new_token
from web.launch import launch_routes


@pytest.fixture(scope="session")
def known() -> tuple[Tokens, tuple[ServiceToken, ...]]:
    scopes = {"everything": frozenset(Scope), "read": {Scope.READ}, "write": {Scope.WRITE}, "launch": {Scope.LAUNCH}}
    made = {name: new_token() for name in scopes}
    rows = tuple(ServiceToken(name, made[name][1], frozenset(allowed)) for name, allowed in scopes.items())
    return Tokens(**{name: token for name, (token, _) in made.items()}), rows


@pytest.fixture(scope="session")
def tokens(known: tuple[Tokens, tuple[ServiceToken, ...]]) -> Tokens:
    return known[0]


@pytest.fixture(scope="session")
def url(running: Stores, known: tuple[Tokens, tuple[ServiceToken, ...]]) -> Iterator[str]:
    def build(url: str) -> FastAPI:
        site = FastAPI()
        site.include_router(launch_routes(entrance(running), panel(url)))
        site.mount(API, make_api(doors(running, known[1], url)))
        return site

    with serving(build) as found:
        yield found


@pytest.fixture
def client(url: str, stores: Stores) -> Client:
    _ = stores
    return Client(url)


@pytest.fixture
def browser(url: str) -> Callable[[], Client]:
    return lambda: Client(url)
