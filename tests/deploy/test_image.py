"""The Dockerfile, line by line: no image is built here, for that takes a daemon."""

import re
import tomllib

import pytest
from servers.guarded import ROOT

LINES = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text()).splitlines()
STEPS = [line.split(" ", 1) for line in LINES if line and not line.startswith("#")]
BUILT, FINAL = (part.strip().splitlines() for part in "\n".join(map(" ".join, STEPS)).split("FROM ")[1:])
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements-image.lock").read_text()


def arguments(word: str) -> list[str]:
    return [rest for name, rest in STEPS if name == word]


def copied() -> set[str]:
    """Return what comes from the checkout."""
    rows = [rest.split() for rest in arguments("COPY") if not rest.startswith("--from=")]
    return {source for row in rows for source in row[:-1]}


def test_everything_it_copies_is_here_and_let_through() -> None:
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert all((ROOT / name).exists() for name in copied())
    assert copied() == let_through
    assert (ROOT / ".dockerignore").read_text().startswith("*\n")


def test_it_copies_every_package() -> None:
    assert {name.split(".")[0] for name in PROJECT["tool"]["setuptools"]["packages"]} <= copied()


def test_it_ends_as_a_user_without_rights() -> None:
    assert [line for line in FINAL if line.startswith("USER ")] == ["USER 10001:10001"]
    assert FINAL.index("USER 10001:10001") > FINAL.index(next(line for line in FINAL if line.startswith("RUN useradd")))


def test_it_is_stopped_as_the_worker_understands() -> None:
    assert arguments("STOPSIGNAL") == ["SIGTERM"]
    assert arguments("ENTRYPOINT") == ['["migrator"]'], "not by a shell, which would keep the signal to itself"


def test_nothing_is_fetched_but_locked_packages() -> None:
    assert arguments("ADD") == []
    fetching = [line for line in arguments("RUN") if re.search(r"\b(curl|wget|git|apt-get)\b", line)]
    assert fetching == []
    installing = [line for line in arguments("RUN") if "pip install" in line]
    assert all("--require-hashes --only-binary :all:" in line or "--no-index" in line for line in installing)


def test_the_last_stage_compiles_nothing_and_holds_no_installer() -> None:
    assert not any("pip" in line for line in FINAL)
    assert any("pip uninstall --yes setuptools pip" in line for line in BUILT)


def test_the_base_is_an_argument_and_the_two_stages_have_the_same() -> None:
    (base,) = [rest for rest in arguments("ARG") if rest.startswith("BASE=")]
    assert re.fullmatch(r"BASE=python:3\.11-slim-\w+", base)
    assert [rest.split()[0] for rest in arguments("FROM")] == ["${BASE}", "${BASE}"]


def pinned(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", lock, re.MULTILINE))


def test_its_packages_are_those_of_the_project_in_the_same_versions() -> None:
    image, all_of_them = pinned(LOCK), pinned((ROOT / "requirements.lock").read_text())
    wanted = {re.split(r"[\[<>=;~ ]", line)[0] for line in PROJECT["project"]["dependencies"]}
    assert wanted <= set(image)
    assert image.items() <= all_of_them.items()
    assert LOCK.count("--hash=sha256:") > len(image)


@pytest.mark.parametrize("name", ["pymap", "uvloop", "httptools"])
def test_the_demo_s_packages_are_not_in_it(name: str) -> None:
    assert name not in pinned(LOCK)
