"""The master keys: one file, the first line wraps, all lines open, and a rotation loses nothing."""

import base64
from pathlib import Path

import pytest
from redis import Redis
from vaults import WORKERS

from oauth.errors import MasterKeyUnusable, SealBroken
from oauth.keyring import KeyRing, add_key
from oauth.vault import Safe, Sealer, WorkersVault

OLD, NEW = {"old": b"o" * 32}, {"new": b"n" * 32}
GOOD = base64.b64encode(b"k" * 32).decode()


def test_a_file_made_by_the_command_can_be_read_and_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    key_id = add_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert KeyRing.read(path).wrap("x", b"secret").startswith(f"{key_id}:".encode())
    assert list(tmp_path.iterdir()) == [path]


def test_a_rotation_puts_a_new_key_first_and_still_opens_what_the_old_one_wrapped(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    add_key(path)
    wrapped = KeyRing.read(path).wrap("x", b"secret")
    newest = add_key(path)
    ring = KeyRing.read(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert ring.unwrap("x", wrapped) == b"secret"
    assert ring.is_stale(wrapped)
    assert ring.wrap("x", b"secret").startswith(newest.encode())
    assert not ring.is_stale(ring.wrap("x", b"secret"))


def test_a_key_that_is_used_is_wrapped_anew_so_that_the_old_master_key_can_go(stores: tuple[Redis, Redis]) -> None:
    state, keys = stores
    before = WorkersVault(keys, KeyRing(OLD), WORKERS)
    Sealer(state, "m1", before.make("m1")).seal(grant=b"one")
    WorkersVault(keys, KeyRing(NEW | OLD), WORKERS).key("m1")
    after = WorkersVault(keys, KeyRing(NEW), WORKERS)
    assert Safe(state, "m1", after.key("m1")).open("grant") == b"one"
    assert after.shown_key("m1")
    for refused in (before.key, before.seal_to, before.shown_key):
        with pytest.raises(SealBroken):
            refused("m1")


def test_a_key_destroyed_while_it_is_wrapped_anew_stays_destroyed(stores: tuple[Redis, Redis]) -> None:
    keys = stores[1]
    before = WorkersVault(keys, KeyRing(OLD), WORKERS)
    before.make("m1")

    class Meanwhile(KeyRing):
        def is_stale(self, wrapped: bytes) -> bool:
            before.destroy("m1")
            return super().is_stale(wrapped)

    with pytest.raises(SealBroken):
        WorkersVault(keys, Meanwhile(NEW | OLD), WORKERS).key("m1")
    assert list(keys.scan_iter()) == []


def test_another_master_key_opens_nothing(stores: tuple[Redis, Redis]) -> None:
    WorkersVault(stores[1], KeyRing(OLD), WORKERS).make("m1")
    with pytest.raises(SealBroken):
        WorkersVault(stores[1], KeyRing(NEW), WORKERS).key("m1")
    with pytest.raises(SealBroken):
        WorkersVault(stores[1], KeyRing({"old": b"x" * 32}), WORKERS).key("m1")


def test_what_one_key_wrapped_does_not_pass_for_anothers() -> None:
    """The key's id is bound as well: two keys with the same bytes under two ids are two keys."""
    one, other = KeyRing({"one": b"k" * 32}), KeyRing({"other": b"k" * 32})
    with pytest.raises(SealBroken):
        other.unwrap("x", b"other:" + one.wrap("x", b"secret").partition(b":")[2])


@pytest.mark.parametrize("wrapped", [b"", b":", b"old", b"old:", b"\xff:abc", b"old:" + b"x" * 11])
def test_what_is_no_wrapped_key_is_broken_and_no_crash(wrapped: bytes) -> None:
    with pytest.raises(SealBroken):
        KeyRing(OLD).unwrap("x", wrapped)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "only-an-id",
        f"id {GOOD} more",
        f"ID {GOOD}",
        "id !!!",
        f"id {base64.b64encode(b'short').decode()}",
        f"id {GOOD}\nid {GOOD}",
        "ïd " + GOOD,
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "master.key"
    path.write_text(text, "utf-8")
    with pytest.raises(MasterKeyUnusable) as refused:
        KeyRing.read(path)
    assert str(refused.value) == "master-key-unusable"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyUnusable):
        KeyRing.read(tmp_path / "none")


def test_pseudonyms_are_stable_opaque_and_need_the_master_key() -> None:
    (name,) = KeyRing(OLD).pseudonyms("Ann@Example.com")
    assert name == KeyRing(OLD).pseudonyms("ann@example.com")[0]
    assert name != KeyRing(OLD).pseudonyms("bob@example.com")[0]
    assert name != KeyRing(NEW).pseudonyms("ann@example.com")[0]
    assert "ann" not in name
    assert len(name) == 32


def test_across_a_rotation_an_address_is_found_under_its_old_name() -> None:
    ring = KeyRing(NEW | OLD)
    assert ring.pseudonyms("ann@example.com")[1:] == KeyRing(OLD).pseudonyms("ann@example.com")
    assert ring.pseudonyms("ann@example.com")[:1] == KeyRing(NEW).pseudonyms("ann@example.com")


def test_the_ring_shows_nothing() -> None:
    assert repr(KeyRing(OLD)) == "KeyRing()"
