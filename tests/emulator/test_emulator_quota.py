import random
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from small_mailbox import message_id
from stand_in import Google

from emulator.errors import Refused
from emulator.quota import PROFILES, Quotas, charge
from emulator.settings import Settings

pytestmark = pytest.mark.alone

UNITS = {"new": 6_000, "legacy": 15_000}
COSTS = {
    "new": {"messages.get": 20, "messages.list": 5, "history.list": 2, "labels.get": 1, "settings.filters.list": 1},
    "legacy": {"messages.get": 5, "messages.list": 5, "history.list": 2, "labels.get": 1, "getProfile": 1},
}
WORK = message_id("work")


def refused_after(quotas: Quotas, settings: Settings, moment: Callable[[int], float], count: int) -> int | None:
    """Send `count` gets, the n-th at `moment(n)`; return how many passed before the first refusal."""
    for at in range(count):
        try:
            charge(quotas, settings, "a", "messages.get", moment(at), moment(at))
        except Refused:
            return at
    return None


@pytest.mark.parametrize("profile", ["new", "legacy"])
def test_each_method_costs_what_google_documents(profile: str) -> None:
    settings = Settings(quota=profile, concurrency=0)
    for method, units in COSTS[profile].items():
        assert charge(Quotas(), settings, "a", method, 0, 0) == units
    assert PROFILES[profile].units == UNITS[profile]


@pytest.mark.parametrize("profile", ["new", "legacy"])
@pytest.mark.parametrize("seed", range(5))
def test_a_client_paced_at_the_ceiling_is_never_refused_in_ten_minutes(profile: str, seed: int) -> None:
    settings, noise = Settings(quota=profile, concurrency=0), random.Random(seed)
    per_second = UNITS[profile] / COSTS[profile]["messages.get"] / 60
    late = sorted(at / per_second + noise.random() * 0.9 for at in range(int(600 * per_second)))
    assert refused_after(Quotas(), settings, lambda at: late[at], len(late)) is None


@pytest.mark.parametrize("profile", ["new", "legacy"])
def test_a_client_two_per_cent_too_fast_is_refused_soon(profile: str) -> None:
    settings = Settings(quota=profile, concurrency=0)
    per_second = UNITS[profile] / COSTS[profile]["messages.get"] / 60 * 1.02
    passed = refused_after(Quotas(), settings, lambda at: at / per_second, int(120 * per_second))
    assert passed is not None
    assert passed / per_second < 60


@pytest.mark.parametrize("profile", ["new", "legacy"])
def test_a_burst_is_refused_at_the_first_unit_over_and_a_minute_later_all_is_well(profile: str) -> None:
    settings, quotas = Settings(quota=profile, concurrency=0), Quotas()
    allowed = UNITS[profile] // COSTS[profile]["messages.get"]
    assert refused_after(quotas, settings, lambda at: at / 1e6, allowed + 1) == allowed
    assert refused_after(quotas, settings, lambda at: 58 + at / 1e6, 1) == 0
    assert refused_after(quotas, settings, lambda at: 60 + at / 1e6, allowed) is None


def test_the_project_has_a_ceiling_over_all_accounts() -> None:
    settings, quotas = Settings(quota="legacy", concurrency=0), Quotas()
    for account in range(80):
        for _ in range(3_000):
            charge(quotas, settings, str(account), "messages.get", 0, 0)
    with pytest.raises(Refused) as over:
        charge(quotas, settings, "another", "labels.list", 0, 0)
    assert "'Queries per minute'" in over.value.shape.message


@pytest.mark.parametrize(("profile", "status"), [("new", 429), ("new", 403), ("legacy", 429), ("legacy", 403)])
def test_an_unpaced_client_is_refused_in_googles_words(google: Google, profile: str, status: int) -> None:
    google.control("settings", {"quota": profile, "scale": 0.01, "quota_status": status})
    token, allowed = google.token(), UNITS[profile] // COSTS[profile]["messages.get"] // 100
    replies = [google.gmail(f"messages/{WORK}", token) for _ in range(allowed + 1)]
    assert [reply.status for reply in replies] == [200] * allowed + [status]
    error = replies[-1].json()["error"]
    assert error["errors"][0] == {
        "message": error["message"],
        "domain": "usageLimits",
        "reason": "rateLimitExceeded",
    }
    assert ("Quota exceeded for quota metric 'Queries'" in error["message"]) is (status == 429)
    assert google.ledger()["units"] == allowed * COSTS[profile]["messages.get"]


def test_a_live_client_paced_at_the_ceiling_is_not_refused(google: Google) -> None:
    google.control("settings", {"quota": "legacy"})
    token, began = google.token(), time.monotonic()
    for at in range(100):
        time.sleep(max(0.0, began + at / 50 - time.monotonic()))
        assert google.gmail(f"messages/{WORK}", token).status == 200


def statuses(google: Google, token: str, count: int) -> list[int]:
    with ThreadPoolExecutor(count) as pool:
        return [reply.status for reply in pool.map(lambda _: google.gmail(f"messages/{WORK}", token), range(count))]


def test_too_many_requests_at_once_are_refused(google: Google) -> None:
    google.control("settings", {"quota": "legacy", "concurrency": 3, "latency_ms": 400.0})
    token = google.token()
    assert sorted(statuses(google, token, 5)) == [200, 200, 200, 429, 429]
    assert statuses(google, token, 3) == [200] * 3
    ledger = google.ledger()
    assert (ledger["max_concurrency"], ledger["reasons"]) == (5, {"rateLimitExceeded": 2})


def test_used_up_bandwidth_parks_the_account_until_the_time_named(google: Google) -> None:
    google.control("settings", {"quota": "new", "bandwidth_bytes": 50_000, "bandwidth_pause": 1.0})
    token, number = google.token(), message_id("big")
    replies = [google.gmail(f"messages/{number}", token, format="raw") for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 429]
    error = replies[-1].json()["error"]
    assert error["errors"][0]["reason"] == "userRateLimitExceeded"
    found = re.fullmatch(r"User-rate limit exceeded\.  Retry after (.+)Z", error["message"])
    assert found is not None
    until = datetime.fromisoformat(found.group(1)).replace(tzinfo=UTC).timestamp()
    assert google.gmail("profile", token).status == 429
    time.sleep(max(0.0, until - time.time()) + 0.02)
    assert google.gmail("profile", token).status == 200


def test_with_quota_off_nothing_is_refused(google: Google) -> None:
    google.control("settings", {"concurrency": 1, "bandwidth_bytes": 1, "latency_ms": 50.0})
    assert statuses(google, google.token(), 5) == [200] * 5


def test_latency_delays_every_answer(google: Google) -> None:
    google.control("settings", {"latency_ms": 200.0})
    token, began = google.token(), time.monotonic()
    google.gmail("profile", token)
    assert 0.2 <= time.monotonic() - began < 2


@pytest.mark.parametrize("wish", [{"speed": 1}, {"quota": "old"}, {"scale": "fast"}, {"quota_status": 500}])
def test_an_unknown_setting_is_refused(google: Google, wish: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="400"):
        google.control("settings", wish)
