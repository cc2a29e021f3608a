"""The web's user of the key store, and the web's files: keys are made, tested and destroyed, and never read."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError, RedisError
from servers.guarded import Guarded

from app.addresses import addresses_of, remember
from app.config import Store
from app.stores import Stores
from app.storeurls import configured_urls
from oauth.errors import SealBroken, WorkersKeyUnusable
from oauth.keyfile import read_keys
from oauth.keystores import names_of
from oauth.sealing import KEY_BYTES, public_half
from oauth.vault import Safe, Sealer
from web.doors import Addresses

KEY, OTHER = "key:{a}", "sealto:{a}"
SECRET = "canary-what-lies-there"

ALLOWED = {"MSETNX", "DEL", "EXPIRE", "EXISTS"}
"""What the web's user may do with a key of an import: none of these answers what is there."""

KEYS_OF_WEB = {"master.key", "workers.pub"}

SHAPES: tuple[tuple[str, ...], ...] = (
    (KEY,),
    (KEY, OTHER),
    (OTHER, KEY),
    (KEY, "1"),
    (KEY, "0", "-1"),
    (KEY, "1", "2"),
    (KEY, "1", "GET"),
    (KEY, "1", "NX", "GET"),
    (KEY, "1", "EX", "60"),
    (KEY, "1", "EX", "60", "GET"),
    (KEY, "1", "XX"),
    (KEY, "EX", "60"),
    (KEY, "PERSIST"),
    ("1", KEY),
    ("1", KEY, "0"),
    ("AND", OTHER, KEY),
    ("return redis.call('GET', KEYS[1])", "1", KEY),
    (KEY, "BY", "nosort", "GET", KEY),
    (OTHER, "BY", KEY),
    (OTHER, "GET", KEY),
    (OTHER, "1", KEY),
    ("localhost", "1", KEY, "0", "10"),
    ("ENCODING", KEY),
    ("USAGE", KEY),
)
"""Arguments with the key in every place that some command takes one in."""


@pytest.fixture
def admin(guarded: Guarded) -> Iterator[Redis]:
    with guarded.client("admin", store="keys") as client:
        client.set(KEY, SECRET, ex=60)
        yield client


@pytest.fixture
def web(guarded: Guarded) -> Iterator[Redis]:
    with guarded.client("web", store="keys") as client:
        yield client


def stores_of(guarded: Guarded, role: str) -> Stores:
    store = Store.model_validate(guarded.settings(role))
    files = store.workers_key_path, store.workers_public_key_path
    return Stores(configured_urls(store), store.master_key_path, *files)


@pytest.fixture
def pages(guarded: Guarded) -> Stores:
    """The stores and files as the web has them."""
    return stores_of(guarded, "web")


@pytest.fixture
def work(guarded: Guarded) -> Stores:
    """The stores and files as a worker has them."""
    return stores_of(guarded, "worker")


def test_no_command_with_a_key_of_an_import_is_the_webs_but_those_that_read_nothing(admin: Redis) -> None:
    commands = [name.decode().upper().split("|") for name in admin.execute_command("COMMAND LIST")]
    assert len(commands) > 200
    taken = [(*command, *shape) for command in commands for shape in SHAPES if _takes_key(admin, *command, *shape)]
    assert len({name for name, *_ in taken}) > 100, "the shapes fit the commands"
    assert {command[0] for command in taken if _is_permitted(admin, *command)} == ALLOWED


def _is_permitted(admin: Redis, *command: str) -> bool:
    try:
        return admin.execute_command("ACL", "DRYRUN", "web", *command) in {b"OK", "OK"}
    except RedisError:  # no command at all with these arguments
        return False


def _takes_key(admin: Redis, *command: str) -> bool:
    """True if the command touches the key, as the server itself sees it."""
    try:
        return KEY in admin.execute_command("COMMAND GETKEYS", *command)
    except RedisError:
        return False


@pytest.mark.parametrize(
    "command",
    [
        ("GET", KEY),
        ("GETDEL", KEY),
        ("GETEX", KEY),
        ("MGET", OTHER, KEY),
        ("SET", KEY, "1"),
        ("SET", KEY, "1", "GET"),
        ("SET", KEY, "1", "NX", "GET"),
        ("GETSET", KEY, "1"),
        ("GETRANGE", KEY, "0", "-1"),
        ("DUMP", KEY),
        ("COPY", KEY, OTHER),
        ("RENAME", KEY, OTHER),
        ("SORT", OTHER, "BY", "nosort", "GET", KEY),
        ("EVAL", "return redis.call('GET', KEYS[1])", "1", KEY),
        ("EVAL_RO", "return redis.call('GET', KEYS[1])", "1", KEY),
        ("STRLEN", KEY),
        ("APPEND", KEY, ""),
        ("BITFIELD", KEY, "GET", "u8", "0"),
        ("LCS", KEY, OTHER),
        ("WATCH", KEY),
        ("MIGRATE", "localhost", "1", KEY, "0", "10"),
        ("SCAN", "0"),
        ("RANDOMKEY",),
        ("MONITOR",),
    ],
)
def test_what_would_read_a_key_of_an_import_is_refused(admin: Redis, web: Redis, command: tuple[str, ...]) -> None:
    with pytest.raises(NoPermissionError):
        web.execute_command(*command)
    assert admin.get(KEY) == SECRET.encode()


def test_in_a_transaction_it_is_refused_as_well(web: Redis, admin: Redis) -> None:
    with web.pipeline(transaction=True) as together:
        together.get(KEY)
        with pytest.raises(RedisError):
            together.execute()
    assert admin.get(KEY) == SECRET.encode()


def test_a_key_that_is_there_cannot_be_replaced_but_tested_put_off_and_destroyed(web: Redis, admin: Redis) -> None:
    assert web.msetnx({KEY: "mine", OTHER: "mine"}) == 0
    assert admin.get(KEY) == SECRET.encode()
    assert web.exists(KEY) == 1
    assert web.expire(KEY, 600)
    assert web.delete(KEY) == 1
    assert not admin.exists(KEY)


def test_the_pages_make_and_destroy_keys_and_open_nothing_and_the_worker_opens(pages: Stores, work: Stores) -> None:
    Sealer(pages.state, "a", pages.vault.make("a")).seal(grant=b"a token")
    assert pages.vault.make("a") == pages.vault.seal_to("a")
    assert pages.vault.is_usable("a")
    with pytest.raises(WorkersKeyUnusable):
        _ = pages.opening_vault
    assert Safe(work.state, "a", work.opening_vault.key("a")).open("grant") == b"a token"
    sealed = pages.vault.seal_for_workers("task/1", b"a password")
    assert work.opening_vault.open_from_web("task/1", sealed) == b"a password"
    pages.vault.destroy("a")
    assert not pages.vault.holds("a")
    with pytest.raises(SealBroken):
        work.opening_vault.key("a")


def test_with_all_it_can_read_and_all_its_files_the_web_opens_no_secret_of_an_import(
    guarded: Guarded, pages: Stores
) -> None:
    Sealer(pages.state, "a", pages.vault.make("a")).seal(grant=b"a token")
    readable = []
    for name in names_of("a"):
        try:
            readable.append((name, pages.keys.get(name)))
        except NoPermissionError:
            continue
    assert [name for name, _ in readable] == ["sealto:{a}", "shown:{a}"]
    opened = [pages.vault.unwrap(name, wrapped)[:KEY_BYTES] for name, wrapped in readable]  # type: ignore[arg-type]
    files = [Path(str(value)) for value in guarded.settings("web").values() if Path(str(value)).is_file()]
    assert {path.name for path in files} == {"ca.crt", "state-web.password", "keys-web.password", *KEYS_OF_WEB}
    own = [key for path in files if path.name in KEYS_OF_WEB for key in read_keys(path).values()]
    for key in [*opened, *own]:
        with pytest.raises(SealBroken):
            Safe(pages.state, "a", key).open("grant")


def test_the_pages_show_both_addresses_until_the_keys_are_destroyed(pages: Stores) -> None:
    both = Addresses("ann@gmail.example", "ann@host.example")
    for one in ("a", "b"):
        pages.vault.make(one)
        remember(pages, one, both)
    assert addresses_of(pages, "a") == both
    sealed = pages.state.hget("mig:{a}:sealed", "addresses")
    assert b"ann" not in sealed  # type: ignore[operator]
    pages.state.hset("mig:{b}:sealed", "addresses", sealed)  # type: ignore[arg-type]
    assert addresses_of(pages, "b") is None, "they are bound to their import"
    pages.vault.destroy("a")
    assert addresses_of(pages, "a") is None
    assert addresses_of(pages, "never-made") is None


def test_the_worker_keeps_keys_up_to_date_with_what_its_user_may(work: Stores, guarded: Guarded) -> None:
    with guarded.client("admin", store="keys") as admin:
        admin.set(KEY, work.vault.wrap(KEY, b"k" * 32), ex=600)
    assert work.opening_vault.key("a") == b"k" * 32
    assert work.vault.seal_to("a") == public_half(b"k" * 32)
    assert guarded.refusals() == []
