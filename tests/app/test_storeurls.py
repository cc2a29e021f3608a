"""The configured stores: passwords come from files, and what cannot work is said before anything is connected."""

from pathlib import Path

import click
import pytest
from redis import Redis

from app.config import Store
from app.embedded import start
from app.storeurls import configured_urls, name_of
from jobs.reach import open_store

URLS = {
    "url": "rediss://worker@redis.lan:6379/0",
    "broker_url": "rediss://worker@redis.lan:6379/1",
    "keys_url": "rediss://worker@keys.lan:6379/0",
}


def secret(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def arguments(url: str) -> dict[str, object]:
    with open_store(url, 5) as client:
        return client.connection_pool.connection_kwargs


def test_passwords_and_authorities_come_from_files(tmp_path: Path) -> None:
    store = Store(
        **URLS,
        ca_file=Path("/etc/ca.pem"),
        password_file=secret(tmp_path, "state", "p@ss word\n"),
        keys_password_file=secret(tmp_path, "keys", "other\n"),
    )
    urls = configured_urls(store)
    for url, password, database in (
        (urls.state, "p@ss word", 0),
        (urls.broker, "p@ss word", 1),
        (urls.keys, "other", 0),
    ):
        told = arguments(url)
        assert (told["username"], told["password"], told["db"]) == ("worker", password, database)
        assert told["ssl_ca_certs"] == "/etc/ca.pem"
    assert "word" not in repr(urls)


def test_systemd_s_credentials_are_taken_where_no_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    secret(tmp_path, "migrator-store-password", "given")
    secret(tmp_path, "migrator-keys-password", "kept")
    urls = configured_urls(Store(**URLS))
    assert (arguments(urls.state)["password"], arguments(urls.keys)["password"]) == ("given", "kept")


def test_a_password_in_the_address_comes_first(tmp_path: Path) -> None:
    told = {**URLS, "url": "redis://worker:mine@redis.lan/0", "password_file": secret(tmp_path, "state", "theirs")}
    assert arguments(configured_urls(Store.model_validate(told)).state)["password"] == "mine"


def test_where_the_address_names_no_user_the_file_does(tmp_path: Path) -> None:
    told = {**URLS, "url": "redis://redis.lan/0", "password_file": secret(tmp_path, "state", "web:hush")}
    found = arguments(configured_urls(Store.model_validate(told)).state)
    assert (found["username"], found["password"]) == ("web", "hush")


def test_a_socket_s_user_has_a_password_too(tmp_path: Path) -> None:
    with start(tmp_path / "store", persistent=False) as server, Redis.from_url(server.url) as owner:
        owner.acl_setuser("worker", enabled=True, passwords=["+hush"], commands=["+ping", "+client"])
        told = {
            "url": f"{server.url.partition('&')[0]}&username=worker",
            "broker_url": server.url,
            "keys_url": server.url,
        }
        store = Store.model_validate({**told, "password_file": secret(tmp_path, "state", "hush")})
        with open_store(configured_urls(store).state, 5) as worker:
            assert worker.ping()


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"broker_url": ""}, "store.broker_url"),
        ({"url": "http://redis.lan"}, "store.url"),
        ({"broker_url": "redis+sentinel://a.lan:secret"}, "store.broker_url"),
        ({"keys_url": "redis+sentinel://a.lan/keys/0"}, "without replicas"),
        ({"keys_url": ("redis://b.lan", "redis+sentinel://a.lan/keys/0")}, "without replicas"),
        ({"keys_url": ("redis://b.lan", "http://:secret@a.lan")}, "store.keys_url"),
        ({"keys_url": ("redis://b.lan/0", "rediss://other@B.lan:6379")}, "twice"),
        ({"keys_url": ()}, "store.keys_url"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_connected(changed: dict[str, object], word: str) -> None:
    with pytest.raises(click.ClickException, match=word) as refused:
        configured_urls(Store.model_validate({**URLS, **changed}))
    assert "secret" not in str(refused.value)


def test_of_several_key_stores_the_first_takes_new_keys_and_each_is_reached_alike(tmp_path: Path) -> None:
    keys = ("rediss://worker@b.lan:6380/0", "rediss://worker@a.lan:6380/0")
    store = Store(**{**URLS, "keys_url": keys}, keys_password_file=secret(tmp_path, "keys", "p@ss word"))
    urls = configured_urls(store)
    assert list(urls.key_stores) == ["b.lan:6380/0", "a.lan:6380/0"]
    assert urls.keys == urls.key_stores["b.lan:6380/0"]
    for url in urls.key_stores.values():
        assert arguments(url)["password"] == "p@ss word"
    assert "word" not in repr(urls)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("redis://Keys.lan", "keys.lan:6379/0"),
        ("rediss://worker:secret@keys.lan:6380/2?ssl_ca_certs=/ca.pem", "keys.lan:6380/2"),
        ("redis://[::1]:6380?db=3", "[::1]:6380/3"),
        ("unix:///run/migrator/keys.sock?db=0&password=secret", "/run/migrator/keys.sock/0"),
    ],
)
def test_a_store_is_called_by_its_place_and_never_by_who_may_enter(url: str, name: str) -> None:
    assert name_of(url) == name
