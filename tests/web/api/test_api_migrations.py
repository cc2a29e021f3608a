"""A customer's migrations over the API, by HTTP, on a real Redis."""

import json

import pytest
from api_site import Tokens
from ways import Client

from app.stores import Stores
from jobs import audit, requests
from jobs.migration import State, new_id
from jobs.slice import failed, paused, wait
from jobs.tickets import claim, release
from migrator.outcome import Mark
from web.api.models import Messages, megabytes

ANN, BOB = "customer-7", "customer-8"
NOBODY = "0" * 32


def begin(stores: Stores, customer: str = ANN, *, start: bool = True) -> str:
    return requests.create(stores.state, customer, start=start).id


def path(migration: str, customer: str = ANN) -> str:
    return f"/customers/{customer}/migrations/{migration}"


def test_a_migration_is_read_with_its_sums(client: Client, tokens: Tokens, stores: Stores) -> None:
    migration = begin(stores)
    status, told = client.call("GET", path(migration), tokens.read)
    assert status == 200
    assert (told["id"], told["state"], told["code"], told["needs_attention"]) == (migration, "planning", "", False)
    assert told["messages"] == dict.fromkeys(("total", "open", "copied", "already_there", "skipped", "failed"), 0)
    assert told["created_at"].endswith("Z")
    assert told["ended_at"] is None


def test_nothing_is_told_but_what_the_model_lists(client: Client, tokens: Tokens, stores: Stores) -> None:
    migration = begin(stores)
    stores.state.hset(f"mig:{{{migration}}}", mapping={"address": "canary@gmail.example", "wish": "canary"})
    for part in ("choices", "labels", "map", "receipt"):
        stores.state.set(f"mig:{{{migration}}}:{part}", json.dumps({"name": "canary"}), ex=60)
    for place in (path(migration), f"/customers/{ANN}/migrations", f"/customers/{ANN}/card"):
        status, told = client.call("GET", place, tokens.read)
        assert status == 200
        assert "canary" not in json.dumps(told)


def test_a_customers_migrations_are_listed_page_by_page_the_newest_first(
    client: Client, tokens: Tokens, stores: Stores
) -> None:
    made = [
        requests.create(stores.state, ANN, migration_id=new_id(), start=False, now=1_800_000_000 + number).id
        for number in range(5)
    ]
    begin(stores, BOB)
    seen, after = [], ""
    for _ in range(3):
        status, told = client.call("GET", f"/customers/{ANN}/migrations?limit=2{after}", tokens.read)
        assert status == 200
        seen.append([row["id"] for row in told["migrations"]])
        after = f"&after={told['next']}"
    newest = made[::-1]
    assert seen == [newest[:2], newest[2:4], newest[4:]]
    assert told["next"] is None
    assert client.call("GET", f"/customers/{ANN}/migrations?after={NOBODY}", tokens.read)[0] == 404, "begin again"
    assert client.call("GET", "/customers/nobody/migrations", tokens.read) == (200, {"migrations": [], "next": None})


def test_pause_resume_and_cancel_do_what_they_say_and_are_written_down(
    client: Client, tokens: Tokens, stores: Stores
) -> None:
    migration = begin(stores)
    for what, state in (("pause", "paused"), ("resume", "planning"), ("cancel", "finishing")):
        status, told = client.call("POST", f"{path(migration)}/{what}", tokens.write)
        assert (status, told["state"]) == (200, state)
    assert [str(entry.act) for entry in audit.entries(stores.state)] == ["paused", "resumed", "cancelled"]
    assert {entry.actor for entry in audit.entries(stores.state)} == {audit.PANEL}


def test_what_the_state_does_not_allow_is_a_conflict(client: Client, tokens: Tokens, stores: Stores) -> None:
    migration = begin(stores)
    requests.cancel(stores.state, migration)
    status, told = client.call("POST", f"{path(migration)}/pause", tokens.write)
    assert (status, told["code"]) == (409, "not-possible-now")


@pytest.mark.parametrize("code", ["not-started", "reconnect-needed", "key-lost"])
def test_the_panel_starts_nothing_and_goes_on_with_nothing_that_is_the_customers_to_go_on_with(
    code: str, client: Client, tokens: Tokens, stores: Stores
) -> None:
    migration = begin(stores, start=code != "not-started")
    if code != "not-started":
        claimed = claim(stores.state, 30)
        assert claimed
        release(stores.state, claimed.id, claimed.token, paused(code))
    status, told = client.call("POST", f"{path(migration)}/resume", tokens.write)
    assert (status, told["code"]) == (409, "customer-needed")
    assert requests.read(stores.state, migration).state is State.PAUSED
    assert not list(audit.entries(stores.state))


@pytest.mark.parametrize("what", ["", "/pause", "/resume", "/cancel"])
def test_anothers_migration_is_like_one_that_does_not_exist(
    what: str, client: Client, tokens: Tokens, stores: Stores
) -> None:
    theirs = begin(stores, BOB)
    verb = "POST" if what else "GET"
    answers = [
        client.call(verb, f"{path(one)}{what}", tokens.everything)
        for one in (theirs, NOBODY, "x", "..", theirs.upper())
    ]
    assert {status for status, _ in answers} == {404}
    assert len({json.dumps(told) for _, told in answers}) == 1
    assert requests.read(stores.state, theirs).state is State.PLANNING
    assert not list(audit.entries(stores.state))


def test_the_card_says_the_newest_migration_in_a_word(client: Client, tokens: Tokens, stores: Stores) -> None:
    def card() -> tuple[str, str]:
        status, told = client.call("GET", f"/customers/{ANN}/card", tokens.read)
        assert status == 200
        return told["state"], told["code"]

    assert card() == ("none", "")
    begin(stores, start=False)
    assert card() == ("not-started", "not-started")
    running = requests.create(stores.state, ANN, now=2_000_000_000).id
    assert card() == ("running", "")
    requests.pause(stores.state, running)
    assert card() == ("paused", "asked")
    requests.resume(stores.state, running)
    for end, said in (
        (wait(4e9, "google-quota"), ("waiting", "google-quota")),
        (wait(4e9, "mailbox-full"), ("needs-attention", "mailbox-full")),
        (failed("login-refused", resumable=True), ("needs-attention", "login-refused")),
    ):
        claimed = claim(stores.state, 30)
        assert claimed
        release(stores.state, claimed.id, claimed.token, end)
        assert card() == said
        requests.resume(stores.state, running)


def test_sums_add_up_whatever_the_outcomes() -> None:
    outcomes = {mark.words: 3 for mark in Mark if not mark.is_open}
    told = Messages.of(outcomes, 4)
    assert told.total == told.open + told.copied + told.already_there + told.skipped + told.failed
    assert told.total == 4 + 3 * len(outcomes)
    for word in ("copied", "already there", "skipped", "failed"):
        assert getattr(told, word.replace(" ", "_")) == 3 * sum(words.startswith(word) for words in outcomes) > 0


def test_bytes_are_told_to_ten_megabytes() -> None:
    assert [megabytes(count) for count in (0, 4_999_999, 5_000_001, 14_000_000, 996_000_000)] == [0, 0, 10, 10, 1000]
