"""compose.yaml as Compose reads it, and what it promises."""

import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from servers.guarded import DEPLOY, ROOT, Guarded

from app.config import Config

WHOLE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = WHOLE["services"]
OURS = ("worker", "web", "console", "metrics")


def sources(service: str, what: str) -> list[str]:
    return [row["source"] for row in SERVICES[service].get(what, ())]


def test_compose_reads_it() -> None:
    # Debian's Compose is of the first generation: it knows the specification, and wants no server for this.
    read = subprocess.run(["docker-compose", "config"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    assert set(yaml.safe_load(read.stdout)["services"]) == set(SERVICES)


def test_everything_it_names_is_defined_and_everything_defined_is_used() -> None:
    for kind in ("secrets", "configs"):
        assert {name for service in SERVICES for name in sources(service, kind)} == set(WHOLE[kind])
    used = {name for service in SERVICES.values() for name in service.get("networks", ())}
    assert used == set(WHOLE["networks"])
    waited = {name for service in SERVICES.values() for name in service.get("depends_on", ())}
    assert waited <= set(SERVICES)


def test_the_files_of_its_configs_are_here_and_its_secrets_are_made_or_given() -> None:
    assert all((ROOT / row["file"]).is_file() for row in WHOLE["configs"].values())
    assert {Path(row["file"]).parent.as_posix() for row in WHOLE["secrets"].values()} == {"deploy/secrets"}


def test_make_secrets_makes_all_of_them_but_google_s(guarded_stores: Guarded) -> None:
    made = {path.name for path in guarded_stores.secrets.iterdir()}
    assert {Path(row["file"]).name for row in WHOLE["secrets"].values()} - made == {"client-secret"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_behind_its_walls(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert name == "state-folder" or service["user"] == "10001:10001"
    assert "environment" not in service, "secrets come as files"


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_but_the_worker_s_tells_whether_it_is_well(name: str) -> None:
    assert name in {"worker", "state-folder"} or "test" in SERVICES[name]["healthcheck"]


def test_only_who_needs_it_has_a_way_out_or_the_keys() -> None:
    networks = {name: set(service.get("networks", ())) for name, service in SERVICES.items()}
    assert {name for name, those in networks.items() if "out" in those} == {"worker", "web"}
    assert {name for name, those in networks.items() if "keys" in those} == {"worker", "web", "console", "keys"}
    assert all(WHOLE["networks"][name]["internal"] for name in ("state", "keys"))


def test_ports_are_on_the_loopback_alone() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_key_store_has_no_disk() -> None:
    assert "volumes" not in SERVICES["keys"]
    settings = (DEPLOY / "redis" / "keys.conf").read_text().splitlines()
    assert {'save ""', "appendonly no"} <= set(settings)


@pytest.mark.parametrize("name", OURS)
def test_a_role_is_given_its_own_secrets_alone(name: str) -> None:
    given = {source for source in sources(name, "secrets") if source.startswith(("state-", "keys-"))}
    assert given <= {f"state-{name}", f"keys-{name}"} | ({"state-keeper"} if name == "worker" else set())
    assert ("audit" in sources(name, "secrets")) == (name == "worker")
    assert ("client" in sources(name, "secrets")) == (name in {"worker", "web"})


def test_the_configuration_it_brings_is_one() -> None:
    config = Config.model_validate(tomllib.loads((DEPLOY / "compose" / "config.toml").read_text()))
    assert config.store.url.startswith("rediss://state:")
    assert config.web.host == "0.0.0.0"
