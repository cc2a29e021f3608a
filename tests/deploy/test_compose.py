"""compose.yaml as Compose reads it, and what it promises."""

import os
import shutil
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
    assert name == "state-folder" or service["user"] != "0:0"
    assert "environment" not in service, "secrets come as files"


def test_every_service_is_a_user_of_its_own() -> None:
    users = [service["user"].partition(":")[0] for service in SERVICES.values()]
    assert len(set(users)) == len(users)
    for name in OURS:
        user, _, group = SERVICES[name]["user"].partition(":")
        (folder,) = SERVICES[name]["tmpfs"]
        assert folder.startswith(f"/run/migrator:uid={user},gid={group},mode=0700,")
    (_, _, command) = SERVICES["state-folder"]["entrypoint"]
    for name, folder in (("state", "/var/lib/migrator-state"), ("worker", "/var/lib/migrator-audit")):
        assert f"chown {SERVICES[name]['user']} {folder}" in command


def may_read(user: str, file: Path) -> bool:
    (uid, gid), found = map(int, user.split(":")), file.stat()
    bit = 0o400 if found.st_uid == uid else 0o040 if found.st_gid == gid else 0o004
    return bool(found.st_mode & bit)


@pytest.mark.skipif(os.geteuid() != 0, reason="files are given to others by root alone")
def test_every_secret_is_given_to_who_reads_it_and_to_nobody_else(guarded_stores: Guarded, tmp_path: Path) -> None:
    folder = shutil.copytree(guarded_stores.secrets, tmp_path / "secrets")
    (folder / "client-secret").write_text("secret")
    subprocess.run([DEPLOY / "give-secrets", folder], check=True)
    files = {name: folder / Path(row["file"]).name for name, row in WHOLE["secrets"].items()}
    shared = {"master", "workers-public", "receipt", "client", "ca"}
    for name, service in SERVICES.items():
        given = set(sources(name, "secrets"))
        assert {one for one in given if not may_read(service["user"], files[one])} == set(), name
        others = set(files) - given - shared
        assert name == "state-folder" or not {one for one in others if may_read(service["user"], files[one])}, name
    assert not may_read(SERVICES["metrics"]["user"], files["master"])
    assert [name for name in OURS if may_read(SERVICES[name]["user"], files["workers"])] == ["worker"]
    assert not may_read(SERVICES["state"]["user"], files["master"])
    assert (folder.stat().st_mode & 0o777, (folder / "ca.key").stat().st_mode & 0o777) == (0o700, 0o400)


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
