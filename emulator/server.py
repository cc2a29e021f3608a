"""The stand-in as an ASGI application and as a server on the loopback."""

import socket
from collections.abc import Callable
from functools import partial

import uvicorn
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from emulator import oauth
from emulator.control import routes
from emulator.exchange import serve
from emulator.world import World

_GMAIL = ("/gmail", "/batch", "/upload", "/resumable")


def application(world: World) -> ASGIApp:
    """Return the application: Google's paths, and the control plane beside them. No middleware lies in between."""
    others = Router(
        [
            Route("/o/oauth2/v2/auth", partial(oauth.ask, world), methods=["GET"]),
            Route("/o/oauth2/v2/auth", partial(oauth.decide, world), methods=["POST"]),
            Route("/token", partial(oauth.token, world), methods=["POST"]),
            Route("/revoke", partial(oauth.revoke, world), methods=["POST"]),
            *routes(world),
        ],
        redirect_slashes=False,
    )

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(_GMAIL):
            await serve(world, scope, receive, send)
        else:
            await others(scope, receive, send)

    return application


def listening(port: int) -> socket.socket:
    """Return a socket that listens on the loopback; port 0 lets the system choose."""
    listener = socket.create_server(("127.0.0.1", port), backlog=1024)
    listener.setblocking(False)  # noqa: FBT003
    return listener


async def run(world: World, listener: socket.socket, stop_when: Callable[[uvicorn.Server], object]) -> None:
    """Serve until told to stop by SIGTERM, SIGINT, or by what `stop_when` arranges with the running server."""
    config = uvicorn.Config(
        application(world),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=120,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    stop_when(server)
    await server.serve(sockets=[listener])
