"""A consent whose answer was lost: a worker finds out what became of it, and tells where it can't."""

import json
import subprocess
import sys
from base64 import urlsafe_b64decode

import pytest
import tenacity
from consents import consented, grants
from front import front, page
from story.house import ROOT, House
from story.layouts import Install, Layout
from story.test_connect_again import stores_of

from app.config import Config, load
from app.connecting import connect
from emulator.servers.instance import Server
from jobs import exchanges
from jobs.discarding import Revocation
from jobs.exchanges import Standing
from jobs.migration import State, new_id, record_key
from oauth.errors import AnswerPending
from oauth.pending import Purpose

_until = tenacity.Retrying(
    retry=tenacity.retry_if_result(lambda found: not found),
    stop=tenacity.stop_after_delay(120),
    wait=tenacity.wait_fixed(0.1),
)


def by_way_of(home: House, url: str) -> Config:
    config = load(home.config)
    return config.model_copy(update={"google": config.google.model_copy(update={"token_uri": f"{url}/token"})})


def said_by(home: House, *command: str) -> str:
    whole = [sys.executable, "-m", "app", "--config", str(home.config), *command]
    return subprocess.run(whole, check=False, cwd=ROOT, capture_output=True, text=True).stdout


def test_access_that_nobody_can_give_back_is_listed_and_ends_in_a_receipt(
    install: Install, small: Layout, dovecot_server: Server
) -> None:
    home = install(small, dovecot_server)
    stores, migration = stores_of(home), new_id()
    with front(home.google.url) as before:
        config = by_way_of(home, before.url)
        asked = consented(home.google, config, stores, Purpose(migration))
        before.rules["/token"] = lambda _, forward: page(502) if forward() else None
        with pytest.raises(AnswerPending):
            connect(config, stores, *asked)
    assert migration in said_by(home, "list", "--unconfirmed")
    assert "may have left access at Google" in said_by(home, "doctor")
    left = exchanges.read(home.state, migration)
    assert left is not None
    exchanges.put_off(home.state, left, Standing.OPEN, 0)
    _until(lambda: home.state.exists(record_key(migration)) == 1)
    ended = home.wait(migration)
    assert ended.state is State.CANCELLED
    assert not Revocation.read(home.state, migration).confirmed
    assert len(grants(home.google)) == 1, "only its customer can remove it"
    assert [row["id"] for row in json.loads(said_by(home, "list", "--unconfirmed", "--json"))["rows"]] == [migration]
    receipt = said_by(home, "receipt", "show", migration).split(".")[1]
    assert json.loads(urlsafe_b64decode(f"{receipt}=="))["access"]["revocation"] == "unconfirmed"
    assert "grant-unconfirmed" in home.logs()
    home.keeps_nothing_it_should_not()
    stores.state.close()
    stores.keys.close()
