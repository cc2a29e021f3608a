"""The state store dies in the middle of three imports; its replica, which lacks its last writes, takes over."""

import itertools
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import tenacity
from redis.exceptions import RedisError
from servers.sentinels import watched_store
from stand_in import Google
from story.house import RESTS, House, house
from story.layouts import Layout
from story.observe import alike, crlf, mailbox_content

from app.stores import connect
from emulator.servers.instance import Server, User
from jobs.migration import State
from jobs.requests import read

ACCOUNTS = ("customer@gmail.example", "second@gmail.example", "third@gmail.example")
GOING_ON_SECONDS = 15
BEHIND_SECONDS = 0.5


@pytest.mark.alone
def test_imports_go_on_within_15_s_and_nothing_is_lost_or_doubled(
    small: Layout, dovecot_server: Server, tmp_path: Path
) -> None:
    further = [f"{address}={small.folder}:{small.rows}" for address in ACCOUNTS[1:]]
    with (
        watched_store(tmp_path) as store,
        Google(seed_dir=small.folder, layout=small.rows, accounts=further, latency_ms=80) as google,
        house(
            tmp_path,
            google,
            dovecot_server,
            store={"url": store.url(0), "broker_url": store.url(1)},
            worker={"threads": 3, "slice_seconds": 5, "lease_seconds": 3},
        ) as home,
    ):
        home.state = connect(store.url())
        users = [dovecot_server.new_user() for _ in ACCOUNTS]
        home.start_worker()
        imports = [home.launch(user, account=account) for user, account in zip(users, ACCOUNTS, strict=True)]
        _until_so_many_were_read(google, 60)
        store.cut_replica_off()
        time.sleep(BEHIND_SECONDS)
        unheard = store.kill_master()
        gap = _longest_silence(home, imports)
        sys.stdout.write(
            f"\nno message was read for {gap:.1f} s; the new master lacked {unheard:,} bytes of the old one's\n"
        )
        assert unheard > 0, "the replica must have something to be behind with"
        assert gap < GOING_ON_SECONDS
        for user, migration in zip(users, imports, strict=True):
            ended = home.wait(migration)
            assert ended.state is State.DONE, (ended, home.logs())
            assert home.report(migration).adds_up
            _all_there_once(home, small, user)


def _read(google: Google) -> int:
    return int(google.ledger()["calls"].get("messages.get", 0))


def _until_so_many_were_read(google: Google, messages: int) -> None:
    tenacity.Retrying(
        stop=tenacity.stop_after_delay(120),
        wait=tenacity.wait_fixed(0.05),
        retry=tenacity.retry_if_result(lambda read: read < messages),
    )(_read, google)


def _longest_silence(home: House, imports: list[str]) -> float:
    """Return the longest time without a message read, from now until all imports rest."""
    seen, changed, longest = _read(home.google), time.monotonic(), 0.0
    for _ in itertools.count():
        time.sleep(0.05)
        now, before = time.monotonic(), seen
        seen = _read(home.google)
        longest = max(longest, now - changed)
        changed = now if seen > before else changed
        if longest > 4 * GOING_ON_SECONDS or all(_rests(home, migration) for migration in imports):
            break
    return longest


def _rests(home: House, migration: str) -> bool:
    try:
        return read(home.state, migration).state in RESTS
    except RedisError:
        return False


def _all_there_once(home: House, layout: Layout, user: User) -> None:
    wanted = Counter(
        alike(crlf(home.google.served(str(row["id"]))))
        for row in layout.messages()
        if not set(row["labelIds"]) & {"CHAT", "TRASH", "SPAM"}  # type: ignore[call-overload]
    )
    assert Counter(alike(seen.body) for seen in mailbox_content(home.server, user)) == wanted
