"""The vault hands out and destroys keys; a safe opens what was sealed for its one migration, and nothing else."""

from collections.abc import Callable

import pytest
from redis import Redis
from vaults import WORKERS

from oauth.errors import SealBroken
from oauth.keyring import KeyRing
from oauth.vault import Safe, WorkersVault

DAY = 86_400
Stores = tuple[Redis, Redis]


def sealed_key(migration: str) -> str:
    return f"mig:{{{migration}}}:sealed"


def everything(store: Redis) -> bytes:
    """Return every name and value of a store."""
    return b"".join(key + (store.dump(key) or b"") for key in store.scan_iter())


@pytest.fixture
def safe(vault: WorkersVault, stores: Stores) -> Callable[[str], Safe]:
    """Make a migration's safe, and its keys at the first call."""

    def safe_of(migration: str) -> Safe:
        vault.make(migration)
        return Safe(stores[0], migration, vault.key(migration))

    return safe_of


Safes = Callable[[str], Safe]


def test_what_was_sealed_opens_again(safe: Safes) -> None:
    safe("m1").seal(grant=b"canary-1", mailbox=b"\0\xff" * 100)
    safe("m1").seal(further=b"")
    assert safe("m1").open("grant") == b"canary-1"
    assert safe("m1").open("mailbox") == b"\0\xff" * 100
    assert safe("m1").open("further") == b""


def test_a_later_seal_replaces_the_earlier_one(safe: Safes) -> None:
    safe("m1").seal(grant=b"old")
    safe("m1").seal(grant=b"new")
    assert safe("m1").open("grant") == b"new"


def test_neither_store_shows_a_secret_or_a_key(safe: Safes, vault: WorkersVault, stores: Stores) -> None:
    safe("m1").seal(grant=b"canary-secret" * 10)
    shown = b"".join(map(everything, stores))
    assert b"canary" not in shown
    assert b"m" * 32 not in shown
    assert vault.key("m1") not in shown


def test_the_same_secret_never_looks_the_same_twice(safe: Safes, stores: Stores) -> None:
    seen = set()
    for _ in range(20):
        safe("m1").seal(grant=b"x")
        seen.add(stores[0].hget(sealed_key("m1"), "grant"))
    assert len(seen) == 20


def test_a_value_moved_to_another_migration_does_not_open(safe: Safes, stores: Stores) -> None:
    state, keys = stores
    safe("m1").seal(grant=b"one")
    safe("m2").seal(grant=b"two")
    one, two = (state.hget(sealed_key(name), "grant") for name in ("m1", "m2"))
    state.hset(sealed_key("m1"), "grant", two)
    state.hset(sealed_key("m2"), "grant", one)
    for name in ("m1", "m2"):
        with pytest.raises(SealBroken):
            safe(name).open("grant")
    # Even with its own key moved along: value and key are both bound to the name of their migration.
    key_one, key_two = keys.get("key:{m1}"), keys.get("key:{m2}")
    keys.set("key:{m1}", key_two, ex=60)
    keys.set("key:{m2}", key_one, ex=60)
    for name in ("m1", "m2"):
        with pytest.raises(SealBroken):
            safe(name)


def test_a_key_of_another_migration_opens_nothing_even_of_a_value_sealed_under_it(
    safe: Safes, vault: WorkersVault, stores: Stores
) -> None:
    safe("m1").seal(grant=b"one")
    stores[0].hset(sealed_key("m2"), "grant", stores[0].hget(sealed_key("m1"), "grant"))
    with pytest.raises(SealBroken):
        Safe(stores[0], "m2", vault.key("m1")).open("grant")


def test_a_value_moved_to_another_field_does_not_open(safe: Safes, stores: Stores) -> None:
    safe("m1").seal(grant=b"one", mailbox=b"two")
    stores[0].hset(sealed_key("m1"), "mailbox", stores[0].hget(sealed_key("m1"), "grant"))
    with pytest.raises(SealBroken):
        safe("m1").open("mailbox")


@pytest.mark.parametrize("damage", [lambda s: s[:-1], lambda s: s[:5], lambda _: b"", lambda s: s[:-1] + b"\0\0"])
def test_a_damaged_value_is_broken_and_no_crash(safe: Safes, stores: Stores, damage: Callable[[bytes], bytes]) -> None:
    safe("m1").seal(grant=b"one")
    sealed = stores[0].hget(sealed_key("m1"), "grant")
    stores[0].hset(sealed_key("m1"), "grant", damage(sealed))
    with pytest.raises(SealBroken):
        safe("m1").open("grant")


def test_every_flipped_bit_is_noticed(safe: Safes, stores: Stores) -> None:
    safe("m1").seal(grant=b"one")
    sealed = bytes(stores[0].hget(sealed_key("m1"), "grant") or b"")
    for place in range(len(sealed)):
        flipped = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        stores[0].hset(sealed_key("m1"), "grant", flipped)
        with pytest.raises(SealBroken):
            safe("m1").open("grant")


def test_a_destroyed_key_comes_back_for_nobody(safe: Safes, vault: WorkersVault, stores: Stores) -> None:
    safe("m1").seal(grant=b"one")
    safe("m2").seal(grant=b"two")
    assert vault.holds("m1")
    vault.destroy("m1")
    assert not vault.holds("m1")
    with pytest.raises(SealBroken):
        vault.key("m1")
    assert list(stores[1].scan_iter("*m1*")) == []
    assert safe("m2").open("grant") == b"two"
    vault.destroy("m1")


def test_a_new_key_of_the_same_name_opens_nothing_old(safe: Safes, vault: WorkersVault) -> None:
    safe("m1").seal(grant=b"one")
    vault.destroy("m1")
    with pytest.raises(SealBroken):
        safe("m1").open("grant")


def test_what_was_never_sealed_is_broken_and_makes_no_key(safe: Safes, vault: WorkersVault, stores: Stores) -> None:
    with pytest.raises(SealBroken):
        vault.key("m1")
    assert list(stores[1].scan_iter()) == []
    with pytest.raises(SealBroken):
        safe("m1").open("grant")


def test_two_processes_that_make_a_key_at_once_share_it(stores: Stores) -> None:
    one, other = (WorkersVault(stores[1], KeyRing({"m": b"m" * 32}), WORKERS) for _ in range(2))
    assert one.make("m1") == other.make("m1")
    assert one.make("m1") != one.make("m2")


def test_everything_sealed_ends_by_itself_three_days_after_its_last_use(safe: Safes, stores: Stores) -> None:
    safe("m1").seal(grant=b"one")
    for store in stores:
        for key in store.scan_iter():
            assert 0 < store.ttl(key) <= 3 * DAY
    stores[1].expire("key:{m1}", 60)
    safe("m1")
    assert stores[1].ttl("key:{m1}") > 2 * DAY


def test_a_seal_that_fails_in_the_middle_leaves_no_secret_without_an_end(safe: Safes, stores: Stores) -> None:
    with pytest.raises(TypeError):
        safe("m1").seal(grant=b"one", mailbox="text")  # type: ignore[arg-type]
    assert all(store.ttl(key) > 0 for store in stores for key in store.scan_iter())


def test_digest_keys_are_stable_and_differ_between_migrations(safe: Safes, vault: WorkersVault) -> None:
    assert safe("m1").digest_key == safe("m1").digest_key
    assert safe("m1").digest_key != safe("m2").digest_key
    assert len(safe("m1").digest_key) == 32
    assert safe("m1").digest_key != vault.key("m1")


def test_something_small_can_be_wrapped_for_one_label(vault: WorkersVault) -> None:
    wrapped = vault.wrap("consent/1", b"verifier")
    assert b"verifier" not in wrapped
    assert vault.unwrap("consent/1", wrapped) == b"verifier"
    with pytest.raises(SealBroken):
        vault.unwrap("consent/2", wrapped)


def test_the_vault_names_an_address_opaquely_by_the_newest_master_key_first(vault: WorkersVault) -> None:
    names = vault.pseudonyms("Ann@Example.com")
    assert names == KeyRing({"m": b"m" * 32}).pseudonyms("ann@example.com")
    assert "ann" not in str(names)


def test_neither_vault_nor_safe_shows_anything(vault: WorkersVault, safe: Safes) -> None:
    assert repr(vault) == "WorkersVault()"
    assert repr(safe("m1")) == "Safe()"
