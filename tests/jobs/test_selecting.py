"""Which imports are meant."""

import json

import pytest
from redis import Redis

from jobs.migration import State, part_key
from jobs.requests import create
from jobs.selecting import Filter, hosts_of, select
from jobs.slice import failed, wait
from jobs.tickets import claim, release

NOW = 1_800_000_000.0
HOSTS = {"": "imap.example.net", "other.example": "imap.other.example"}.__getitem__


def one(redis: Redis, end: object, *, age: float = 0, domain: str | None = None) -> str:
    migration = create(redis, "acme", now=NOW - age).id
    if domain is not None:
        redis.set(part_key(migration, "choices"), json.dumps({"domain": domain}), ex=60)
    claimed = claim(redis, 10, now=NOW)
    assert claimed is not None
    release(redis, claimed.id, claimed.token, end, now=NOW)  # type: ignore[arg-type]
    return migration


@pytest.fixture
def imports(redis: Redis) -> dict[str, str]:
    return {
        "login": one(redis, failed("login-refused", resumable=True), age=7200, domain="other.example"),
        "egress": one(redis, failed("egress-refused:connect", resumable=False), age=60, domain=""),
        "full": one(redis, wait(NOW + 60, "mailbox-full"), age=3600),
    }


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", {"login", "egress", "full"}),
        ("state=failed", {"login", "egress"}),
        ("state=waiting,failed", {"login", "egress", "full"}),
        ("state=paused", set()),
        ("code=mailbox-full", {"full"}),
        ("code=egress-refused", {"egress"}),
        ("code=egress-refused:connect", {"egress"}),
        ("older=1h", {"login", "full"}),
        ("older=3601s", {"login"}),
        ("host=imap.example.net", {"egress", "full"}),
        ("host=IMAP.other.example state=failed older=2h code=login-refused", {"login"}),
        ("host=imap.other.example state=waiting", set()),
    ],
)
def test_conditions_are_met_all_together(redis: Redis, imports: dict[str, str], text: str, meant: set[str]) -> None:
    found = select(redis, Filter.read(text), HOSTS, now=NOW)
    assert {m.id for m in found} == {imports[name] for name in meant}


def test_the_oldest_comes_first(redis: Redis, imports: dict[str, str]) -> None:
    found = [m.id for m in select(redis, Filter(), HOSTS, now=NOW)]
    assert found == [imports["login"], imports["full"], imports["egress"]]


def test_the_host_is_the_domains_or_the_configured_one(redis: Redis, imports: dict[str, str]) -> None:
    assert hosts_of(redis, imports.values(), HOSTS) == {
        imports["login"]: "imap.other.example",
        imports["egress"]: "imap.example.net",
        imports["full"]: "imap.example.net",
    }
    assert hosts_of(redis, [], HOSTS) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("failed", "'failed' is no condition"),
        ("state=", "'state=' is no condition"),
        ("status=failed", "these are: state=, code=, older=, host="),
        ("state=broken", "a state is one of planning, copying"),
        ("older=2", "write 30m, 2h or 3d"),
        ("older=-2h", "write 30m, 2h or 3d"),
    ],
)
def test_what_is_no_condition_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Filter.read(text)


def test_states_are_read_as_such() -> None:
    assert Filter.read("state=done-with-exceptions,paused").states == {State.DONE_WITH_EXCEPTIONS, State.PAUSED}
