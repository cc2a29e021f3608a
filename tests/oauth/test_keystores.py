"""Several key stores: new keys in the first, each key where it was made, and nothing copied."""

import time
from collections.abc import Iterator

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as StoreAway
from vaults import WORKERS

from app.embedded import start
from migrator.mailbox import Password
from oauth import pending
from oauth.errors import ConsentNotOurs, SealBroken
from oauth.grant import Client
from oauth.keyring import KeyRing
from oauth.keystores import Keys, KeyStores, KeyStoreUnknown, key_name, whereabouts
from oauth.pending import Purpose
from oauth.sealing import public_half
from oauth.vault import WorkersVault
from web import answered, entrusted, minted
from web.session import NOBODY

RING = KeyRing({"m": b"m" * 32})
CLIENT = Client("id", "secret", "https://a.example/auth", "https://a.example/token", "https://a.example/revoke")
BACK = "https://import.example/consent/return"


class Place:
    """A state store, an old and a new key store, and what processes of before, between and after know of them."""

    def __init__(self, state: Redis, old: Redis, new: Redis) -> None:
        self.state, self.old, self.new = state, old, new
        self.before = KeyStores({"old": old}, state)
        self.meanwhile = KeyStores({"new": new, "old": old}, state)
        self.after = KeyStores({"new": new}, state)

    def time_passes(self, migration: str) -> None:
        """Let more than an hour pass since a migration's key was made."""
        name, _, since = (self.state.get(whereabouts(migration)) or b"").decode().rpartition(" ")  # type: ignore[union-attr]
        self.state.set(whereabouts(migration), f"{name} {float(since) - 3601:.0f}")


def made(keys: Keys) -> bytes:
    """Make the keys of an import; return what opens."""
    vault = WorkersVault(keys, RING, WORKERS)
    vault.make("m1")
    return vault.key("m1")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Redis, ...]]:
    folder = tmp_path_factory.mktemp("stores")
    with (
        start(folder / "s", persistent=False) as state,
        start(folder / "a", persistent=False) as old,
        start(folder / "b", persistent=False) as new,
    ):
        clients = tuple(Redis.from_url(server.url) for server in (state, old, new))
        yield clients
        for client in clients:
            client.close()


@pytest.fixture
def place(servers: tuple[Redis, ...]) -> Place:
    for server in servers:
        server.flushall()
    return Place(*servers)


@pytest.fixture
def nobody() -> Iterator[Redis]:
    """A client of a server that is not there."""
    with Redis(unix_socket_path="/nowhere/redis.sock") as client:
        yield client


def test_new_keys_go_into_the_first_and_are_written_down(place: Place) -> None:
    WorkersVault(place.meanwhile, RING, WORKERS).make("m1")
    assert place.new.exists(key_name("m1"))
    assert not place.old.exists(key_name("m1"))
    told = (place.state.get(whereabouts("m1")) or b"").decode()  # type: ignore[union-attr]
    assert told.split() == ["new", told.split()[1]]
    assert abs(float(told.split()[1]) - time.time()) < 60
    assert 0 < place.state.ttl(whereabouts("m1")) <= 72 * 3600  # type: ignore[operator]


def test_a_key_stays_where_it_was_made_until_it_is_destroyed(place: Place) -> None:
    key = made(place.before)
    vault = WorkersVault(place.meanwhile, RING, WORKERS)
    assert vault.key("m1") == key
    assert vault.make("m1") == public_half(key)
    assert vault.holds("m1")
    assert not place.new.exists(key_name("m1"))
    vault.destroy("m1")
    assert not place.old.exists(key_name("m1"))
    assert not vault.holds("m1")


def test_in_whatever_order_they_are_named_each_finds_its_keys(place: Place) -> None:
    key = made(place.meanwhile)
    assert WorkersVault(KeyStores({"old": place.old, "new": place.new}, place.state), RING, WORKERS).key("m1") == key


def test_a_key_of_before_there_were_names_is_found(place: Place) -> None:
    key = made(place.old)
    vault = WorkersVault(place.meanwhile, RING, WORKERS)
    assert vault.key("m1") == key
    vault.destroy("m1")
    assert not place.old.exists(key_name("m1"))


def test_a_key_that_is_not_in_its_store_is_lost(place: Place) -> None:
    WorkersVault(place.before, RING, WORKERS).make("m1")
    place.old.flushall()
    with pytest.raises(SealBroken):
        WorkersVault(place.meanwhile, RING, WORKERS).key("m1")


def test_an_import_that_lost_its_key_gets_a_new_one_in_the_first(place: Place) -> None:
    WorkersVault(place.before, RING, WORKERS).make("m1")
    place.old.flushall()
    key = made(place.meanwhile)
    assert WorkersVault(place.after, RING, WORKERS).key("m1") == key


def test_one_store_that_is_away_is_nothing_to_the_keys_of_another(place: Place, nobody: Redis) -> None:
    key = made(place.before)
    WorkersVault(place.meanwhile, RING, WORKERS).make("m2")
    assert WorkersVault(KeyStores({"new": nobody, "old": place.old}, place.state), RING, WORKERS).key("m1") == key
    without_old = WorkersVault(KeyStores({"new": place.new, "old": nobody}, place.state), RING, WORKERS)
    without_old.key("m2")
    with pytest.raises(StoreAway):
        without_old.key("m1")
    without_old.destroy("m2")
    assert not place.new.exists(key_name("m2"))


def test_who_has_not_been_told_of_a_store_waits_and_loses_no_key(place: Place) -> None:
    WorkersVault(place.meanwhile, RING, WORKERS).make("m1")
    vault = WorkersVault(place.before, RING, WORKERS)
    for act in (vault.key, vault.holds, vault.destroy, vault.make):
        with pytest.raises(KeyStoreUnknown):
            act("m1")
    assert place.new.exists(key_name("m1"))
    place.time_passes("m1")
    with pytest.raises(SealBroken):
        vault.key("m1")


def test_a_slice_that_names_another_store_keeps_no_key_alive(place: Place) -> None:
    WorkersVault(place.meanwhile, RING, WORKERS).make("m1")
    place.state.set(whereabouts("m1"), "old 0")
    WorkersVault(place.meanwhile, RING, WORKERS).destroy("m1")
    assert not place.new.exists(key_name("m1"))


# --- what has no import yet -------------------------------------------------------------------------------------------


def test_a_consent_begun_on_the_old_one_ends_on_the_old_one_and_once(place: Place) -> None:
    vault = WorkersVault(place.before, RING, WORKERS)
    url = pending.begin(place.before, vault, CLIENT, BACK, "s", Purpose("m1"))
    answer = f"{BACK}?{url.partition('?')[2]}&code=c"
    assert pending.take(place.meanwhile, vault, "s", answer).purpose == Purpose("m1")
    with pytest.raises(ConsentNotOurs):
        pending.take(place.before, vault, "s", answer)


def test_a_password_entrusted_to_the_old_one_is_found_prolonged_and_forgotten(place: Place) -> None:
    vault = WorkersVault(place.before, RING, WORKERS)
    reference = entrusted.entrust(place.before, vault, Password("ann", "secret"))
    place.old.expire(f"entrusted:{reference}", 10)
    entrusted.prolong(place.meanwhile, reference)
    assert place.old.ttl(f"entrusted:{reference}") > 10  # type: ignore[operator]
    assert entrusted.entrusted(place.meanwhile, vault, reference) == Password("ann", "secret")
    entrusted.forget(place.meanwhile, reference)
    assert entrusted.entrusted(place.before, vault, reference) is None


def test_a_launch_minted_on_the_old_one_is_good_once(place: Place) -> None:
    vault = WorkersVault(place.before, RING, WORKERS)
    code, _ = minted.mint(place.before, vault, "c1", "ann@host.example")
    assert minted.take(place.meanwhile, vault, code).customer == "c1"
    assert place.old.dbsize() == 0


def test_an_answer_that_came_to_an_old_process_has_come(place: Place) -> None:
    query = "?state=s&code=c"
    first, second = (answered.began(keys, NOBODY, query) for keys in (place.before, place.meanwhile))
    assert (first.before, second.before) == (False, True)
    first.migration = "m1"
    answered.ended(place.before, first)
    assert answered.began(place.meanwhile, NOBODY, query).migration == "m1"


def test_what_begins_now_begins_in_the_first(place: Place) -> None:
    vault = WorkersVault(place.meanwhile, RING, WORKERS)
    pending.begin(place.meanwhile, vault, CLIENT, BACK, "s", Purpose("m1"))
    entrusted.entrust(place.meanwhile, vault, Password("ann", "secret"))
    assert (place.new.dbsize(), place.old.dbsize()) == (2, 0)
