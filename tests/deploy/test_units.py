"""The systemd units as systemd reads them, without running any: what they mean, and how far their walls go."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from servers.guarded import DEPLOY, ROOT

from emulator.servers.instance import INSTALL

UNITS = (
    "migrator-worker@1.service",
    "migrator-web.service",
    "migrator-console.service",
    "migrator-metrics.service",
    "migrator-redis-state.service",
    "migrator-redis-keys.service",
)
PROGRAMS = ("opt/migrator/.venv/bin/migrator", "usr/bin/redis-server")
TARGETS = ("basic", "multi-user", "network", "network-online", "shutdown", "sysinit")
MOST_EXPOSED = 20
"""In tenths; systemd's scale ends at 100."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root directory with the units and what they name."""
    root = tmp_path_factory.mktemp("root")
    units = root / "etc" / "systemd" / "system"
    shutil.copytree(DEPLOY / "systemd", units)
    for name in TARGETS:
        (units / f"{name}.target").write_text("[Unit]\nDescription=a stand-in\n")
    for name in PROGRAMS:
        program = root / name
        program.parent.mkdir(parents=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    return root


def analyzed(root: Path, *words: str) -> str:
    """Return what systemd-analyze says; it must not complain."""
    program = shutil.which("systemd-analyze")
    assert program, INSTALL
    told = subprocess.run(
        [program, f"--root={root}", "--no-pager", *words], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout + told.stderr


def test_systemd_understands_every_line(installed: Path) -> None:
    assert analyzed(installed, "verify", "--man=no", *UNITS) == ""


@pytest.mark.parametrize("unit", UNITS)
def test_the_walls_are_as_narrow_as_promised(installed: Path, unit: str) -> None:
    analyzed(installed, "security", "--offline=yes", f"--threshold={MOST_EXPOSED}", unit)


def test_every_unit_is_looked_at() -> None:
    there = {path.name for path in (DEPLOY / "systemd").glob("*.service")}
    assert there == {unit.replace("@1", "@") for unit in UNITS}


def test_no_secret_lies_where_the_unit_could_list_it() -> None:
    for path in (DEPLOY / "systemd").glob("migrator-[cmw]*.service"):
        lines = path.read_text().splitlines()
        naming = [line for line in lines if "/etc/migrator/secrets" in line]
        assert naming
        assert all(line.startswith("LoadCredential=migrator-") for line in naming)


def test_every_unit_is_a_user_of_its_own_which_the_guide_makes() -> None:
    guide = (ROOT / "docs" / "operations" / "install.md").read_text()
    users = {}
    for path in (DEPLOY / "systemd").glob("*.service"):
        named = dict(
            line.split("=", 1) for line in path.read_text().splitlines() if line.startswith(("User=", "Group="))
        )
        assert named["User"] == named["Group"] != "root"
        users[path.name] = named["User"]
    assert len(set(users.values())) == len(UNITS)
    made = re.search(r"for user in ([a-z ]+); do\n *useradd --system .* migrator-\$user", guide)
    assert made
    assert {f"migrator-{name}" for name in made[1].split()} == set(users.values())


def test_the_firewall_knows_the_users_of_our_processes() -> None:
    rules = (DEPLOY / "nftables" / "migrator.nft").read_text()
    for name in ("worker", "web", "console", "metrics"):
        assert f'"migrator-{name}"' in rules
