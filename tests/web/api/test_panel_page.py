"""docs/panel.md: its examples run, and its tables are those of the API."""

import json
import re
import subprocess
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from receiver import SECRET, WRITTEN_SECRET
from ways import Client

from app.config import Config
from jobs.hook import Hook, secret_of, signed_headers
from web.api.problems import CODES
from web.launch_token import LEEWAY_SECONDS, LaunchRefused, Terms, host_keys, read_launch

PAGE = (Path(__file__).parents[3] / "docs" / "panel.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
BODY = b'{"type": "migration.ended"}'


@pytest.fixture
def panel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What somebody has who runs all examples of the page, one after the other, in a folder of his own."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in BLOCKS:
        exec(block, names)
    return names


def test_a_launch_signed_by_the_example_lets_its_customer_in(panel: dict[str, Any], tmp_path: Path) -> None:
    keys = host_keys(json.loads((tmp_path / "panel.json").read_text()))
    terms = Terms("https://panel.example.org/", "https://import.example.org", keys)
    launch = read_launch(panel["launch"]("4711", "ann@example.org"), terms, time.time())
    assert (launch.customer, launch.mailbox, launch.password) == ("4711", "ann@example.org", None)
    with pytest.raises(LaunchRefused):
        read_launch(panel["launch"]("4711", "ann@example.org"), terms, time.time() + 70 + LEEWAY_SECONDS)


def test_what_the_example_publishes_is_no_private_key(panel: dict[str, Any], tmp_path: Path) -> None:
    assert panel["key"].as_dict(private=True)["d"] not in (tmp_path / "panel.json").read_text()


def test_the_example_takes_what_the_worker_posts_and_nothing_else(panel: dict[str, Any]) -> None:
    hook = Hook("https://panel.example.org/hooks/import", SECRET)
    headers = signed_headers(hook, "msg_1", BODY, time.time())
    genuine = panel["is_genuine"]
    assert genuine(WRITTEN_SECRET, headers, BODY)
    assert genuine(WRITTEN_SECRET, {**headers, "webhook-signature": f"v1,x {headers['webhook-signature']}"}, BODY)
    assert not genuine(WRITTEN_SECRET, headers, BODY + b" ")
    assert not genuine(WRITTEN_SECRET, {**headers, "webhook-id": "msg_2"}, BODY)
    assert not genuine(f"{WRITTEN_SECRET[:-4]}AAA=", headers, BODY)
    assert not genuine(WRITTEN_SECRET, signed_headers(hook, "msg_1", BODY, time.time() - 400), BODY)


def test_the_configuration_of_the_page_is_one() -> None:
    (block,) = re.findall(r"## Configuration\n\n((?:    .*\n|\n)+)", PAGE)
    config = Config.model_validate(tomllib.loads(block))
    assert (config.panel.issuer, config.hook.url) == (
        "https://panel.example.org/",
        "https://panel.example.org/hooks/import",
    )


def test_the_table_of_requests_is_the_api(client: Client) -> None:
    document = json.loads(client.ask("GET", "/api/v1/openapi.json").text)
    described = {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}
    assert set(re.findall(r"^\| `((?:GET|POST) [^`]+)` \|", PAGE, re.MULTILINE)) == described


def test_the_table_of_errors_has_every_code_at_its_status() -> None:
    rows = re.findall(r"^\| ([0-9, ]+) \| (.*) \|$", PAGE, re.MULTILINE)
    said = {code: statuses for statuses, text in rows for code in re.findall(r"`([a-z-]+)`", text) if code != "faults"}
    assert set(said) == set(CODES)
    assert [code for code, (status, _) in CODES.items() if str(int(status)) not in said[code]] == []


def test_the_secret_of_the_page_can_be_made_so() -> None:
    (command,) = re.findall(r"made by: (echo .*)", PAGE)
    made = subprocess.run(["/bin/sh", "-c", command], check=True, capture_output=True, text=True)
    assert len(secret_of(made.stdout.strip())) == 32
