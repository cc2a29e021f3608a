"""The table of retention against whole imports: every key that was ever written in any store, and what is left."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from key_leaks import leaks
from pages_used import act_afterwards, come_in, employ, go_wrong, look_over, summarise
from redis import Redis
from stand_in import Google
from story.house import ROOT, House
from waiting import eventually

from emulator.servers.instance import Server, User
from jobs.kept import Kept, Until, Where
from jobs.migration import State
from jobs.overview import overview, overview_of
from jobs.reconciler import log_checkpoint
from jobs.retention import KEPT, REWRITE_WISH, row_for
from migrator.labels import Choices
from migrator.ledger import Ledger
from migrator.naming import FolderNames

CRASH = Path(__file__).parents[1] / "story" / "crash"
STORES = {0: Where.STATE, 1: Where.BROKER}


class Watched:
    """Writes down every key that is written in a store, from the store's own announcements."""

    def __init__(self, url: str, stores: dict[int, Where]) -> None:
        self.names: set[tuple[Where, str]] = set()
        self._stores = stores
        self.redis = Redis.from_url(url)
        self.redis.config_set("notify-keyspace-events", "KA")
        self._heard = self.redis.pubsub()
        self._heard.psubscribe(**{"__keyspace@*__:*": self._note})
        self._thread = self._heard.run_in_thread(sleep_time=0.05)

    def _note(self, message: dict[str, bytes]) -> None:
        database, _, name = message["channel"].decode().removeprefix("__keyspace@").partition("__:")
        self.names.add((self._stores[int(database)], name))

    def stop(self) -> None:
        self._thread.stop()
        self._thread.join()
        self._heard.close()
        self.redis.close()


@contextmanager
def sampled(state: str, keys: str) -> Iterator[set[str]]:
    """Search state and key store for leaks again and again while the block runs."""
    found, stop = set[str](), threading.Event()

    def sample() -> None:
        with Redis.from_url(state) as one, Redis.from_url(keys) as other:
            while not stop.wait(0.02):
                found.update(leaks(one, Where.STATE), leaks(other, Where.KEYS))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """Sixty messages of the project's sample, with all its labels."""
    rows = tmp_path / "mailbox.jsonl"
    whole = ROOT / "tests" / "data" / "layout.jsonl"
    rows.write_text("\n".join(whole.read_text().splitlines()[:60]) + "\n")
    Path(f"{rows}.labels.json").write_text(Path(f"{whole}.labels.json").read_text())
    return rows


@pytest.fixture
def home(tmp_path: Path, layout: Path, dovecot_server: Server) -> Iterator[House]:
    settings: dict[str, dict[str, object]] = {"google": {"profile": "legacy"}, "worker": {"slice_seconds": 2}}
    with Google(seed_dir=ROOT / "emulator" / "sample" / "mail", layout=layout) as google:
        made = House(tmp_path, google, dovecot_server, settings)
        try:
            yield made
            made.keeps_nothing_it_should_not()
        finally:
            made.stop()


def rows_of(names: set[tuple[Where, str]]) -> set[Kept]:
    return {row for where, name in names if (row := row_for(name, where))}


def put_aside(home: House, user: User, file: str) -> None:
    """Have one of the messages lie in a folder of the customer's own."""
    with home.server.observer(user) as observer:
        observer.create_folder("Sorted")
        observer.append("Sorted", (ROOT / "emulator" / "sample" / "mail" / file).read_bytes())


def change_meanwhile(home: House, migration: str) -> None:
    """Rename a label whose folder is made, and let mail arrive with a label that Gmail does not list."""
    ledger = Ledger(home.state, migration)

    def made() -> list[str]:
        return [FolderNames.load(ledger).rows[number].key for number in ledger.folders()]

    eventually(lambda: any(key.startswith("Label_") for key in made()))
    label = next(key for key in made() if key.startswith("Label_"))
    home.google.control(f"labels/{label}", {"name": "Renamed meanwhile"})
    home.google.add(b"Subject: late\r\n\r\n", labelIds=["INBOX", "Label_ghost"])


@pytest.mark.timeout(480)
def test_an_import_writes_no_key_outside_the_table_and_every_row_is_seen(
    home: House, layout: Path, dovecot_server: Server
) -> None:
    """Among its sixty messages one cannot be read, Google asks for a pause, and a slice is killed. A label is renamed.

    One message lies in a folder of the customer's own already.

    Before and after it the pages are used: they write beside it.
    """
    first, _, known = map(json.loads, layout.read_text().splitlines()[:3])
    home.google.fault("badBase64", message=first["id"], times=0)
    home.google.fault("retryAfter", method="messages.list", seconds=4)
    with ExitStack() as stack:
        watched = [Watched(home.redis_store.url, STORES), Watched(home.keys_store.url, {0: Where.KEYS})]
        for one in watched:
            stack.callback(one.stop)
        faults = stack.enter_context(sampled(home.redis_store.url, home.keys_store.url))
        done = home.folder / "crashed"
        where = {"CRASH_AT": "migrator.append.before", "CRASH_NTH": "3", "CRASH_WHO": "child", "CRASH_DONE": str(done)}
        home.start_worker(PYTHONPATH=str(CRASH), **where)
        come_in(home)
        employ(home)
        user = dovecot_server.new_user()
        put_aside(home, user, known["file"])
        migration = home.launch(user, Choices(policy="copy-per-label"))
        change_meanwhile(home, migration)
        ended = home.wait(migration, State.DONE_WITH_EXCEPTIONS)
        assert done.exists()
        assert home.report(ended.id).failures
        eventually(lambda: not home.state.exists(REWRITE_WISH))
        act_afterwards(home, migration, user)
        stop(home)
        summarise(home, look_over(home, user), user)
        go_wrong(home)
        log_checkpoint(home.state)
    names = watched[0].names | watched[1].names
    assert {name for where, name in names if row_for(name, where) is None} == set()
    assert faults == set()
    wanted = {row.pattern for row in KEPT if row.where is not Where.FILES}
    assert wanted - {row.pattern for row in rows_of(names)} == set()
    nothing_is_left_that_ends_with(home, migration)


def stop(home: House) -> None:
    for worker in home.workers:
        worker.terminate()
        worker.wait(30)


def nothing_is_left_that_ends_with(home: House, migration: str) -> None:
    left = {held.row.pattern for held in overview_of(stores(home), migration).rows if held.keys}
    assert left
    assert left <= {row.pattern for row in KEPT if row.until is Until.DAY_AFTER}
    whole = overview(stores(home))
    assert (whole.outside, whole.endless) == (0, 0)


def stores(home: House) -> dict[Where, Redis]:
    return {Where.STATE: home.state, Where.KEYS: home.keys}
