"""The workers' key pairs: two files, the first line is sealed to, all lines open, and a rotation loses nothing."""

import base64
from pathlib import Path

import pytest
from redis import Redis
from vaults import WORKERS

from oauth.errors import SealBroken, WorkersKeyUnusable
from oauth.keyring import KeyRing
from oauth.vault import Safe, Sealer, WorkersVault
from oauth.workerskeys import WorkersKeys, WorkersPublicKey, add_pair

RING = KeyRing({"m": b"m" * 32})
OLD, NEW = {"old": b"o" * 32}, {"new": b"n" * 32}


def pair_in(folder: Path) -> tuple[Path, Path]:
    return folder / "workers.key", folder / "workers.pub"


def test_what_the_public_file_seals_the_private_file_opens(tmp_path: Path) -> None:
    private, public = pair_in(tmp_path)
    key_id = add_pair(private, public)
    sealed = WorkersPublicKey.read(public).seal("label", b"secret")
    assert sealed.startswith(f"{key_id}:".encode())
    assert b"secret" not in sealed
    assert WorkersKeys.read(private).open("label", sealed) == b"secret"
    assert WorkersKeys.read(private).public == WorkersPublicKey.read(public)
    assert hash(WorkersKeys.read(private).public) == hash(WorkersPublicKey.read(public))


def test_both_files_are_for_their_owner_only_and_nothing_else_is_left(tmp_path: Path) -> None:
    private, public = pair_in(tmp_path)
    add_pair(private, public)
    assert [path.stat().st_mode & 0o777 for path in (private, public)] == [0o600, 0o600]
    assert sorted(tmp_path.iterdir()) == [private, public]


def test_nothing_of_the_private_half_is_in_the_public_file(tmp_path: Path) -> None:
    private, public = pair_in(tmp_path)
    for _ in range(2):
        add_pair(private, public)
    for line in private.read_text().splitlines():
        assert line.split()[1] not in public.read_text()


def test_a_rotation_seals_to_the_new_key_and_still_opens_what_was_sealed_to_the_old_one(tmp_path: Path) -> None:
    private, public = pair_in(tmp_path)
    add_pair(private, public)
    before = WorkersPublicKey.read(public).seal("label", b"secret")
    newest = add_pair(private, public)
    assert WorkersKeys.read(private).open("label", before) == b"secret"
    after = WorkersPublicKey.read(public)
    assert after.seal("label", b"x").startswith(newest.encode())
    assert after.is_stale(before)
    assert not after.is_stale(after.seal("label", b"x"))
    assert len(public.read_text().splitlines()) == 1


def test_a_key_that_is_used_is_sealed_anew_so_that_the_old_private_key_can_go(stores: tuple[Redis, Redis]) -> None:
    state, keys = stores
    before = WorkersVault(keys, RING, WorkersKeys(OLD))
    Sealer(state, "m1", before.make("m1")).seal(grant=b"one")
    key = before.key("m1")
    assert WorkersVault(keys, RING, WorkersKeys(NEW | OLD)).key("m1") == key
    after = WorkersVault(keys, RING, WorkersKeys(NEW))
    assert Safe(state, "m1", after.key("m1")).open("grant") == b"one"
    with pytest.raises(SealBroken):
        before.key("m1")
    assert keys.ttl("key:{m1}") > 71 * 3600


def test_a_key_destroyed_while_it_is_sealed_anew_stays_destroyed(stores: tuple[Redis, Redis]) -> None:
    keys = stores[1]
    before = WorkersVault(keys, RING, WorkersKeys(OLD))
    before.make("m1")

    class Meanwhile(KeyRing):
        def wrap(self, label: str, secret: bytes) -> bytes:
            before.destroy("m1")
            return super().wrap(label, secret)

    with pytest.raises(SealBroken):
        WorkersVault(keys, Meanwhile({"m": b"m" * 32}), WorkersKeys(NEW | OLD)).key("m1")
    assert list(keys.scan_iter()) == []


def test_another_key_opens_nothing() -> None:
    sealed = WORKERS.public.seal("label", b"secret")
    for other in (WorkersKeys(OLD), WorkersKeys({"w": b"x" * 32})):
        with pytest.raises(SealBroken):
            other.open("label", sealed)


def test_what_was_sealed_for_one_label_opens_for_no_other() -> None:
    with pytest.raises(SealBroken):
        WORKERS.open("other", WORKERS.public.seal("label", b"secret"))


def test_what_was_sealed_to_one_key_does_not_pass_for_anothers() -> None:
    """The key's id is bound as well: two keys with the same bytes under two ids are two keys."""
    one, other = WorkersKeys({"one": b"k" * 32}), WorkersKeys({"other": b"k" * 32})
    assert one.public != other.public
    with pytest.raises(SealBroken):
        other.open("x", b"other:" + one.public.seal("x", b"secret").partition(b":")[2])


@pytest.mark.parametrize("sealed", [b"", b":", b"w", b"w:", b"\xff:abc", b"w:" + b"x" * 31, b"w:" + b"\0" * 64])
def test_what_was_never_sealed_is_broken_and_no_crash(sealed: bytes) -> None:
    with pytest.raises(SealBroken):
        WORKERS.open("label", sealed)


@pytest.mark.parametrize("text", ["", "only-an-id", f"w {base64.b64encode(b'short').decode()}", "wé x"])
def test_a_file_of_another_shape_is_refused_and_so_is_a_missing_one(tmp_path: Path, text: str) -> None:
    path = tmp_path / "workers.key"
    for read in (WorkersKeys.read, WorkersPublicKey.read):
        with pytest.raises(WorkersKeyUnusable):
            read(path)
    path.write_text(text, "utf-8")
    for read in (WorkersKeys.read, WorkersPublicKey.read):
        with pytest.raises(WorkersKeyUnusable) as refused:
            read(path)
        assert str(refused.value) == "workers-key-unusable"


def test_the_private_keys_show_nothing() -> None:
    assert repr(WORKERS) == "WorkersKeys()"
