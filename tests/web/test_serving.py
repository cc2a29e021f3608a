import json
import socket
import threading
from functools import partial
from pathlib import Path

import click
import pytest
from browser import Browser, free_port, wait_for
from consents import config_for
from stand_in import Google

from app.config import Config
from app.console import run_console
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


def test_without_a_way_in_the_pages_and_the_console_say_what_is_missing(
    google: Google, stores: Stores, site: Config, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    _ = site  # has been made: see `browser.wait_for`
    port, stop = free_port(), threading.Event()
    web: dict[str, object] = {"url": f"http://127.0.0.1:{port}", "port": port}
    config = config_for(google, stores, tmp_path, web=web)
    server = threading.Thread(target=run_server, args=(config, stores, {}, stop))
    server.start()
    try:
        wait_for(config.web.url)
        for path in ("/", "/connect"):
            answer = Browser(config.web.url, google).get(path)
            assert (answer.status, "This page is not set up yet" in answer.text) == (503, True)
        assert Browser(config.web.url, google).get("/signin").status == 404
    finally:
        stop.set()
        server.join()
    assert "set panel.origins or signin.hosts" in capfd.readouterr().err


def test_a_proxy_that_is_not_named_is_said_at_the_start(
    google: Google, stores: Stores, site: Config, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    _ = site  # has been made: see `browser.wait_for`
    port = free_port()
    web: dict[str, object] = {"url": "https://import.example", "port": port}
    config = config_for(google, stores, tmp_path, web=web, console={**web, "url": "https://console.example"})
    sites = {"web": partial(run_server, config, stores, {}), "console": partial(run_console, config, stores)}
    for place, run in sites.items():
        stop = threading.Event()
        server = threading.Thread(target=run, args=(stop,))
        server.start()
        wait_for(f"http://127.0.0.1:{port}")
        stop.set()
        server.join()
        lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
        told = [(line["level"], line["place"]) for line in lines if line["event"] == "proxy-unnamed"]
        assert told == [("warning", place)]
