import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import click
import pytest
from browser import wait_for
from front_desk import Visitor, config_of, open_console

from app.console import console_of, console_site, run_console
from app.stores import Stores

ROOT = Path(__file__).parents[2]
GOOD = {"issuer": "https://login.example", "client_id": "console", "admins": ["mail-admins"]}


@pytest.mark.parametrize(
    ("console", "words"),
    [
        ({"url": ""}, r"console\.url is not set"),
        ({"url": "https://import.example"}, "a name of its own"),
        ({"sso": {**GOOD, "issuer": "http://login.example"}}, r"console\.sso\.issuer"),
        ({"sso": {**GOOD, "client_id": ""}}, r"console\.sso\.client_id"),
        ({"sso": {**GOOD, "amr": []}}, r"console\.sso\.amr or acr"),
        ({"sso": {**GOOD, "admins": []}}, r"console\.sso\.viewers"),
        ({"sso": {**GOOD, "client_secret_file": "/nowhere"}}, r"console\.sso\.client_secret_file"),
    ],
)
def test_a_console_that_cannot_be_served_says_why(
    console: dict[str, Any], words: str, stores: Stores, tmp_path: Path
) -> None:
    with pytest.raises(click.ClickException, match=words):
        console_site(config_of(stores, tmp_path, **console), stores)


def test_a_port_that_is_taken_is_said_to_be(stores: Stores, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = config_of(stores, tmp_path, port=taken.getsockname()[1])
        with pytest.raises(click.ClickException, match=r"console\.port"):
            run_console(config, stores, threading.Event())


def test_the_command_serves_the_console_until_it_is_told_to_stop(stores: Stores, tmp_path: Path) -> None:
    config = config_of(stores, tmp_path)
    store = {name: str(getattr(config.store, name)) for name in ("url", "broker_url", "keys_url", "master_key_file")}
    console = {"url": config.console.url, "port": config.console.port}
    sections = {"store": store, "console": console}
    text = "".join(
        f"[{name}]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in rows.items()) for name, rows in sections.items()
    )
    (tmp_path / "config.toml").write_text(text)
    command = [sys.executable, "-m", "app", "--config", str(tmp_path / "config.toml"), "console"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for(config.console.url)
            assert Visitor(config.console.url).get("/people").place == "/signin"
        finally:
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [json.loads(line)["event"] for line in errors.splitlines()] == ["console-started", "console-stopped"]


def test_a_request_for_another_host_is_turned_away(url: str) -> None:
    assert Visitor(url).get("/signin", Host="console.example").status == 421


def test_nothing_of_a_page_is_kept_framed_or_taken_from_elsewhere(url: str) -> None:
    headers = Visitor(url).get("/signin").headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self';" in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"


def test_without_a_single_sign_on_there_is_no_way_to_it(stores: Stores, tmp_path: Path) -> None:
    assert console_of(config_of(stores, tmp_path), stores).sso is None


def test_a_single_sign_on_that_is_away_is_said_to_be(stores: Stores, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        issuer = f"http://127.0.0.1:{silent.getsockname()[1]}"
    config = config_of(stores, tmp_path, sso={**GOOD, "issuer": issuer})
    with open_console(config, stores) as url:
        answer = Visitor(url).post("/signin/sso")
        assert (answer.status, "does not answer" in answer.text) == (502, True)
        assert Visitor(url).get("/signin").status == 200
