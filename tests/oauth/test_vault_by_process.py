"""What a process can open follows from its files: the web's seal for every import and open nothing of any."""

import inspect
from collections.abc import Callable, Iterator
from itertools import product

import pytest
from redis import Redis
from vaults import WORKERS

from oauth.errors import SealBroken
from oauth.keyring import KeyRing
from oauth.keystores import names_of
from oauth.sealing import KEY_BYTES, closed, fresh_key, opened, opened_by, public_half
from oauth.vault import Safe, Sealer, Vault, WorkersVault, put
from oauth.workerskeys import WorkersKeys

RING = KeyRing({"m": b"m" * 32})
SECRET = b"canary: a refresh token"
Stores = tuple[Redis, Redis]


@pytest.fixture
def web(stores: Stores) -> Vault:
    """A vault as the web has it: the master keys and the workers' public key."""
    return Vault(stores[1], RING, WORKERS.public)


@pytest.fixture
def worker(stores: Stores) -> WorkersVault:
    return WorkersVault(stores[1], RING, WORKERS)


def answers(of: object, migration: str) -> Iterator[bytes]:
    """Yield every byte string that the public methods and attributes of something give for a migration."""
    for name in dir(of):
        if name.startswith("_") or name in {"destroy", "make", "make_again", "seal"}:
            continue
        attribute = getattr(of, name)
        if isinstance(attribute, bytes):
            yield attribute
        elif callable(attribute):
            yield from _called(attribute, migration)


def _called(method: Callable[..., object], migration: str) -> Iterator[bytes]:
    wanted = list(inspect.signature(method).parameters)
    texts = {"migration": [migration], "label": [*names_of(migration), f"{migration}/grant"], "name": [migration]}
    for given in product(*(texts.get(name, [SECRET]) for name in wanted)):
        try:
            answer = method(*given)
        except (SealBroken, TypeError):
            continue
        if isinstance(answer, bytes):
            yield answer


def test_what_the_web_seals_the_worker_opens_and_the_web_does_not(
    web: Vault, worker: WorkersVault, stores: Stores
) -> None:
    state = stores[0]
    Sealer(state, "m1", web.make("m1")).seal(grant=SECRET)
    assert Safe(state, "m1", worker.key("m1")).open("grant") == SECRET
    sealed = state.hget("mig:{m1}:sealed", "grant")
    had = [*answers(web, "m1"), *answers(Sealer(state, "m1", web.seal_to("m1")), "m1")]
    assert web.seal_to("m1") in had, "the search finds what there is"
    for key in had:
        for opens in (opened, opened_by):
            with pytest.raises((SealBroken, ValueError)):
                opens(key, sealed, "m1/grant")
        with pytest.raises((SealBroken, ValueError)):
            Safe(state, "m1", key).open("grant")


def test_not_even_with_the_whole_key_store_does_the_web_open_anything(web: Vault, stores: Stores) -> None:
    state, keys = stores
    Sealer(state, "m1", web.make("m1")).seal(grant=SECRET)
    for name in (str(one) for one in names_of("m1")):
        stolen = keys.get(name)
        for label in names_of("m1"):
            try:
                key = web.unwrap(label, stolen)[:KEY_BYTES]  # type: ignore[arg-type]
            except SealBroken:
                continue
            with pytest.raises(SealBroken):
                Safe(state, "m1", key).open("grant")
            assert label == name != "key:{m1}"


def test_who_has_a_sealer_can_seal_and_has_nothing_to_open_with(web: Vault, stores: Stores) -> None:
    sealer = Sealer(stores[0], "m1", web.make("m1"))
    assert not hasattr(sealer, "open")
    assert not hasattr(web, "key")
    assert not hasattr(web, "open_from_web")
    assert (repr(sealer), repr(web)) == ("Sealer()", "Vault()")


def test_destroying_the_key_ends_it_for_the_worker_and_for_the_pages(
    web: Vault, worker: WorkersVault, stores: Stores
) -> None:
    Sealer(stores[0], "m1", web.make("m1")).seal(grant=SECRET)
    assert web.holds("m1")
    assert web.is_usable("m1")
    web.destroy("m1")
    assert not web.holds("m1")
    assert not web.is_usable("m1")
    for refused in (worker.key, web.seal_to, web.shown_key):
        with pytest.raises(SealBroken):
            refused("m1")
    assert list(stores[1].scan_iter()) == []


def test_of_two_that_make_keys_at_once_the_first_pair_is_left_whole(
    web: Vault, worker: WorkersVault, stores: Stores
) -> None:
    first = set()

    class Slow(KeyRing):
        def wrap(self, label: str, secret: bytes) -> bytes:
            first.add(web.make("m1"))
            return super().wrap(label, secret)

    late = Vault(stores[1], Slow({"m": b"m" * 32}), WORKERS.public).make("m1")
    assert {late, web.seal_to("m1"), public_half(worker.key("m1"))} == first


def test_the_key_of_what_is_shown_is_another_for_each_import_and_opens_nothing_else(
    web: Vault, worker: WorkersVault
) -> None:
    for one in ("m1", "m2"):
        web.make(one)
    assert len({web.shown_key("m1"), web.shown_key("m2"), worker.key("m1"), web.seal_to("m1")}) == 4
    assert web.shown_key("m1") == worker.shown_key("m1")


def test_nobody_who_writes_into_the_key_store_alone_has_secrets_sealed_to_a_key_of_his_own(
    web: Vault, stores: Stores
) -> None:
    web.make("m1")
    web.make("m2")
    for planted in (public_half(fresh_key()), b"m:" + public_half(fresh_key()), stores[1].get("sealto:{m2}")):
        stores[1].set("sealto:{m1}", planted, ex=60)  # type: ignore[arg-type]
        with pytest.raises(SealBroken):
            web.seal_to("m1")


def test_use_puts_off_the_end_of_all_keys_of_an_import(web: Vault, worker: WorkersVault, stores: Stores) -> None:
    web.make("m1")
    for use in (web.seal_to, web.shown_key, worker.key):
        for name in names_of("m1"):
            stores[1].expire(name, 60)
        use("m1")
        assert min(stores[1].ttl(name) for name in names_of("m1")) > 71 * 3600  # type: ignore[type-var]


def test_what_is_sealed_for_the_workers_opens_there_and_for_its_label_alone(web: Vault, worker: WorkersVault) -> None:
    sealed = web.seal_for_workers("task/1", b"password")
    assert b"password" not in sealed
    assert worker.open_from_web("task/1", sealed) == b"password"
    with pytest.raises(SealBroken):
        worker.open_from_web("task/2", sealed)
    with pytest.raises(SealBroken):
        web.unwrap("task/1", sealed)


def test_for_a_key_that_the_workers_cannot_open_a_new_pair_is_made_once(web: Vault, stores: Stores) -> None:
    """Their private key is lost, or the master key, or the import's own key with its store."""
    lost = Vault(stores[1], RING, WorkersKeys({"lost": b"l" * 32}).public).make("m1")
    first = web.make_again("m1")
    assert first != lost
    shown = web.shown_key("m1")
    assert web.make_again("m1") == first, "another try to connect leaves what the first one sealed"
    assert web.shown_key("m1") == shown
    rotated = Vault(stores[1], KeyRing({"n": b"n" * 32}), WORKERS.public)
    second = rotated.make_again("m1")
    assert second != first
    rotated.destroy("m1")
    assert rotated.make_again("m1") != second


def test_after_a_rotation_the_pair_is_known_to_be_for_the_new_key(
    web: Vault, worker: WorkersVault, stores: Stores
) -> None:
    before = web.make("m1")
    rotated = WorkersVault(stores[1], RING, WorkersKeys({"n": b"n" * 32, "w": b"w" * 32}))
    rotated.key("m1")
    assert rotated.make_again("m1") == before
    with pytest.raises(SealBroken):
        worker.key("m1")


# --- imports that the version before began: a key in the place of a pair, wrapped by the master key -------------------


@pytest.fixture
def older(stores: Stores) -> bytes:
    """The key of an import of the version before, with a grant sealed under it."""
    key = fresh_key()
    stores[1].set("key:{m1}", RING.wrap("key:{m1}", key), ex=600)
    put(stores[0], "m1", {"grant": closed(key, SECRET, "m1/grant")})
    return key


def test_the_workers_open_what_the_version_before_sealed_and_pages_can_seal_from_then_on(
    web: Vault, worker: WorkersVault, stores: Stores, older: bytes
) -> None:
    assert worker.key("m1") == older, "its digests stay the same"
    assert Safe(stores[0], "m1", worker.key("m1")).open("grant") == SECRET
    assert web.is_usable("m1")
    Sealer(stores[0], "m1", web.seal_to("m1")).seal(mailbox=b"another")
    assert Safe(stores[0], "m1", worker.key("m1")).open("mailbox") == b"another"
    with pytest.raises(SealBroken):
        web.unwrap("key:{m1}", stores[1].get("key:{m1}"))  # type: ignore[arg-type]


def test_before_a_worker_has_seen_it_pages_say_that_such_an_import_is_connected_again(
    web: Vault, worker: WorkersVault, stores: Stores, older: bytes
) -> None:
    assert web.holds("m1")
    assert not web.is_usable("m1")
    with pytest.raises(SealBroken):
        web.seal_to("m1")
    Sealer(stores[0], "m1", web.make("m1")).seal(grant=b"new")
    assert Safe(stores[0], "m1", worker.key("m1")).open("grant") == b"new"
    assert worker.key("m1") != older
