"""Alerts and dashboard are held to what the exporter really tells, by Prometheus' own tool."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from audit_keeping import keep
from scraping import ROOT, exporter, get, numbers, promtool

from app import embedded
from app.config import Config
from app.stores import connect

ALERTS = ROOT / "deploy/prometheus/alerts.yaml"
TESTS = ROOT / "deploy/prometheus/alerts.test.yaml"
DASHBOARD = ROOT / "deploy/grafana/dashboard.json"

_METRIC = re.compile(r"\bmigrator_[a-z_]+")
_MATCHED = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Any, float]]:
    """What a live exporter tells of an installation in which nothing has happened yet."""
    folder = tmp_path_factory.mktemp("alerts")
    with embedded.start(folder / "redis") as store, embedded.start(folder / "keys", persistent=False):
        with connect(store.url) as redis:
            keep(redis, folder / "audit")
        with exporter(Config.model_validate({"store": {"directory": folder}})) as url:
            status, text = get(f"{url}/metrics")
        assert status == 200
        yield numbers(text)


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def shown() -> list[str]:
    """Return the expressions of the dashboard's panels."""
    return [target["expr"] for panel in json.loads(DASHBOARD.read_text())["panels"] for target in panel["targets"]]


def test_prometheus_takes_the_rules() -> None:
    assert f"SUCCESS: {len(rules())} rules found" in promtool("check", "rules", str(ALERTS))


def test_each_alert_fires_when_it_must_and_not_when_it_must_not() -> None:
    assert "SUCCESS" in promtool("test", "rules", str(TESTS))
    tested = TESTS.read_text()
    assert [rule["alert"] for rule in rules() if f'alertname="{rule["alert"]}"' not in tested] == []


def test_prometheus_takes_the_dashboards_expressions(tmp_path: Path) -> None:
    recorded = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(shown())]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    assert "SUCCESS" in promtool("check", "rules", str(file))


def test_alerts_and_dashboard_ask_for_what_the_exporter_tells_and_for_all_of_it(told: dict[Any, float]) -> None:
    there = {name for name, _ in told}
    asked = {name for expr in [*shown(), *(rule["expr"] for rule in rules())] for name in _METRIC.findall(expr)}
    when_held_up = {"migrator_imports_held_up"}  # has no series while nothing is held up; tests/app/test_metrics.py
    assert asked - there - when_held_up == set()
    assert there - asked == {"migrator_build_info", "migrator_audit_verified_timestamp_seconds"}


def test_the_page_of_metrics_lists_all_of_them(told: dict[Any, float]) -> None:
    page = (ROOT / "docs/operations/metrics.md").read_text()
    listed = {name for line in page.splitlines() if line.startswith("| `migrator_") for name in _METRIC.findall(line)}
    assert listed == {name for name, _ in told} | {"migrator_imports_held_up"}


def test_what_they_ask_of_labels_is_what_labels_say(told: dict[Any, float]) -> None:
    values: dict[str, set[str]] = {"job": {"migrator"}}
    for _, labels in told:
        for name, value in labels:
            values.setdefault(name, set()).add(value)
    matched = [row for expr in [*shown(), *(rule["expr"] for rule in rules())] for row in _MATCHED.findall(expr)]
    assert matched
    assert [row for row in matched if not set(row[2].split("|")) <= values[row[0]]] == []


def test_each_alert_says_what_to_do_and_leads_to_a_chapter_of_the_runbook() -> None:
    for rule in rules():
        said = rule["annotations"]
        assert {"summary", "description", "runbook_url"} == set(said)
        assert rule["labels"]["severity"] in {"critical", "warning"}
        page, _, anchor = said["runbook_url"].partition("#")
        headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(), re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
        assert anchor in anchors | set(re.findall(r'<a id="([\w-]+)">', (ROOT / page).read_text())), rule["alert"]


def test_the_commands_that_alerts_name_are_there() -> None:
    named = {word for rule in rules() for word in re.findall(r"migrator ([a-z]+)", rule["annotations"]["description"])}
    from app.cli import main  # noqa: PLC0415 - it takes its time

    assert named - set(main.commands) == set()
