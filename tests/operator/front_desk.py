"""The console of an installation, over real HTTP, and the people who come to it."""

import http.client
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from browser import Answer, free_port, wait_for
from pyotp import TOTP

from app.config import Config
from app.console import console_site
from app.serving import listening, serving
from app.stores import Stores
from jobs.audit import TERMINAL
from web.operator import accounts, members, passwords, timecodes
from web.operator import session as sessions
from web.operator.account import Account
from web.operator.accounts import Roster
from web.operator.rights import Role
from web.operator.session import COOKIE, Stage

PASSWORD = "some words that rest here"
FORM = "application/x-www-form-urlencoded"


def roster_of(stores: Stores) -> Roster:
    return Roster(stores.state, stores.vault)


def config_of(stores: Stores, folder: Path, **console: object) -> Config:
    """Return the configuration of a console on a port of its own; keywords are further settings of `[console]`."""
    port = free_port()
    urls = stores.urls
    return Config.model_validate(
        {
            "store": {
                "url": urls.state,
                "broker_url": urls.broker,
                "keys_url": urls.keys,
                "directory": folder,
                "master_key_file": stores.master_key_file,
            },
            "web": {"name": "Example Mail", "url": "https://import.example"},
            "console": {"url": f"http://127.0.0.1:{port}", "port": port, "client_header": "X-Client", **console},
        }
    )


@contextmanager
def open_console(config: Config, stores: Stores) -> Iterator[str]:
    """Serve the console of a configuration until the block ends; the value is its URL."""
    site, stop = console_site(config, stores), threading.Event()
    with (
        listening(config.console.host, config.console.port, "console") as listeners,
        serving(site, listeners, stop, "console"),
    ):
        wait_for(config.console.url)
        yield config.console.url


@dataclass
class Visitor:
    """Somebody at the console: his cookies, and the address that a proxy would name."""

    url: str
    client: str = "192.0.2.1"
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, b"", headers)

    def post(self, path: str, /, **form: str) -> Answer:
        """Send a form of a page of the console."""
        return self.ask("POST", path, urlencode(form).encode(), {})

    def ask(self, verb: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        sent = {"X-Client": self.client, **({"Cookie": self._cookie} if self.cookies else {})}
        if verb != "GET":
            sent |= {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Content-Type": FORM}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        try:
            connection.request(verb, path, body or None, sent)
            reply = connection.getresponse()
            found = {name.lower(): value for name, value in reply.getheaders()}
            for cookie in reply.headers.get_all("set-cookie", []):
                name, _, rest = cookie.partition("=")
                self.cookies[name] = rest.partition(";")[0]
            return Answer(reply.status, found, reply.read().decode())
        finally:
            connection.close()

    @property
    def session(self) -> str:
        """The id of the session this browser has; empty when it has none."""
        return self.cookies.get(COOKIE, "")

    @property
    def _cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def give_password(self, name: str, password: str = PASSWORD) -> Answer:
        return self.post("/signin", name=name, password=password)

    def give_code(self, code: str) -> Answer:
        return self.post("/signin/code", code=code)


def enlist(stores: Stores, name: str, role: Role = Role.OPERATOR, **values: object) -> Account:
    """Have a member who has enrolled with `PASSWORD`; keywords are further values of the account."""
    roster = roster_of(stores)
    code = members.add(roster, TERMINAL, name, role)
    account = accounts.by_sign(roster, accounts.local(name))
    assert account, code
    given = {"password": _hash(), "secret": timecodes.new_secret(), "enrol_code": "", "enrol_until": 0.0, **values}
    return altered(stores, account, **given)


def altered(stores: Stores, account: Account, **values: object) -> Account:
    """Change an account behind everybody's back."""

    def rule(one: Account) -> tuple[Account, Account]:
        after = replace(one, **values)  # type: ignore[arg-type]
        return after, after

    after = accounts.change(roster_of(stores), account.id, rule)
    assert after
    return after


def code_now(account: Account, steps: int = 0) -> str:
    """Return what an authenticator shows now, or will show so many steps later."""
    return TOTP(account.secret).at(int(time.time()) + steps * timecodes.STEP_SECONDS)


def seated(
    stores: Stores, url: str, account: Account, stage: Stage = Stage.IN, *, stepped_up: float = 0.0, client: str = ""
) -> Visitor:
    """Return a browser with a session of a member at a stage, who stepped up so many seconds ago."""
    session = sessions.begin(stores.state, "", stage, account, stepped_up_at=time.time() - stepped_up)
    return Visitor(url, client or "192.0.2.1", {COOKIE: session.id})


def shown_in(text: str, pattern: str) -> str:
    """Return what a page shows by a pattern with one group."""
    found = re.search(pattern, text)
    assert found, text
    return found[1]


_KNOWN: list[str] = []


def _hash() -> str:
    """Return the hash of `PASSWORD`, made once: it takes its time."""
    if not _KNOWN:
        _KNOWN.append(passwords.hashed(PASSWORD))
    return _KNOWN[0]
