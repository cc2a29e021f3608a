"""What the pages and the panel's API write in the stores, beside an import: each once, by the code that writes it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import BaseModel
from story.house import House
from waiting import eventually

from app.config import load
from app.ready import readiness
from app.stores import Stores, StoreUrls
from app.surveying import begin, found
from app.surveyor import surveying
from emulator.servers.instance import User
from jobs import accounts, clientrefused, exchanges, permission, undos, undowish
from jobs.audit import PANEL, TERMINAL, staff
from jobs.fullness import Load, tell
from jobs.launch import Import, prepare
from jobs.migration import State, new_id
from jobs.requests import create, resume
from jobs.retrying import finish_without, open_again
from jobs.slice import advance, wait
from jobs.tickets import claim, release
from migrator.blind import blind
from migrator.hold import FAILED_MESSAGES, held_until
from migrator.ledger import Ledger
from migrator.mailbox import Password, open_mailbox
from migrator.outcome import Mark
from migrator.pauses import pause
from migrator.records import Deferred
from migrator.refusedkeywords import RefusedKeywords
from migrator.summary import Summary, place
from oauth import pending
from oauth.grant import Client, Grant
from oauth.vault import Sealer
from web import entrusted, minted, session
from web.api.doors import ApiDoors
from web.api.idempotency import once
from web.api.tokens import Scope, ServiceToken
from web.launch import Panel, _use_up
from web.launch_token import Launch
from web.limits import Limit, seconds_to_wait
from web.operator import members
from web.operator import session as console_session
from web.operator.accounts import Roster
from web.operator.asked import ask
from web.operator.rights import Role

SUMMARY = Summary("0" * 32, 1_800_000_000, "import@host.example", "", "https://host.example/", {"copied": 1}, {})


class _Said(BaseModel):
    word: str = "done"


def come_in(home: House) -> None:
    """Let somebody in by each way, and begin a consent."""
    state, keys, vault = home.state, home.keys, home.vault
    assert readiness({"state": home.redis_store.url, "keys": home.keys_store.url})()
    session.make(state)
    pending.begin(
        keys, vault, Client("demo-client", "demo-secret"), "http://127.0.0.1/", "session", pending.Purpose("0" * 32)
    )
    entrusted.entrust(keys, vault, Password("ann", "open sesame"))
    minted.mint(keys, vault, "c1", "ann@host.example")
    _use_up(state, "https://panel.example/", Launch("c1", "ann@host.example", "a" * 16, time.time() + 60))
    seconds_to_wait(state, Limit("launch", 3, 60), "0" * 32)
    tell(state, "a server", {"sign-in": Load()})
    token = ServiceToken("panel", "0" * 64, frozenset(Scope))
    doors = ApiDoors(state, keys, vault, (token,), Panel(frozenset()), "https://host.example/launch", PANEL, str)
    once(doors, token, "k1", "request", _Said, _Said)


def employ(home: House) -> None:
    """Add somebody to the staff, and have a single sign-on begin."""
    roster = Roster(home.state, home.vault)
    members.add(roster, TERMINAL, "ann", Role.ADMIN)
    ask(roster, console_session.begin(home.state, "", console_session.Stage.AWAY), "/", stepping_up=False)


def act_afterwards(home: House, migration: str, user: User) -> None:
    """Ask for a permission, give it to the support, and take the import back."""
    permission.ask(home.state, migration, permission.Field, staff("0" * 32))
    permission.give(home.state, migration, permission.Field)
    undos.ask(home.state, home.keys, home.vault, migration, Password(user.name, user.password))
    eventually(lambda: undowish.standing(home.state, migration).kind == "done")


def look_over(home: House, user: User) -> str:
    """Connect an import that waits for its start, have it looked over, and return its id."""
    migration = new_id()
    accounts.claim(home.state, home.vault, migration, "customer@gmail.example")
    made = home.google.grant()
    home.secrets |= {made["refresh_token"], made["access_token"]}
    Sealer(home.state, migration, home.vault.make(migration)).seal(grant=Grant(made["refresh_token"]).to_bytes())
    prepare(home.state, home.vault, migration, Import("c1", Password(user.name, user.password)))
    create(home.state, "c1", migration_id=migration, start=False)
    with stores_of(home) as stores, surveying(load(home.config), stores, threading.Event()):
        begin(stores, migration)
        eventually(lambda: found(stores, migration), 90)
    return migration


def go_wrong(home: House) -> None:
    """Let a consent end unsettled, Google refuse our client, and an import lose the key of its hashes.

    One of its messages is deferred and one failed; no slice is at it.

    It has paused, and a keyword was refused. It is held, somebody finishes without the message, and somebody else has
    it tried again.
    """
    exchanges.begin(home.state, new_id(), "c2")
    clientrefused.note(home.state, "invalid_client")
    migration = create(home.state, "c2", start=False).id
    ledger = Ledger(home.state, migration)
    ledger.write(*ledger.plan([1], [Mark.FAILED_REFUSED]))
    for key in (b"a" * 32, b"b" * 32):
        blind(ledger, key)
    ledger.write(*ledger.fail(0, Mark.FAILED_REFUSED, "refused"), ledger.defer(0, Deferred("refused", 1.0, 2.0)))
    pause(ledger, 0)
    RefusedKeywords(ledger).learn(0, ["$Odd"])
    assert held_until(ledger, time.time())
    resume(home.state, migration)
    for end in (advance(State.COPYING), advance(State.VERIFYING), wait(4e9, FAILED_MESSAGES)):
        claimed = claim(home.state, 60)
        assert claimed
        release(home.state, migration, claimed.token, end)
    open_again(home.state, migration)
    finish_without(home.state, migration)


def summarise(home: House, migration: str, user: User) -> None:
    """Put the summary into the mailbox, as a slice of the import would; no worker may be running."""
    resume(home.state, migration)
    claimed = claim(home.state, 60)
    assert claimed
    assert claimed.id == migration
    with open_mailbox(load(home.config).target, Password(user.name, user.password)) as mailbox:
        place(mailbox, Ledger(home.state, migration, claimed.token), SUMMARY)


@contextmanager
def stores_of(home: House) -> Iterator[Stores]:
    urls = StoreUrls(home.redis_store.url, home.redis_store.broker_url, home.keys_store.url)
    stores = Stores(urls, home.master)
    try:
        yield stores
    finally:
        stores.state.close()
        stores.keys.close()
