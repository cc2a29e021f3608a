"""A town for the sweep: an installation whose every customer, mail and secret is a marker."""

import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import tenacity
from promise.canaries import LABEL_PART, Canaries, Customer, new_customer
from promise.encodings import Search, hits
from promise.places import Blob, in_files, in_process, in_store, parents_of, slices_of
from redis import Redis
from stand_in import Google
from story.house import House, house

from app.stores import connect
from emulator.servers.certificates import Certificate
from emulator.servers.dovecot import Layout, dovecot
from emulator.servers.instance import Limits, Server
from migrator.signingkeys import SigningKey

CLIENT_SECRET = "client-secret"
"""The file in which the operator keeps the secret of his client at Google."""

SIGNING_KEY = "receipt.key"
"""The file of the key that signs receipts."""

_ACCESS, _REFRESH = "ya29.", "1//0"
"""How Google's tokens begin, and the stand-in's."""

_NOTHING = nullcontext()
_ACCESS_TOKEN = re.compile(rb"ya29\.[A-Za-z0-9_-]{64,}")


@dataclass(frozen=True, slots=True)
class Finding:
    """A marker that was found: where, which, and how it is written there."""

    where: str
    what: str
    encoding: str = "raw"


@dataclass(frozen=True, slots=True)
class Found:
    """What one look found: of what may be nowhere, and of names of labels."""

    secrets: tuple[Finding, ...]
    labels: tuple[Finding, ...]


@dataclass
class Town:
    """The installation `home`, whose stand-in for Google and mailbox server know marked customers alone."""

    home: House
    canaries: Canaries
    password: str = field(repr=False)
    access_tokens: set[str] = field(default_factory=set, repr=False)
    refresh_tokens: dict[str, str] = field(default_factory=dict, repr=False)

    def customer(self, name: str, mails: int = 8) -> Customer:
        """Return a new customer with a Gmail account of so many mails."""
        mail = self.home.folder.parent / "mail"
        return new_customer(self.canaries, self.home.google, mail, name, self.password, mails)

    def launch(self, customer: Customer) -> str:
        """Begin the customer's import; return its id."""
        before = set(self.home.secrets)
        migration = self.home.launch(customer.user, account=customer.address)
        (token,) = (new for new in self.home.secrets - before if new.startswith(_REFRESH))
        self.refresh_tokens[migration] = token
        return migration

    @property
    def worker(self) -> int:
        """Process id of the worker that was started last."""
        return self.home.workers[-1].pid

    def start_worker(self, **env: str) -> None:
        """Start a worker, with this environment too, whose temporary files are among the installation's."""
        temporary = self.home.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        self.home.start_worker(TMPDIR=str(temporary), **env)

    def stop_worker(self) -> None:
        """Let the worker end as a service's stop does."""
        self.home.workers[-1].terminate()
        self.home.workers[-1].wait(60)

    def hold_up(self, customer: Customer, nth: int, seconds: float = 60) -> None:
        """Let the stand-in keep back the answer to the customer's nth call for a message from now on."""
        self.home.google.control("faults", {}, verb="DELETE")
        self.home.google.fault("hang", account=customer.address, method="messages.get", nth=nth, seconds=seconds)

    def wait_until_held(self) -> None:
        """Wait until that call was made, and what was read before it is filed."""

        def struck() -> None:
            (fault,) = self.home.google.control("faults")["faults"]
            assert fault["struck"]

        _patiently(120)(struck)
        time.sleep(1)

    def slice(self) -> int:
        """Return the process id of the slice that runs, once there is one."""
        return _patiently(60)(lambda: slices_of(self.worker)[0])

    def rewrite_and_restart(self) -> None:
        """Let the state store write its log anew, compressed, then start again from it."""
        _patiently(60)(self.home.state.bgrewriteaof)  # refused while a rewrite of the worker's own is under way

        def rewritten() -> None:
            assert not self.home.state.info("persistence")["aof_rewrite_in_progress"]

        _patiently(60)(rewritten)
        self.home.restart_redis()

    def blobs(self) -> Iterator[Blob]:
        """Look at every place: stores, files, the memory of all long-lived processes. Not at the slices."""
        yield from chain.from_iterable(in_store(name, client) for name, client in self.stores())
        yield from self.files()
        for name, pid in self.processes():
            yield from in_process(name, pid)

    def files(self) -> Iterator[Blob]:
        """Look at every file of the installation but that in which the operator keeps the client's secret."""
        yield from in_files(self.home.folder, but=frozenset({self.home.folder / CLIENT_SECRET}))
        yield from in_files(self.home.run_folder)

    def stores(self) -> Iterator[tuple[str, Redis]]:
        """Give the three stores."""
        yield from (("state", self.home.state), ("keys", self.home.keys))
        with connect(self.home.redis_store.broker_url) as broker:
            yield "broker", broker

    def processes(self) -> Iterator[tuple[str, int]]:
        """Give the worker, what it started but the slices, and both servers."""
        yield from parents_of(self.worker).items()
        yield from (("the state's server", self.home.redis_store.pid), ("the keys' server", self.home.keys_store.pid))

    def searches(self) -> tuple[Search, ...]:
        """Return the searches for everything that may be nowhere: markers, access tokens, refresh tokens."""
        self._note_access_tokens()
        given = {f"refresh token of {migration}": token for migration, token in self.refresh_tokens.items()}
        taken = {f"access token {n}": one for n, one in enumerate(self.access_tokens)}
        tokens = Search(_REFRESH, given), Search(_ACCESS, taken)
        return (self.canaries.search(), *tokens)

    def _note_access_tokens(self) -> None:
        """Learn from the stand-in's own memory which tokens it gave; no other process tells."""
        for _, blob in in_process("the stand-in", self.home.google.process.pid):
            self.access_tokens |= {found.decode() for found in _ACCESS_TOKEN.findall(blob)}

    def look(self) -> Found:
        """Look everywhere for everything."""
        blobs = list(self.blobs())
        searches = (*self.searches(), self.canaries.label_search())
        rows = [Finding(where, hit.name, hit.encoding) for where, blob in blobs for hit in hits(blob, *searches)]
        rows += [Finding(where, "an unknown access token") for where, blob in blobs if _ACCESS_TOKEN.search(blob)]
        shown = {*self.canaries.labels, LABEL_PART}
        return Found(
            tuple(row for row in rows if row.what not in shown), tuple(row for row in rows if row.what in shown)
        )


@contextmanager
def town(
    folder: Path,
    certificate: Certificate,
    around: AbstractContextManager[object] = _NOTHING,
    **settings: dict[str, object],
) -> Iterator[Town]:
    """Found a town below `folder`; its worker is not started yet. The stores are started within `around`."""
    canaries = Canaries()
    place = folder / "house"
    place.mkdir()
    SigningKey.make(place / SIGNING_KEY)
    settings["receipts"] = {"signing_key_file": str(place / SIGNING_KEY)}
    secret, password = canaries.mark("client secret"), canaries.mark("mailbox password")
    with ExitStack() as stack:
        server = stack.enter_context(_mailboxes(certificate, password))
        google = stack.enter_context(Google(synthetic=0, client_secret=secret))
        with around:
            home = stack.enter_context(house(place, google, server, **settings))
        (place / CLIENT_SECRET).write_text(secret)
        yield Town(home, canaries, password)


@contextmanager
def _mailboxes(certificate: Certificate, password: str) -> Iterator[Server]:
    """Run a mailbox server that knows this password too; Dovecot asks one source of passwords after the other."""
    further = f"maildir:%h/Maildir\npassdb {{\n  driver = static\n  args = password={password}\n}}\n"
    with dovecot(certificate, Layout(further, "."), Limits()) as server:
        yield server


def _patiently(seconds: float) -> tenacity.Retrying:
    return tenacity.Retrying(stop=tenacity.stop_after_delay(seconds), wait=tenacity.wait_fixed(0.02), reraise=True)
