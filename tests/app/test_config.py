import tomllib
from datetime import UTC, datetime
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

from app.config import Config, ConfigError, load
from migrator.mailbox import Target
from migrator.period import day_of
from web.clients import Proxies

EXAMPLE = Path(__file__).resolve().parents[2] / "config.example.toml"


def sections_of(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """Return the sections of the configuration, or of a section, by name."""
    return {
        name: field.annotation
        for name, field in model.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }


SECTIONS = sections_of(Config)
INNER = {f"{name}.{inner}": one for name, model in SECTIONS.items() for inner, one in sections_of(model).items()}


@pytest.fixture(autouse=True)
def _no_file_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIGRATOR_CONFIG", raising=False)


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "config.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_the_example_is_exactly_the_defaults() -> None:
    assert load(EXAMPLE) == Config()


def test_the_example_shows_every_setting() -> None:
    shown = tomllib.loads(EXAMPLE.read_text())
    shown |= {f"{name}.{inner}": rows[inner] for name, rows in shown.items() for inner in sections_of(SECTIONS[name])}
    assert {name: list(rows) for name, rows in shown.items()} == {
        name: list(section.model_fields) for name, section in (SECTIONS | INNER).items()
    }


def test_every_setting_of_the_example_is_preceded_by_its_reason() -> None:
    lines = EXAMPLE.read_text().splitlines()
    settings = [(before, line) for before, line in pairwise(lines) if "=" in line and not line.startswith("#")]
    assert len(settings) == sum(len(section.model_fields) for section in (SECTIONS | INNER).values()) - len(INNER)
    assert [line for before, line in settings if not before.startswith("# ")] == []
    assert max(map(len, lines)) <= 120


def test_without_a_file_everything_is_its_default() -> None:
    assert load(None) == Config()


def test_the_file_may_be_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGRATOR_CONFIG", str(written(tmp_path, "[worker]\nthreads = 7\n")))
    assert load(None).worker.threads == 7
    assert load(EXAMPLE).worker.threads == 4, "the one named on the command line comes first"


def test_settings_arrive_where_they_are_used(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(" hush\n")
    config = load(
        written(
            tmp_path,
            f"""
            google.client_id = "id"
            google.client_secret_file = "{tmp_path / "secret"}"
            mailbox = {{host = "imap.example.com", port = 143, tls = "starttls", ca_file = "/ca.pem"}}
            migrations = {{policy = "copy-per-label", spam = true, categories = "none", sent_first = true}}
            """,
        )
    )
    assert config.target == Target("imap.example.com", 143, "starttls", Path("/ca.pem"))
    assert config.client.client_secret == "hush"
    choices = config.migrations.choices
    assert (choices.policy, choices.spam, choices.trash) == ("copy-per-label", True, False)
    assert (choices.categories, choices.sent_first) == ("none", True)


@pytest.mark.parametrize("setting", ["api", "auth_uri", "token_uri", "revoke_uri"])
@pytest.mark.parametrize(
    ("address", "good"),
    [
        *[(f"http://{host}:8080/x", True) for host in ("127.0.0.1", "127.9.9.9", "localhost", "[::1]")],
        ("https://oauth2.googleapis.com/token", True),
        *[(f"http://{host}/x", False) for host in ("google.example", "10.0.0.1", "127.0.0.1.example", "localhost.x")],
        *[(address, False) for address in ("ftp://127.0.0.1/", "127.0.0.1:80", "http://", "https://", "")],
    ],
)
def test_google_is_spoken_with_by_tls_unless_it_is_a_stand_in_on_this_machine(
    tmp_path: Path, setting: str, address: str, *, good: bool
) -> None:
    file = written(tmp_path, f'[google]\n{setting} = "{address}"\n')
    if good:
        assert getattr(load(file).google, setting) == address
        return
    with pytest.raises(ConfigError, match=f"google.{setting}"):
        load(file)


def test_an_empty_path_is_none(tmp_path: Path) -> None:
    config = load(written(tmp_path, 'google.client_secret_file = ""\nstore.master_key_file = ""\nmailbox.ca_file = ""'))
    assert config.google.client_secret_file is None
    assert config.store.master_key_file is None
    assert config.target.ca_file is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[worker]\nthread = 3", "worker.thread"),
        ("[gogle]\n", "gogle"),
        ("[worker]\nthreads = 0", "worker.threads"),
        ('[worker]\nthreads = "many"', "worker.threads"),
        ("[worker]\nmemory_mib = 1", "worker.memory_mib"),
        ('[google]\nprofile = "fast"', "google.profile"),
        ("[mailbox]\nport = 70000", "mailbox.port"),
        ('[migrations]\norder = "random"', "migrations.order"),
        ('[migrations]\nperiod = "2y"', "migrations.period"),
        ('[migrations]\nperiod = "2020-02-30"', "migrations.period"),
        ("worker = 5", "worker"),
        ("[worker", "not valid TOML"),
        ("worker.threads = 1\nworker.threads = 2", "not valid TOML"),
        (b'google.client_id = "\xff"', "not valid TOML"),
    ],
)
def test_a_wrong_setting_is_named_and_where_to_look(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, text))
    assert said in caught.value.message
    assert "config.toml" in caught.value.message


def test_every_wrong_setting_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"(?s)mailbox\.port.*worker\.threads"):
        load(written(tmp_path, "worker.threads = 0\nmailbox.port = 0"))


def test_a_wrong_value_is_not_repeated_since_it_may_be_a_secret(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, '[google]\nclient_secret = "canary"\nfetchers = "canary"\nprofile = "canary"'))
    assert "canary" not in caught.value.message
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_file_that_cannot_be_read_says_how_to_make_one(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*config\.example\.toml"):
        load(tmp_path / name)


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    secret = tmp_path / "secret"
    if content is not None:
        secret.write_bytes(content)
    config = load(written(tmp_path, f'google.client_secret_file = "{secret}"'))
    with pytest.raises(click.ClickException, match=r"google\.client_secret_file"):
        _ = config.client


@pytest.mark.parametrize("section", ["web", "console"])
@pytest.mark.parametrize(
    "written", ["https://Import.Example.org:443/", " https://import.example.org. ", "https://import.example.org//"]
)
def test_an_address_of_ours_is_one_however_it_is_written(tmp_path: Path, section: str, written: str) -> None:
    found = load(written_url(tmp_path, section, written))
    assert getattr(found, section).url == "https://import.example.org"
    assert found.return_address == ("https://import.example.org/consent/return" if section == "web" else "")


@pytest.mark.parametrize("setting", ["web.url", "console.url", "hook.url", "panel.origins"])
@pytest.mark.parametrize("address", ["import.example.org", "https://", "https://ann@import.example.org", "https://a b"])
def test_what_browsers_could_not_reach_is_refused(tmp_path: Path, setting: str, address: str) -> None:
    section, name = setting.split(".")
    value = f'["{address}"]' if name == "origins" else f'"{address}"'
    with pytest.raises(ConfigError, match=f"{section}.{name}.*: must "):
        load(written(tmp_path, f"[{section}]\n{name} = {value}\n"))


@pytest.mark.parametrize("section", ["web", "console"])
def test_nothing_of_ours_is_served_below_a_path(tmp_path: Path, section: str) -> None:
    with pytest.raises(ConfigError, match=f"{section}.url: must end after the host.*a host name of their own"):
        load(written_url(tmp_path, section, "https://example.org/import"))


def test_the_receiver_of_webhooks_may_have_a_path(tmp_path: Path) -> None:
    found = load(written_url(tmp_path, "hook", "https://Panel.bücher.example/Hooks/import?a=B"))
    assert found.hook.url == "https://panel.xn--bcher-kva.example/Hooks/import?a=B"


def test_a_domain_named_twice_in_two_spellings_is_refused(tmp_path: Path) -> None:
    rows = '{"bücher.example" = {host = "a"}, "XN--bcher-kva.example." = {host = "b"}}'
    with pytest.raises(ConfigError, match=r"signin\.hosts: names a domain twice"):
        load(written(tmp_path, f"signin.hosts = {rows}"))


@pytest.mark.parametrize(
    ("written_as", "host"),
    [
        ("IMAP.Example.org.", "imap.example.org"),
        ("imap.bücher.example", "imap.xn--bcher-kva.example"),
        ("[::1]", "::1"),
    ],
)
def test_a_mail_server_is_called_as_its_certificate_does(tmp_path: Path, written_as: str, host: str) -> None:
    assert load(written(tmp_path, f'mailbox.host = "{written_as}"')).target.host == host


def written_url(folder: Path, section: str, url: str) -> Path:
    return written(folder, f'[{section}]\nurl = "{url}"\n')


def test_a_period_of_years_becomes_a_day_when_an_import_begins(tmp_path: Path) -> None:
    years, day = (load(written(tmp_path, f'[migrations]\nperiod = "{period}"')) for period in ("3y", "2020-01-31"))
    assert years.migrations.choices.since == day_of("3y", datetime.now(UTC).date())
    assert day.migrations.choices.since == "2020-01-31"
    assert Config().migrations.choices.since == ""


def test_a_configuration_cannot_be_changed_later() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Config().worker.threads = 9


OURS = (ip_network("10.0.0.0/8"), ip_network("::1/128"))


@pytest.mark.parametrize("section", ["web", "console"])
@pytest.mark.parametrize("header", ["x-forwarded-for", "X-Forwarded-For", "Forwarded"])
def test_a_list_that_browsers_begin_needs_the_number_of_proxies(section: str, header: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'[{section}]\nclient_header = "{header}"\n')
    with pytest.raises(ConfigError, match=r"trusted_proxies = 1") as refused:
        load(file)
    assert section in str(refused.value)
    assert 'client_header = "X-Real-IP"' in str(refused.value)


@pytest.mark.parametrize(
    ("written", "proxies"),
    [
        ("", Proxies()),
        ('client_header = "X-Real-IP"', Proxies("x-real-ip")),
        ("trusted_proxies = 2", Proxies("x-forwarded-for", 2)),
        ('trusted_proxies = 1\nclient_header = "Forwarded"', Proxies("forwarded", 1)),
        ('trusted_proxies = ["10.0.0.0/8", "::1/128"]', Proxies("x-forwarded-for", 1, OURS)),
        ('trusted_proxies = ["10.0.0.0/8", "::1"]\nclient_header = "X-Real-IP"', Proxies("x-real-ip", 1, OURS)),
    ],
)
def test_proxies_are_told_by_a_header_a_number_or_their_networks(
    written: str, proxies: Proxies, tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f"[web]\n{written}\n[console]\n{written}\n")
    config = load(file)
    assert config.web.proxies == config.console.proxies == proxies


@pytest.mark.parametrize("wrong", ["-1", '["nowhere"]', '"x"', "17"])
def test_proxies_that_cannot_be_are_refused(wrong: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f"[web]\ntrusted_proxies = {wrong}\n")
    with pytest.raises(ConfigError, match="trusted_proxies"):
        load(file)
