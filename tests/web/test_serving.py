import socket
import threading

import click
import pytest
from consents import config_for
from stand_in import Google

from app.config import Config
from app.server import run_server
from app.stores import Stores


def test_without_an_address_for_browsers_nothing_is_served(stores: Stores, site: Config) -> None:
    bare = site.model_copy(update={"web": site.web.model_copy(update={"url": ""})})
    with pytest.raises(click.ClickException, match=r"web\.url"):
        run_server(bare, stores, {}, threading.Event())


def test_a_port_that_is_taken_is_said_to_be(
    google: Google, stores: Stores, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        web: dict[str, object] = {"url": f"http://127.0.0.1:{port}", "port": port}
        config = config_for(google, stores, tmp_path_factory.mktemp("taken"), web=web)
        with pytest.raises(click.ClickException, match=r"web\.port"):
            run_server(config, stores, {}, threading.Event())
