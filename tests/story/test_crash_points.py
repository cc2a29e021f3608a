"""kill -9 at every named point, of the slice's process, the worker, and Redis: nothing lost, nothing doubled."""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import tenacity
from stand_in import Google
from story.house import House, house, seconds_since
from story.layouts import Layout
from story.observe import alike, crlf, mailbox_content

from emulator.servers.instance import Server, User
from jobs.migration import State
from migrator.labels import Choices, Label, Placement, catalogue_of, place

CRASH = Path(__file__).parent / "crash"
PHASES = ("planning", "copying", "verifying", "finishing")
POINTS = [f"migrator.{step}.{side}" for step in ("intent", "append", "result") for side in ("before", "after")]
ENDS = [f"migrator.slice.{side}:{phase}" for side in ("before", "after") for phase in PHASES]
GOING_ON_SECONDS = 30


# The slice's process is gone when the worker has written its end.
KILLS = [
    (p, who) for p in POINTS + ENDS for who in ("child", "worker", "redis") if "slice.after" not in p or who != "child"
]


@pytest.mark.parametrize(("point", "who"), KILLS)
def test_a_kill_loses_nothing_and_doubles_nothing(
    point: str, who: str, small: Layout, dovecot_server: Server, tmp_path: Path
) -> None:
    with (
        Google(seed_dir=small.folder, layout=small.rows) as google,
        house(tmp_path, google, dovecot_server, worker={"threads": 1, "slice_seconds": 2, "lease_seconds": 3}) as home,
    ):
        policy = "copy-per-label" if who == "child" else "one-copy"
        user, done = dovecot_server.new_user(), tmp_path / "crashed"
        nth = 1 if point.startswith("migrator.slice") else 3
        worker = home.start_worker(
            PYTHONPATH=str(CRASH),
            CRASH_AT=point,
            CRASH_NTH=str(nth),
            CRASH_WHO=who,
            CRASH_PID=str(home.redis_store.pid),
            CRASH_DONE=str(done),
        )
        migration = home.launch(user, Choices(policy=policy))  # type: ignore[arg-type]
        wait_for(done)
        crashed, before = time.monotonic(), _appended(home)
        _bring_back(home, who, worker.pid)
        _wait_for_progress(home, before)
        assert seconds_since(crashed) < GOING_ON_SECONDS
        ended = home.wait(migration)
        assert ended.state is State.DONE, (ended, home.logs())
        all_there_once(home, small, user, policy)


def wait_for(file: Path) -> None:
    tenacity.Retrying(stop=tenacity.stop_after_delay(120), wait=tenacity.wait_fixed(0.05))(file.stat)


def _bring_back(home: House, who: str, worker: int) -> None:
    if who == "worker":
        home.workers[-1].wait(60)
        assert home.workers[-1].returncode == -signal.SIGKILL, worker
        home.start_worker()
    if who == "redis":
        home.restart_redis()


def _appended(home: House) -> int:
    return int(home.google.ledger()["calls"].get("messages.get", 0))


def _wait_for_progress(home: House, before: int) -> None:
    """Work goes on when messages are read from Google again, or the import is beyond that."""
    tenacity.Retrying(
        stop=tenacity.stop_after_delay(GOING_ON_SECONDS),
        wait=tenacity.wait_fixed(0.1),
        retry=tenacity.retry_if_result(lambda now: not now),
        retry_error_callback=lambda _: pytest.fail(f"nothing goes on: {home.logs()[-3000:]}"),
    )(lambda: _appended(home) > before or home.google.ledger()["calls"].get("oauth.revoke", 0) > 0)


def all_there_once(home: House, layout: Layout, user: User, policy: str) -> None:
    wanted = Counter(
        alike(crlf(home.google.served(str(row["id"]))))
        for row in layout.messages()
        if not set(row["labelIds"]) & {"CHAT", "TRASH", "SPAM"}  # type: ignore[call-overload]
    )
    content = mailbox_content(home.server, user)
    if policy == "one-copy":
        assert Counter(alike(seen.body) for seen in content) == wanted
        return
    in_folders = Counter((seen.folder, alike(seen.body)) for seen in content)
    assert not {key: n for key, n in in_folders.items() if n > wanted[key[1]]}
    assert {like for _, like in in_folders} == set(wanted)
    assert sum(in_folders.values()) == sum(_copies(layout))


def _copies(layout: Layout) -> Iterator[int]:
    """Every message once per folder its labels make."""
    labels = [Label(row["id"], row["name"], "user" if row["type"] == "user" else "system") for row in layout.labels()]
    catalogue = catalogue_of(labels)
    for row in layout.messages():
        where = place(frozenset(row["labelIds"]), catalogue, Choices(policy="copy-per-label"))  # type: ignore[call-overload]
        yield len(where.folders) if isinstance(where, Placement) else 0
