"""A key store is restarted while fifty imports are in progress, and none of them loses its key."""

import json
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

from consents import grants
from redis import Redis
from stand_in import Google
from story.house import ROOT, House, house
from waiting import eventually

from app import embedded
from app.config import load
from app.stores import Stores
from app.storeurls import configured_urls
from emulator.servers.instance import Server
from jobs import requests
from jobs.discarding import Revocation
from jobs.errors import IllegalTransition
from jobs.migration import ENDS, State

IMPORTS = 50


def begun(home: House, stores: Stores, number: int) -> str:
    """Begin an import of an account of its own, as a process with this configuration does."""
    address = f"customer{number}@gmail.example"
    home.google.control("accounts", {"address": address, "synthetic": 2, "body_bytes": 200})
    home.vault = stores.vault
    return home.launch(home.server.new_user(), account=address, by_digest=False)


def stores_named(home: House, *urls: str) -> Stores:
    """Write these key stores into the configuration; return the stores as its next process has them."""
    lines = home.config.read_text().splitlines()
    said = json.dumps(list(urls) if len(urls) > 1 else urls[0])
    home.config.write_text("\n".join(f"keys_url = {said}" if line.startswith("keys_url") else line for line in lines))
    store = load(home.config).store
    return Stores(configured_urls(store), store.master_key_path)


def replaced(home: House, worker: "subprocess.Popen[bytes]") -> "subprocess.Popen[bytes]":
    """Stop a worker as systemd does, and start its successor."""
    worker.send_signal(signal.SIGTERM)
    worker.wait(60)
    return home.start_worker()


def status(home: House) -> dict[str, dict[str, object]]:
    command = [sys.executable, "-m", "app", "--config", str(home.config), "keys", "status", "--json"]
    said = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True)
    return {row["name"]: row for row in json.loads(said.stdout)}


def states(home: House, ids: list[str]) -> Counter[State]:
    return Counter(one.state for one in requests.read_all(home.state, ids))


def end_the_rest(home: House, ids: list[str]) -> None:
    """Cancel what has not ended: its key is needed once more, to give the access back."""
    for one in ids:
        with suppress(IllegalTransition):
            requests.cancel(home.state, one)


def test_no_import_loses_its_key_while_its_store_is_replaced(dovecot_server: Server, tmp_path: Path) -> None:
    settings = {"threads": 3, "slice_seconds": 5, "lease_seconds": 5}
    with (
        Google() as google,
        embedded.start(tmp_path / "keys-new", persistent=False) as second,
        Redis.from_url(second.url) as new,
        house(tmp_path, google, dovecot_server, worker=settings) as home,
    ):
        old = home.keys_store.url
        stores = stores_named(home, old)
        ids = [begun(home, stores, number) for number in range(IMPORTS)]
        workers = [home.start_worker(), home.start_worker()]
        eventually(lambda: states(home, ids)[State.COPYING] > 0, 120)

        stores = stores_named(home, second.url, old)  # the new one first, and a restart of one process after the other
        workers[0] = replaced(home, workers[0])
        ids += [begun(home, stores, number) for number in range(IMPORTS, IMPORTS + 3)]
        assert len(list(new.scan_iter("key:*"))) == 3, "while the other worker knows the old one alone"
        workers[1] = replaced(home, workers[1])
        assert sum(states(home, ids[:IMPORTS])[end] for end in ENDS) < IMPORTS // 2, "in progress"
        end_the_rest(home, ids)
        eventually(lambda: sum(states(home, ids)[end] for end in ENDS) == len(ids), 240)

        drained = next(row for row in status(home).values() if not row["first"])
        assert (drained["imports"], drained["others"], drained["may_be_stopped"]) == (0, 0, True)
        home.keys_store.stop()
        home.keys = new
        stores = stores_named(home, second.url)
        workers[1].send_signal(signal.SIGTERM)
        workers[0] = replaced(home, workers[0])
        ids.append(begun(home, stores, IMPORTS + 3))
        assert home.wait(ids[-1]).state is State.DONE

        for one in ids:
            assert not any("key-" in change.reason for change in requests.history(home.state, one))
            assert Revocation.read(home.state, one).confirmed, "whoever has the key gives the access back"
        assert grants(google) == []
        assert new.dbsize() == 0
