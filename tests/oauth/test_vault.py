from collections.abc import Callable

import pytest
from redis import Redis

from oauth.errors import SealBroken
from oauth.vault import Vault

DAY = 86_400
Stores = tuple[Redis, Redis]


def sealed_key(migration: str) -> str:
    return f"mig:{{{migration}}}:sealed"


def everything(store: Redis) -> bytes:
    """Return every name and value of a store."""
    return b"".join(key + (store.dump(key) or b"") for key in store.scan_iter())


def test_what_was_sealed_opens_again(vault: Vault) -> None:
    vault.seal("m1", grant=b"canary-1", mailbox=b"\0\xff" * 100)
    vault.seal("m1", further=b"")
    assert vault.open("m1", "grant") == b"canary-1"
    assert vault.open("m1", "mailbox") == b"\0\xff" * 100
    assert vault.open("m1", "further") == b""


def test_a_later_seal_replaces_the_earlier_one(vault: Vault) -> None:
    vault.seal("m1", grant=b"old")
    vault.seal("m1", grant=b"new")
    assert vault.open("m1", "grant") == b"new"


def test_neither_store_shows_a_secret(vault: Vault, stores: Stores) -> None:
    vault.seal("m1", grant=b"canary-secret" * 10)
    state, keys = stores
    assert b"canary" not in everything(state) + everything(keys)
    assert b"m" * 32 not in everything(state) + everything(keys)


def test_the_same_secret_never_looks_the_same_twice(vault: Vault, stores: Stores) -> None:
    seen = set()
    for _ in range(20):
        vault.seal("m1", grant=b"x")
        seen.add(stores[0].hget(sealed_key("m1"), "grant"))
    assert len(seen) == 20


def test_a_value_moved_to_another_migration_does_not_open(vault: Vault, stores: Stores) -> None:
    state, keys = stores
    vault.seal("m1", grant=b"one")
    vault.seal("m2", grant=b"two")
    one, two = (state.hget(sealed_key(name), "grant") for name in ("m1", "m2"))
    state.hset(sealed_key("m1"), "grant", two)
    state.hset(sealed_key("m2"), "grant", one)
    for name in ("m1", "m2"):
        with pytest.raises(SealBroken):
            vault.open(name, "grant")
    # Even with its own key moved along: value and key are both bound to the name of their migration.
    key_one, key_two = keys.get("key:{m1}"), keys.get("key:{m2}")
    keys.set("key:{m1}", key_two, ex=60)
    keys.set("key:{m2}", key_one, ex=60)
    for name in ("m1", "m2"):
        with pytest.raises(SealBroken):
            vault.open(name, "grant")


def test_a_value_moved_to_another_field_does_not_open(vault: Vault, stores: Stores) -> None:
    vault.seal("m1", grant=b"one", mailbox=b"two")
    state = stores[0]
    state.hset(sealed_key("m1"), "mailbox", state.hget(sealed_key("m1"), "grant"))
    with pytest.raises(SealBroken):
        vault.open("m1", "mailbox")


@pytest.mark.parametrize("damage", [lambda s: s[:-1], lambda s: s[:5], lambda _: b"", lambda s: s[:-1] + b"\0\0"])
def test_a_damaged_value_is_broken_and_no_crash(vault: Vault, stores: Stores, damage: Callable[[bytes], bytes]) -> None:
    vault.seal("m1", grant=b"one")
    sealed = stores[0].hget(sealed_key("m1"), "grant")
    stores[0].hset(sealed_key("m1"), "grant", damage(sealed))
    with pytest.raises(SealBroken):
        vault.open("m1", "grant")


def test_every_flipped_bit_is_noticed(vault: Vault, stores: Stores) -> None:
    vault.seal("m1", grant=b"one")
    sealed = bytes(stores[0].hget(sealed_key("m1"), "grant") or b"")
    for place in range(len(sealed)):
        flipped = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        stores[0].hset(sealed_key("m1"), "grant", flipped)
        with pytest.raises(SealBroken):
            vault.open("m1", "grant")


def test_after_shredding_nothing_opens_and_nothing_is_left(vault: Vault, stores: Stores) -> None:
    vault.seal("m1", grant=b"one")
    vault.seal("m2", grant=b"two")
    assert vault.holds("m1")
    vault.shred("m1")
    assert not vault.holds("m1")
    with pytest.raises(SealBroken):
        vault.open("m1", "grant")
    with pytest.raises(SealBroken):
        vault.digest_key("m1")
    assert [list(store.scan_iter("*m1*")) for store in stores] == [[], []]
    assert vault.open("m2", "grant") == b"two"
    vault.shred("m1")


def test_a_backup_of_the_state_is_unreadable_after_shredding_even_with_the_master_key(
    vault: Vault, stores: Stores
) -> None:
    vault.seal("m1", grant=b"one")
    backup = stores[0].dump(sealed_key("m1"))
    vault.shred("m1")
    stores[0].restore(sealed_key("m1"), 60_000, backup)
    for reader in (vault, Vault(*stores, b"m" * 32)):
        with pytest.raises(SealBroken):
            reader.open("m1", "grant")


def test_another_master_key_opens_nothing(vault: Vault, stores: Stores) -> None:
    vault.seal("m1", grant=b"one")
    with pytest.raises(SealBroken):
        Vault(*stores, b"x" * 32).open("m1", "grant")


@pytest.mark.parametrize("name", ["m2", ""])
def test_what_was_never_sealed_is_broken_and_makes_no_key(vault: Vault, stores: Stores, name: str) -> None:
    with pytest.raises(SealBroken):
        vault.open(name, "grant")
    with pytest.raises(SealBroken):
        vault.digest_key(name)
    assert list(stores[1].scan_iter()) == []


def test_two_workers_that_seal_at_once_share_one_key(stores: Stores) -> None:
    one, other = Vault(*stores, b"m" * 32), Vault(*stores, b"m" * 32)
    one.seal("m1", grant=b"one")
    other.seal("m1", mailbox=b"two")
    assert one.open("m1", "mailbox") == b"two"
    assert other.open("m1", "grant") == b"one"


def test_everything_sealed_ends_by_itself(vault: Vault, stores: Stores) -> None:
    vault.seal("m1", grant=b"one")
    for store in stores:
        for key in store.scan_iter():
            assert 0 < store.ttl(key) <= 3 * DAY


def test_a_seal_that_fails_in_the_middle_leaves_no_secret_without_an_end(vault: Vault, stores: Stores) -> None:
    with pytest.raises(TypeError):
        vault.seal("m1", grant=b"one", mailbox="text")  # type: ignore[arg-type]
    assert all(store.ttl(key) > 0 for store in stores for key in store.scan_iter())


def test_digest_keys_are_stable_and_differ_between_migrations(vault: Vault) -> None:
    vault.seal("m1", grant=b"x")
    vault.seal("m2", grant=b"x")
    assert vault.digest_key("m1") == vault.digest_key("m1")
    assert vault.digest_key("m1") != vault.digest_key("m2")
    assert len(vault.digest_key("m1")) == 32


def test_a_pseudonym_is_stable_opaque_and_needs_the_master_key(vault: Vault, stores: Stores) -> None:
    name = vault.pseudonym("Ann@Example.com")
    assert name == vault.pseudonym("ann@example.com")
    assert name != vault.pseudonym("bob@example.com")
    assert name != Vault(*stores, b"x" * 32).pseudonym("ann@example.com")
    assert "ann" not in name


def test_the_vault_shows_nothing(vault: Vault) -> None:
    assert repr(vault) == "Vault()"
