"""Nobody's wait blocks somebody else's page: all work that waits for others is saturated, and everything else answers.

A mail server that takes connections and says nothing, Google's token endpoint and listings that hang, a provider of
single sign-on that hangs, passwords that are hashed: all at once, on the real processes.
"""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from besieged import DOMAIN, SILENT, Besieged, Visitor, back_from_google, besieged
from browser import Answer
from engine import invent
from servers.fixtures import StartServer
from stand_in import Google
from waiting import eventually

from emulator.servers.instance import Limits, Server
from jobs import accounts, requests
from jobs.fullness import Load, fullness
from jobs.launch import Import, prepare
from jobs.migration import new_id
from migrator.mailbox import Password
from oauth.grant import Grant
from oauth.sealing import closed
from oauth.vault import Sealer, label_of, put
from web import session as sessions
from web.session import COOKIE, Entered

Siege = Callable[[int], Answer]
"""One more of a kind of work."""

HANGS = 60
"""Seconds that Google takes for its answers."""

ROOMY = 8.0
"""Seconds in which a page is there on a busy machine; whoever waits for a hanging thread waits longer."""


@pytest.fixture(scope="module")
def server(start_server: StartServer) -> Server:
    return start_server("dovecot", Limits())


@pytest.fixture(scope="module")
def there(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    with Google() as google:
        invent(google, 3)
        with besieged(tmp_path_factory.mktemp("siege"), google, server) as made:
            made.home.start_worker()
            yield made


def again_and_again(work: Siege, number: int, over: threading.Event) -> None:
    """Do something until it is over; who is asked to come again comes at once."""
    while not over.is_set():
        try:
            work(number)
        except OSError:  # the server has ended
            return


def connected(there: Besieged, server: Server, name: str) -> tuple[Visitor, str]:
    """Return a customer and the path of a connected import that waits for its start."""
    state, vault, migration, user = there.home.state, there.home.vault, new_id(), server.new_user()
    address = f"{user.name}@{DOMAIN}"
    account = f"{name}@gmail.example"
    there.google.control("accounts", {"address": account, "synthetic": 3})
    accounts.claim(state, vault, migration, account)
    safe = Sealer(state, migration, vault.make(migration))
    safe.seal(grant=Grant(there.google.grant(account=account)["refresh_token"]).to_bytes())
    shown = closed(
        vault.shown_key(migration),
        json.dumps({"account": account, "mailbox": address}).encode(),
        label_of(migration, "addresses"),
    )
    put(state, migration, {"addresses": shown})
    prepare(state, vault, migration, Import(name, Password(user.name, user.password)))
    requests.create(state, name, migration_id=migration, start=False)
    session = sessions.enter(state, "", Entered(name, address), (migration,))
    return Visitor(there.pages, {COOKIE: session.id}), f"/imports/{migration}"


@dataclass(frozen=True)
class Kind:
    """A kind of work: what saturates it, how often at once, and whether more of it is refused at once."""

    name: str
    siege: Siege
    times: int
    refused: bool = True


@pytest.fixture(scope="module")
def kinds(there: Besieged, server: Server) -> dict[str, Kind]:
    """All kinds, their customers come in already: what they do next is to wait."""
    back = [back_from_google(there, number) for number in range(81)]
    looked = [connected(there, server, f"looked-{number}") for number in range(16)]

    def sign_in(number: int) -> Answer:
        return there.stranger().ask("POST", "/signin", address=f"user-{number}@{SILENT}", password="wrong")

    def exchange(number: int) -> Answer:
        customer, path = back[number]
        return customer.ask("GET", path)

    def survey(number: int) -> Answer:
        customer, path = looked[number]
        return customer.ask("GET", f"{path}/check")

    def sso(_: int) -> Answer:
        return there.member().ask("POST", "/signin/sso")

    return {
        kind.name: kind
        for kind in (
            Kind("sign-in", sign_in, 40),
            Kind("exchange", exchange, 80),
            Kind("survey", survey, 16, refused=False),
            Kind("sso", sso, 20),
        )
    }


@pytest.fixture(scope="module")
def besieging(there: Besieged, kinds: dict[str, Kind]) -> Iterator[None]:
    """Saturate all kinds at once."""
    for method in ("oauth.token", "labels.list", "messages.list"):
        there.google.fault("hang", method=method, times=0, seconds=HANGS)
    over = threading.Event()
    for kind in kinds.values():
        for number in range(kind.times):
            threading.Thread(target=again_and_again, args=(kind.siege, number, over), daemon=True).start()
    eventually(lambda: all(is_full(there, name) for name in kinds), 120)
    yield
    over.set()


def is_full(there: Besieged, kind: str) -> bool:
    load = fullness(there.home.state).get(kind, Load())
    return 0 < load.places <= load.working


def is_put_off(answer: Answer) -> bool:
    """True if it is to come again; a place may have become free at this very moment."""
    return answer.status == 503 and answer.headers.get("retry-after", "").isdecimal()


@pytest.mark.parametrize("kind", ["sign-in", "exchange", "survey", "sso"])
@pytest.mark.usefixtures("besieging")
def test_everything_else_is_there_while_a_kind_of_work_is_saturated(
    kind: str, there: Besieged, kinds: dict[str, Kind]
) -> None:
    """One more is asked to come again, and changes nothing; pages, files, the API and `/readyz` answer as ever."""
    glances = there.glances(there.customer(f"watches-{kind}"))
    assert {name: status for name, (status, _) in glances.items()} == dict.fromkeys(glances, 200)
    assert max(seconds for _, seconds in glances.values()) < ROOMY, glances
    if kinds[kind].refused:
        eventually(lambda: is_put_off(kinds[kind].siege(kinds[kind].times)))
