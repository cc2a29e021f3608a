"""What the tests of the engine's rooms are made of: doors to the stand-in, ledgers on a real store, mail."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from redis import Redis
from stand_in import Google

from migrator.gmail import Gmail
from migrator.ledger import Ledger
from migrator.quota import PROFILES, Meter
from migrator.retry import Patience
from oauth.grant import Client, Grant, SingleFlightCredentials

ADDRESS = "customer@gmail.example"
KEY = b"k" * 32
TOKEN = "t1"
_numbers = count(1)


def renewed(google: Google, settings: dict[str, object]) -> Google:
    """Return the stand-in as if just started: one empty account, these settings, no faults, no grants, no calls."""
    google.control("grants", {}, verb="DELETE")
    google.control("settings", settings)
    google.control("accounts", {"address": ADDRESS})
    google.control("reset", {})
    return google


def invent(google: Google, messages: int, body_bytes: int = 200) -> None:
    """Fill the account with messages made up by the stand-in."""
    google.control("accounts", {"address": ADDRESS, "synthetic": messages, "body_bytes": body_bytes})


def client_of(google: Google, secret: str = "demo-secret") -> Client:
    """Return the OAuth client the stand-in knows."""
    places = (f"{google.url}/{place}" for place in ("o/oauth2/v2/auth", "token", "revoke"))
    return Client("demo-client", secret, *places)


def credentials_of(google: Google, secret: str = "demo-secret") -> SingleFlightCredentials:
    """Return the credentials of a fresh grant."""
    return SingleFlightCredentials(Grant(google.grant()["refresh_token"]), client_of(google, secret))


@contextmanager
def gmail_door(
    google: Google,
    redis: Redis,
    *,
    patience: Patience | None = None,
    meter: Meter | None = None,
    credentials: SingleFlightCredentials | None = None,
    timeout: float = 10,
) -> Iterator[Gmail]:
    """Give the door to the stand-in's account; it does not wait between tries unless a patience is given."""
    units = meter or Meter(redis, f"test:{next(_numbers)}", PROFILES["off"])
    waits = patience or Patience(scale=0)
    with Gmail(credentials or credentials_of(google), google.url, units, waits, timeout=timeout) as gmail:
        yield gmail


def pressed(google: Google, url: str, decision: str = "allow", account: str = ADDRESS) -> str:
    """Press Allow or Deny on the consent page; return the URL Google sends the browser back to."""
    place = urlsplit(url)
    form = {**dict(parse_qsl(place.query)), "decision": decision, "account": account}
    reply = google.request("POST", place.path, form)
    assert reply.status == 303, reply.body
    return reply.headers["location"]


def new_ledger(redis: Redis, progressed: Callable[[], None] = lambda: None) -> Ledger:
    """Return the ledger of a migration that nobody had before, under its present token."""
    name = f"m{next(_numbers)}"
    redis.hset(f"mig:{{{name}}}", "token", TOKEN)
    redis.expire(f"mig:{{{name}}}", 3600)
    return Ledger(redis, name, TOKEN, progressed)


class Died(Exception):
    """The slice ended here as if it had been killed."""


def dying(writes: int) -> Callable[[], None]:
    """Return a `progressed` for a ledger that lets so many writes be, and dies right after the next one."""
    left = count(writes, -1)

    def progressed() -> None:
        if next(left) == 0:
            raise Died

    return progressed


def heir(redis: Redis, ledger: Ledger, progressed: Callable[[], None] = lambda: None) -> Ledger:
    """Return the same migration's ledger for the slice that comes next, under a new token."""
    record = ledger.key("")[:-1]
    token = f"t{next(_numbers)}"
    redis.hset(record, "token", token)
    return Ledger(redis, record[len("mig:{") : -1], token, progressed)


def letter(number: int, body: bytes = b"hello\r\n") -> bytes:
    """Return a small mail, another one for each number."""
    head = b"From: ann@example.com\r\nSubject: letter %d\r\nMessage-ID: <%d@example.com>\r\n\r\n"
    return head % (number, number) + body


def calls(google: Google) -> dict[str, int]:
    """Return how often each method was called."""
    found: dict[str, int] = google.ledger()["calls"]
    return found


def state_of(redis: Redis, ledger: Ledger) -> dict[str, Any]:
    """Return every key of a migration with its serialised value, to be compared or put back."""
    keys = redis.keys(ledger.key("*"))
    return {key.decode(): redis.dump(key) for key in keys}


def put_back(redis: Redis, ledger: Ledger, state: dict[str, Any]) -> None:
    """Make a migration's keys what they were."""
    for key in redis.keys(ledger.key("*")):
        redis.delete(key)
    for key, blob in state.items():
        redis.restore(key, 3_600_000, blob)
