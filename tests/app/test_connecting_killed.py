"""kill -9 of the process that connects an account: Google's answer to the code is waited for, and nothing stays."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from connections import acts
from consents import config_for, grants, names
from engine import pressed
from front import front
from stand_in import Google
from waiting import eventually

from app.config import Config
from app.settling import settle_due
from app.stores import Stores
from jobs import exchanges
from jobs.migration import part_key

ROOT = Path(__file__).resolve().parents[2]


def written(config: Config, folder: Path) -> Path:
    rows = {name: getattr(config, name).model_dump(exclude_defaults=True) for name in ("google", "store")}
    lines = [
        f"[{name}]\n" + "".join(f'{key} = "{value}"\n' for key, value in row.items()) for name, row in rows.items()
    ]
    (folder / "config.toml").write_text("\n".join(lines))
    return folder / "config.toml"


@pytest.mark.parametrize("place", ["/token", "/gmail/v1/users/me/profile"])
def test_whatever_google_answers_to_a_process_that_is_killed_is_given_back(
    place: str, google: Google, stores: Stores, migration: str, tmp_path: Path
) -> None:
    with front(google.url) as before:
        config = config_for(google, stores, tmp_path)
        there = {"api": before.url, "token_uri": f"{before.url}/token", "revoke_uri": f"{before.url}/revoke"}
        config = config.model_copy(update={"google": config.google.model_copy(update=there)})
        program = str(Path(__file__).with_name("connecting_process.py"))
        command = [sys.executable, program, str(written(config, tmp_path)), "apart", migration]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, text=True) as process:
            assert process.stdin
            assert process.stdout
            answer = pressed(google, process.stdout.readline().strip())

            def killing(_: object, forward: object) -> object:
                process.kill()
                process.wait()
                before.rules.clear()
                return forward()  # type: ignore[operator]

            before.rules[place] = killing  # type: ignore[assignment]
            process.stdin.write(answer + "\n")
            process.stdin.flush()
            eventually(lambda: stores.state.hexists(part_key(migration, "sealed"), "tokens"))
            process.wait()
        assert len(grants(google)) == 1
        (left,) = exchanges.every(stores.state)
        exchanges.put_off(stores.state, left, left.standing, 0)
        settle_due(config, stores)
    assert grants(google) == []
    assert names(stores) - {"durable:mark"} == set()
    assert acts(stores)[-1] == ("revoked", "")
