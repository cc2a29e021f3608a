"""The customers' pages, served as their command does, for the tests of a folder."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from browser import free_port, wait_for
from consents import config_for
from stand_in import Google
from ways import HOST_KEY, ISSUER, PANEL, jwks

from app.config import Config
from app.server import run_server
from app.stores import Stores

KEYS = {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": "AA"}]}


@contextmanager
def served(google: Google, stores: Stores, folder: Path, **places: str) -> Iterator[Config]:
    """Serve the pages; give the configuration. `places` are addresses of Google's other than the stand-in's own."""
    port = free_port()
    (folder / "panel.json").write_text(json.dumps(jwks(host=HOST_KEY)))
    (folder / "master").write_text("master secret")
    web: dict[str, object] = {"url": f"http://127.0.0.1:{port}", "port": port, "name": "Example Mail"}
    panel: dict[str, object] = {
        "origins": [PANEL],
        "issuer": ISSUER,
        "keys_file": folder / "panel.json",
        "master_user": "master",
        "master_password_file": folder / "master",
    }
    usual = config_for(google, stores, folder, web=web, panel=panel)
    config = usual.model_copy(update={"google": usual.google.model_copy(update=places)})
    stop = threading.Event()
    server = threading.Thread(target=run_server, args=(config, stores, KEYS, stop))
    server.start()
    wait_for(config.web.url)
    yield config
    stop.set()
    server.join()
