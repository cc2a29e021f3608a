"""Ways in as the configuration opens them: what is missing or wrong is said by the setting's name."""

import json
from pathlib import Path
from typing import Any

import click
import pytest
from joserfc.jwk import OKPKey

from app.config import Config
from app.entering import allowed_hosts
from app.entrances import host_of, panel_of
from app.hosts import config_at
from app.wizard import master_password
from migrator.errors import UnknownHost
from web.views.host import Host

SIGNING = OKPKey.generate_key("Ed25519", private=True)
SECRET = OKPKey.generate_key("X25519", private=True)


def written(path: Path, value: object) -> str:
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return str(path)


def config(**panel: object) -> Config:
    web = {"url": "https://import.example.org"}
    return Config.model_validate({"web": web, "panel": {"origins": ["https://panel.example.org"], **panel}})


def keys(folder: Path) -> str:
    return written(folder / "keys.json", {"keys": [{**SIGNING.as_dict(private=False), "kid": "k"}]})


def test_without_origins_nobody_is_launched() -> None:
    assert panel_of(Config()) is None


def test_a_panel_is_known_by_its_origins_keys_and_issuer(tmp_path: Path) -> None:
    secret = written(tmp_path / "secret.json", dict(SECRET.as_dict(private=True)))
    found = panel_of(config(issuer="https://panel", keys_file=keys(tmp_path), secret_key_file=secret, master_user="m"))
    assert found
    assert (found.origins, found.master_user, found.login) == (
        frozenset({"https://panel.example.org"}),
        True,
        "address",
    )
    assert found.terms
    assert (found.terms.issuer, found.terms.audience) == ("https://panel", "https://import.example.org")
    assert list(found.terms.keys) == ["k"]
    assert found.terms.secret_key


def test_a_panel_is_known_however_its_origin_is_written() -> None:
    found = panel_of(config(origins=["https://Panel.Example.org:443/"]))
    assert found
    assert found.origins == frozenset({"https://panel.example.org"})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"keys_file": ""}, "panel.keys_file"),
        ({"issuer": ""}, "panel.issuer"),
        ({"keys_file": "/nowhere/keys.json"}, "panel.keys_file"),
        ({"keys_file": "WRITTEN:not json"}, "panel.keys_file"),
        ({"keys_file": "WRITTEN:[]"}, "panel.keys_file"),
        ({"keys_file": 'WRITTEN:{"keys": [{"kty": "RSA", "kid": "k"}]}'}, "panel.keys_file"),
        ({"secret_key_file": 'WRITTEN:{"kty": "OKP", "crv": "X25519", "x": "AA"}'}, "panel.secret_key_file"),
        ({"secret_key_file": 'WRITTEN:{"kty": "OKP", "crv": "Ed25519", "x": "A", "d": "A"}'}, "panel.secret_key_file"),
    ],
)
def test_a_setting_that_is_missing_or_cannot_be_used_is_named(
    changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    given = {"issuer": "https://panel", "keys_file": keys(tmp_path), **changes}
    for name, value in given.items():
        if value.startswith("WRITTEN:"):
            given[name] = written(tmp_path / "given.json", value.removeprefix("WRITTEN:"))
    with pytest.raises(click.ClickException, match=said.replace(".", r"\.")):
        panel_of(config(**given))


def test_a_master_users_password_is_read_from_its_file_and_named_where_it_is_missing(tmp_path: Path) -> None:
    file = written(tmp_path / "master", "hush\n")
    assert master_password(Config()) == ""
    assert master_password(config(master_user="m", master_password_file=file)) == "hush"
    for settings in ({"master_user": "m"}, {"master_password_file": file}):
        with pytest.raises(click.ClickException, match=r"panel\.master_password_file"):
            master_password(config(**settings))
    with pytest.raises(click.ClickException, match=r"panel\.master_password_file"):
        master_password(config(master_user="m", master_password_file=str(tmp_path)))


def test_customers_sign_in_at_the_servers_of_their_domains() -> None:
    rows = {
        "Example.org": {"host": "IMAP.example.org.", "login": "local-part"},
        "bücher.example": {"host": "imap.bücher.example"},
    }
    given = Config.model_validate({"mailbox": {"host": "other"}, "signin": {"hosts": rows}})
    found = allowed_hosts(given)
    domains = ("example.org", "", "bücher.example", "xn--bcher-kva.example")
    its = "imap.xn--bcher-kva.example"
    assert [config_at(given, domain).target.host for domain in domains] == ["imap.example.org", "other", its, its]
    with pytest.raises(UnknownHost):
        config_at(given, "elsewhere.example")
    assert (found["example.org"].mailbox.host, found["example.org"].login) == ("imap.example.org", "local-part")


def test_the_host_is_called_by_its_name_else_by_the_address_of_the_pages() -> None:
    assert host_of(config()) == Host("import.example.org")
    named = {"url": "https://x", "name": "Example Mail", "support_url": "https://help"}
    receipts = {"policy_url": "https://policy"}
    shown = host_of(Config.model_validate({"web": named, "receipts": receipts}))
    assert shown == Host("Example Mail", "https://policy", "https://help")
