import io
import json
import re
import urllib.request
from pathlib import Path

import click
import pytest
from consents import config_for, grants, names
from engine import calls, invent, pressed
from rich.console import Console
from stand_in import Google

from app.config import Config
from app.importing import ImportOptions
from app.previewing import preview_account
from app.stores import Stores
from emulator.servers.instance import Server, User
from jobs import audit


class Customer(io.StringIO):
    """A person at a terminal: reads what is printed, opens the page that is named there, and presses Allow."""

    def __init__(self, google: Google) -> None:
        super().__init__()
        self._google = google

    def write(self, text: str) -> int:
        for url in re.findall(r"http://\S+/o/oauth2/\S+", text):
            urllib.request.urlopen(pressed(self._google, url), timeout=30).close()
        return super().write(text)


@pytest.fixture
def config(google: Google, stores: Stores, dovecot_server: Server, tmp_path: Path) -> Config:
    invent(google, 30)
    mailbox: dict[str, object] = {
        "host": dovecot_server.host,
        "port": dovecot_server.tls_port,
        "ca_file": dovecot_server.ca_file,
    }
    return config_for(google, stores, tmp_path, mailbox=mailbox)


@pytest.fixture
def user(dovecot_server: Server) -> User:
    return dovecot_server.new_user()


def options(user: User, *, grant: Path | None = None, password: str = "", account: str = "") -> ImportOptions:
    return ImportOptions(grant, user.name, password or user.password, account, dry_run=True)


def shown(google: Google, config: Config, wanted: ImportOptions) -> str:
    paper = Customer(google)
    preview_account(Console(file=paper, width=2000), config, wanted)
    return paper.getvalue()


def test_access_given_for_a_preview_is_revoked_at_its_end_and_nothing_is_kept(
    google: Google, config: Config, stores: Stores, user: User
) -> None:
    text = shown(google, config, options(user))
    assert "What would go where" in text
    assert "30 messages in Gmail" in text
    assert "revoked; Google confirms it" in text
    assert calls(google)["oauth.revoke"] == 1
    assert "messages.get" not in calls(google)
    assert (grants(google), names(stores)) == ([], set())
    acts = [str(entry.act) for entry in audit.entries(stores.state)]
    assert acts == ["granted", "revoking", "revoked", "key-destroyed"]


def test_a_mailbox_that_holds_mail_is_told_with_what_a_second_import_does(
    google: Google, config: Config, user: User, dovecot_server: Server
) -> None:
    assert "holds mail already" not in shown(google, config, options(user))
    with dovecot_server.observer(user) as client:
        client.append("INBOX", b"Subject: mine\r\n\r\nhello\r\n")
    assert "--since and the day of the last import" in shown(google, config, options(user))


def test_access_is_revoked_when_the_preview_fails(google: Google, config: Config, stores: Stores, user: User) -> None:
    with pytest.raises(click.ClickException, match="does not accept user name and password"):
        shown(google, config, options(user, password="wrong"))
    assert (grants(google), names(stores)) == ([], set())


def test_a_google_that_does_not_confirm_is_told_with_what_to_do(
    google: Google, config: Config, stores: Stores, user: User
) -> None:
    google.fault("backendError", method="oauth.revoke", times=0, status=503)
    text = shown(google, config, options(user))
    assert "Google confirms it" not in text
    assert "not-given-back" in text or "myaccount.google.com/connections" in text
    assert names(stores) == set()


def test_a_files_grant_is_left_as_it_is(
    google: Google, config: Config, stores: Stores, user: User, tmp_path: Path
) -> None:
    file = tmp_path / "grant.json"
    file.write_text(json.dumps(google.grant()))
    assert "What would go where" in shown(google, config, options(user, grant=file))
    assert len(grants(google)) == 1
    assert "oauth.revoke" not in calls(google)
    assert names(stores) == set()


def test_a_file_without_a_grant_is_said_to_be_none(google: Google, config: Config, user: User, tmp_path: Path) -> None:
    file = tmp_path / "grant.json"
    file.write_text("{}")
    with pytest.raises(click.ClickException):
        shown(google, config, options(user, grant=file))


def test_another_account_is_not_looked_at(google: Google, config: Config, stores: Stores, user: User) -> None:
    with pytest.raises(click.ClickException):
        shown(google, config, options(user, account="ann@gmail.example"))
    assert "labels.list" not in calls(google)
    assert (grants(google), names(stores)) == ([], set())
