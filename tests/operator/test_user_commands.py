import json
import time
from typing import Any

import pytest
from click.testing import CliRunner, Result
from front_desk import Visitor, altered, enlist, roster_of

from app.cli_users import user_group
from app.config import Config
from app.stores import Stores
from jobs import audit
from jobs.audit import TERMINAL, Act
from web.operator import accounts
from web.operator.account import Account
from web.operator.rights import Role


@pytest.fixture
def config(console_config: Config, stores: Stores) -> Config:
    _ = stores
    return console_config


def run(config: Config, *arguments: str) -> Result:
    return CliRunner().invoke(user_group, arguments, obj=config)


def told(config: Config, *arguments: str) -> Any:
    return json.loads(run(config, *arguments, "--json").stdout)


def found(stores: Stores, name: str) -> Account | None:
    return accounts.by_sign(roster_of(stores), accounts.local(name))


def test_there_is_nobody_at_first(config: Config, url: str) -> None:
    assert "adds the first" in run(config, "list").stdout
    assert told(config, "list") == []
    for name, password in (("admin", "admin"), ("root", ""), ("", "")):
        assert Visitor(url).give_password(name, password).status == 403


def test_the_first_admin_gets_an_address_and_a_code(config: Config, stores: Stores, url: str) -> None:
    place, code = run(config, "add", "boss", "--role", "admin").stdout.split()
    assert place == f"{config.console.url}/enrol"
    assert Visitor(url).post("/enrol", code=code).place == "/enrol/password"
    (entry,) = audit.entries(stores.state)
    assert (entry.actor, entry.act, entry.code) == (TERMINAL, Act.MEMBER_ADDED, "admin")


def test_the_list_says_how_everybody_stands(config: Config, stores: Stores) -> None:
    run(config, "add", "new")
    enlist(stores, "ann", Role.ADMIN, used_at=1_800_000_000.0)
    enlist(stores, "bob", rests_until=time.time() + 900)
    text = run(config, "list").stdout
    for words in ("has not enrolled", "signed in 2027-01-15 08:00 UTC", "rests until"):
        assert words in text
    rows = {row["name"]: row for row in told(config, "list")}
    assert (rows["ann"]["role"], rows["ann"]["enrolled"], rows["ann"]["resting"]) == ("admin", True, False)
    assert (rows["bob"]["resting"], rows["new"]["enrolled"]) == (True, False)


def test_a_role_is_changed_and_a_rest_lifted(config: Config, stores: Stores) -> None:
    ann = enlist(stores, "ann", wrong=10, rests_until=time.time() + 900)
    assert told(config, "role", "Ann", "admin") == {"done": True}
    assert run(config, "unlock", "ann").exit_code == 0
    after = found(stores, "ann")
    assert after
    assert (after.role, after.rests_until, after.epoch == ann.epoch) == (Role.ADMIN, 0.0, False)


def test_a_reset_gives_a_new_code_and_a_removed_person_is_gone(config: Config, stores: Stores, url: str) -> None:
    enlist(stores, "ann")
    code = told(config, "reset", "ann")["code"]
    assert Visitor(url).post("/enrol", code=code).status == 303
    assert run(config, "remove", "ann").exit_code == 0
    assert found(stores, "ann") is None
    assert Visitor(url).post("/enrol", code=code).status == 403


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "ann"), "already"),
        (("add", "two words"), "up to 64 letters"),
        (("role", "nobody", "admin"), "nobody of this name"),
        (("reset", "nobody"), "nobody of this name"),
        (("remove", "nobody"), "nobody of this name"),
        (("role", "ann", "emperor"), "is not one of"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    arguments: tuple[str, ...], words: str, config: Config, stores: Stores
) -> None:
    enlist(stores, "ann")
    result = run(config, *arguments)
    assert result.exit_code
    assert words in result.output


def test_an_account_of_a_lost_master_key_is_listed_and_removed_by_its_id(config: Config, stores: Stores) -> None:
    ann = enlist(stores, "ann")
    stores.state.set(f"staff:account:{ann.id}", b"k0:nonsense", keepttl=True)
    assert told(config, "list") == [{"id": ann.id, "unreadable": True}]
    assert "remove it, and add the person anew" in run(config, "list").stdout
    assert "master key that is gone" in run(config, "reset", ann.id).output
    assert run(config, "remove", ann.id).exit_code == 0
    assert run(config, "add", "ann").exit_code == 0


def test_a_person_of_a_single_sign_on_is_changed_there(config: Config, stores: Stores) -> None:
    foreign = accounts.new("ann", Role.VIEWER, "sso")
    accounts.add(roster_of(stores), foreign, accounts.foreign("https://login.example", "ann"))
    assert "change it there" in run(config, "role", foreign.id, "admin").output
    assert run(config, "remove", foreign.id).exit_code == 0


def test_without_an_audit_log_nothing_is_done(config: Config, stores: Stores) -> None:
    ann = enlist(stores, "ann")
    stores.state.set("audit:broken", "damaged")
    result = run(config, "remove", "ann")
    assert (result.exit_code, "nothing is done unlogged" in result.output) == (1, True)
    assert altered(stores, ann) == ann
