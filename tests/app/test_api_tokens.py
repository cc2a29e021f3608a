"""Service tokens: made and removed at the command line, kept as hashes, and what opens the API of an installation."""

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from consents import stores_in

from app.api_tokens import TokensUnusable, add_token, read_tokens, remove_token
from app.cli_tokens import token_group
from app.config import Api, Config, Panel, Web
from app.panel_api import panel_api
from app.stores import Stores
from web.api.tokens import Scope, token_for

EVERYTHING = frozenset(Scope)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "api-tokens"


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    with stores_in(tmp_path) as found:
        yield found


def run(file: Path | None, *words: str) -> Result:
    return CliRunner().invoke(token_group, words, obj=Config(api=Api(tokens_file=file)))


def test_a_token_is_printed_once_and_the_file_has_its_hash_alone(file: Path) -> None:
    made = run(file, "add", "panel")
    token = made.stdout.strip()
    assert made.exit_code == 0
    assert token.startswith("gmt_")
    assert token not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found = token_for(token, read_tokens(file))
    assert found is not None
    assert (found.name, found.scopes) == ("panel", EVERYTHING)
    assert [path.name for path in file.parent.iterdir()] == [file.name], "nothing is left beside it"


def test_a_token_may_do_what_was_said(file: Path) -> None:
    run(file, "add", "cards", "--scope", "migrations:read")
    run(file, "add", "shop", "--scope", "launches:create", "--scope", "migrations:read")
    assert [token.scopes for token in read_tokens(file)] == [{Scope.READ}, {Scope.LAUNCH, Scope.READ}]
    assert run(file, "list").stdout == "cards  migrations:read\nshop  launches:create migrations:read\n"
    assert run(file, "add", "other", "--scope", "everything").exit_code == 2


def test_a_removed_token_opens_nothing_and_the_others_still_do(file: Path) -> None:
    first, second = add_token(file, "first", EVERYTHING), add_token(file, "second", EVERYTHING)
    assert run(file, "remove", "first").exit_code == 0
    known = read_tokens(file)
    assert token_for(first, known) is None
    assert token_for(second, known) is not None
    with pytest.raises(TokensUnusable, match="no token first"):
        remove_token(file, "first")


@pytest.mark.parametrize("name", ["", "Panel", "a b", "x" * 33, "panel"])
def test_a_name_that_is_taken_or_none_is_refused_and_the_file_stays_as_it_was(file: Path, name: str) -> None:
    add_token(file, "panel", EVERYTHING)
    before = file.read_bytes()
    made = run(file, "add", name)
    assert made.exit_code == 1
    assert "api.tokens_file" in made.stderr
    assert made.stdout == ""
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "text",
    [
        "panel",
        "panel " + "0" * 63 + " migrations:read",
        "panel " + "0" * 64 + " migrations:all",
        "panel " + "0" * 64 + " ",
        "Panel " + "0" * 64 + " migrations:read",
        ("panel " + "0" * 64 + " migrations:read\n") * 2,
        "pänel",
    ],
)
def test_a_file_of_another_shape_is_refused_and_not_repeated(file: Path, text: str) -> None:
    file.write_text(text)
    for words in (("list",), ("add", "new"), ("remove", "panel")):
        result = run(file, *words)
        assert result.exit_code == 1
        assert "0000" not in result.output
    assert file.read_text() == text


def test_without_a_file_it_is_said_which_setting_is_missing() -> None:
    assert "api.tokens_file is not set" in run(None, "add", "panel").stderr


def test_it_is_a_command_of_the_program(file: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[api]\ntokens_file = "{file}"\n')
    command = [sys.executable, "-m", "app", "--config", str(config), "api-token", "add", "panel"]
    made = subprocess.run(command, check=False, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert token_for(made.stdout.strip(), read_tokens(file)) is not None


def test_without_a_token_there_is_no_api(stores: Stores, file: Path) -> None:
    assert panel_api(Config(), stores) is None
    file.write_text("")
    assert panel_api(Config(api=Api(tokens_file=file)), stores) is None


def test_an_api_without_a_panel_or_with_a_broken_file_is_said_at_the_start(stores: Stores, file: Path) -> None:
    with pytest.raises(click.ClickException, match="api-token add"):
        panel_api(Config(api=Api(tokens_file=file)), stores)
    add_token(file, "panel", EVERYTHING)
    with pytest.raises(click.ClickException, match=r"panel\.origins"):
        panel_api(Config(api=Api(tokens_file=file)), stores)


def test_with_both_there_is_one(stores: Stores, file: Path) -> None:
    add_token(file, "panel", EVERYTHING)
    panel, web = Panel(origins=("https://panel.example",)), Web(url="https://import.example")
    assert panel_api(Config(api=Api(tokens_file=file), panel=panel, web=web), stores) is not None
