import json
from pathlib import Path

import pytest
from connections import OTHER, sealed
from consents import grants, names
from engine import ADDRESS
from stand_in import Google

from app.config import Config
from app.connecting import connect_file
from app.stores import Stores
from oauth.errors import (
    GrantUnreadable,
    WrongAccount,
)
from oauth.pending import Purpose


def test_a_file_with_a_grant_is_sealed_like_any_other(
    google: Google, config: Config, stores: Stores, migration: str, tmp_path: Path
) -> None:
    file = tmp_path / "grant.json"
    file.write_text(json.dumps(google.grant()))
    assert connect_file(config, stores, Purpose(migration, expected=ADDRESS), file).address == ADDRESS
    assert sealed(stores, migration).refresh_token == json.loads(file.read_text())["refresh_token"]


@pytest.mark.parametrize("text", [None, "", "{}", '{"refresh_token": ""}'])
def test_a_file_without_a_grant_is_said_to_be_none(
    text: str | None, config: Config, stores: Stores, migration: str, tmp_path: Path
) -> None:
    file = tmp_path / "grant.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(GrantUnreadable):
        connect_file(config, stores, Purpose(migration), file)
    assert names(stores) == set()


def test_a_files_grant_is_left_alive_when_its_account_is_the_wrong_one(
    google: Google, config: Config, stores: Stores, migration: str, tmp_path: Path
) -> None:
    file = tmp_path / "grant.json"
    file.write_text(json.dumps(google.grant()))
    with pytest.raises(WrongAccount):
        connect_file(config, stores, Purpose(migration, expected=OTHER), file)
    assert len(grants(google)) == 1
    assert names(stores) == set()
