"""Redis by TLS with a user for each role: none may do what its role does not need."""

from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError, ResponseError
from servers.guarded import Guarded

from app.config import Store
from app.storeurls import configured_urls
from jobs.broker import make_sender, send_survey, send_tickets
from jobs.draining import drains
from jobs.reach import open_store
from jobs.retention import KEPT, Where
from oauth.keystores import KeyStores

DANGEROUS = (
    "FLUSHALL",
    "FLUSHDB",
    "CONFIG GET *",
    "SHUTDOWN",
    "MONITOR",
    "ACL LIST",
    "SAVE",
    "SORT x",
)
ROLES = ("worker", "web", "console")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("store", ["state", "keys"])
def test_no_role_may_do_what_is_dangerous(guarded: Guarded, role: str, store: str) -> None:
    with guarded.client(role, store=store) as client:
        for command in (*DANGEROUS, *([] if (role, store) == ("worker", "state") else ["KEYS *"])):
            with pytest.raises(NoPermissionError):
                client.execute_command(*command.split())


PRIVATE = ("mig:{a}:sealed", "mig:{a}:ids", "mig:{a}:placed:0", "mig:{a}:labels", "mig:{a}:survey", "mig:{a}:receipt")


@pytest.mark.parametrize(
    ("role", "store", "keys"),
    [
        ("worker", "state", ("web:session:x", "staff:account:x", "limit:x", "launched:x")),
        ("worker", "keys", ("consent:x", "entrusted:x", "launch:x", "idempotent:x")),
        ("web", "state", ("staff:account:x", "staff:session:x", "reconcile:tick", "worker:x", "{dramatiq}:slices")),
        ("web", "state", ("surveys:turns", "{dramatiq}:slices.msgs")),
        ("console", "state", (*PRIVATE, "web:session:x", "launched:x", "quota:x")),
        ("metrics", "state", (*PRIVATE, "mig:{a}:history", "web:session:x", "staff:account:x", "account:x")),
        ("console", "keys", ("key:{a}", "consent:x", "entrusted:x", "handed:undo:a")),
    ],
)
def test_a_role_reaches_no_key_of_another(guarded: Guarded, role: str, store: str, keys: tuple[str, ...]) -> None:
    with guarded.client(role, store=store) as client:
        for key in keys:
            with pytest.raises(NoPermissionError):
                client.get(key)
            with pytest.raises(NoPermissionError):
                client.set(key, 1)


def test_the_pages_put_messages_into_one_queue_and_read_none(guarded: Guarded) -> None:
    web = configured_urls(Store.model_validate(guarded.settings("web")))
    sender = make_sender(web.broker)
    for _ in range(2):  # what it writes the first time is there the second time
        send_survey(sender, "a")
    with guarded.client("worker", database=1) as worker:
        assert worker.llen("{dramatiq}:surveys") == 2
        assert all(worker.ttl(key) > 0 for key in worker.keys("*"))
    assert guarded.refusals() == []
    for command in ("LRANGE {dramatiq}:surveys 0 -1", "LPOP {dramatiq}:surveys", "HGETALL {dramatiq}:surveys.msgs"):
        with pytest.raises(NoPermissionError):
            sender.client.execute_command(*command.split())
    with pytest.raises(ResponseError, match=r"can't access|permissions"):
        send_tickets(sender)


def test_what_is_handed_over_to_the_workers_the_web_server_cannot_read_back(guarded: Guarded) -> None:
    with guarded.client("web", store="keys") as web, guarded.client("worker", store="keys") as worker:
        web.set("handed:undo:a", b"sealed", ex=60)
        for command in ("GET", "GETDEL", "DEL", "EXISTS", "DUMP", "COPY handed:undo:a"):
            with pytest.raises(NoPermissionError):
                web.execute_command(*command.split(), "handed:undo:a")
        with pytest.raises(NoPermissionError):
            web.set("handed:undo:a", b"another", ex=60, get=True)
        with pytest.raises(NoPermissionError):
            worker.set("handed:undo:a", b"another", ex=60)
        assert worker.get("handed:undo:a") == b"sealed"
        assert worker.delete("handed:undo:a") == 1


def test_the_exporter_changes_nothing(guarded: Guarded) -> None:
    with guarded.client("metrics") as metrics:
        assert metrics.zcard("jobs:due") == 0
        for command in ("SET jobs:turn 1", "DEL jobs:due", "FLUSHALL", "KEYS *", "EVAL x 0"):
            with pytest.raises(NoPermissionError):
                metrics.execute_command(*command.split())


def test_a_script_reaches_no_more_than_its_user(guarded: Guarded) -> None:
    with guarded.client("console") as console, pytest.raises(ResponseError, match=r"can't access|permissions"):
        console.eval("return redis.call('GET', 'mig:{a}:sealed')", 0)


def test_what_the_console_only_shows_it_cannot_change(guarded: Guarded) -> None:
    with guarded.client("console") as console:
        assert console.get("mig:{a}:choices") is None
        with pytest.raises(NoPermissionError):
            console.set("mig:{a}:choices", "{}")


def test_every_key_of_the_table_is_some_role_s(guarded: Guarded) -> None:
    with guarded.client("admin") as state, guarded.client("admin", store="keys") as keys:
        for row in KEPT:
            if row.where is not Where.FILES:
                server = keys if row.where is Where.KEYS else state
                key = row.pattern.replace("<id>", "a").replace("*", "x")
                assert any(may_read(server, role, key) for role in ROLES), key


def may_read(server: Redis, role: str, key: str) -> bool:
    return server.execute_command("ACL", "DRYRUN", role, "GET", key) in {b"OK", "OK"}


def test_without_the_authority_or_the_password_there_is_no_store(guarded: Guarded, tmp_path: Path) -> None:
    (tmp_path / "none").write_text("worker:wrong")
    for changed in ({"ca_file": None}, {"password_file": str(tmp_path / "none")}):
        urls = configured_urls(Store.model_validate({**guarded.settings("worker"), **changed}))
        with open_store(urls.state, 5) as client, pytest.raises(RedisConnectionError):
            client.ping()


def test_the_consoles_user_is_told_how_key_stores_drain(guarded: Guarded) -> None:
    with guarded.client("console", store="state") as state, guarded.client("console", store="keys") as keys:
        (found,) = drains(state, KeyStores({"keys": keys}, state))
    assert found.first
    assert found.imports is not None
    assert found.others is not None
