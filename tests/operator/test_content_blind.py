"""Nothing of a customer is on any page of the console, in any answer to an act, or in a log: all routes, all canaries.

An installation whose every mail, address, password and label is a marker (`tests/promise`) lives through a copied, a
paused and a failed import; then an admin asks for every route there is.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from email.utils import format_datetime, parsedate_to_datetime
from itertools import product
from pathlib import Path

import pytest
from browser import Answer, free_port
from front_desk import Visitor, enlist, open_console, seated
from promise.canaries import Customer
from promise.encodings import Search, hits
from promise.town import Town, town

from app.config import load
from app.console import console_of
from app.metrics import Installation, text_of
from app.stores import Stores, StoreUrls, connect
from emulator.servers.certificates import Certificate
from emulator.servers.instance import User
from jobs import permission
from jobs.migration import State
from jobs.permission import Field
from jobs.requests import create
from web.operator.rights import Role
from web.operator.routes import Route, routes_of
from web.operator.site import make_console

FURTHER = (
    "/imports?state=failed&state=paused&code=login-refused&older=1s&host=localhost",
    "/imports?host=%3Cscript%3E",
    "/imports/bulk?what=cancel&which=all",
    "/imports/bulk?what=resume&which=all&state=failed",
    "/audit?act=opened",
    "/audit?migration={migration}",
    "/audit?day=2020-01-01&actor=worker",
)
"""Addresses with a query; add here what further places operators can read (`{migration}` is each import's id)."""

ACTS = (
    *(("/imports/{migration}/act", {"what": what}) for what in ("pause", "resume")),
    ("/imports/{migration}/ask", {"field": "folder-names"}),
    ("/imports/{migration}/look", {}),
    ("/imports/bulk", {"what": "pause", "ids": "{migration}"}),
    ("/audit/verify", {}),
    ("/imports/{migration}/resolve", {}),
    ("/imports/{migration}/act", {"what": "eat it"}),
)
"""Forms that an admin sends, in this order."""


@dataclass
class Crawl:
    """An installation with imports by what became of them, a console, and its admin."""

    place: Town
    stores: Stores
    admin: Callable[[], Visitor]
    routes: tuple[Route, ...]
    ids: dict[str, str] = field(default_factory=dict)

    def places(self) -> Iterator[str]:
        """Give every address that answers GET, for every import."""
        for route, migration in product((r.path for r in self.routes if "GET" in r.methods), self.ids.values()):
            yield route.replace("{migration}", migration).replace("{member}", "f" * 32)
        for path, migration in product(FURTHER, self.ids.values()):
            yield path.replace("{migration}", migration)

    def answers(self) -> Iterator[tuple[str, Answer]]:
        ann = self.admin()
        for path in dict.fromkeys(self.places()):
            yield path, ann.get(path)
        for (path, form), migration in product(ACTS, self.ids.values()):
            sent = {name: value.replace("{migration}", migration) for name, value in form.items()}
            yield f"POST {path} {form}", ann.post(path.replace("{migration}", migration), **sent)

    def blobs(self) -> list[tuple[str, bytes]]:
        """Look at everything an operator can read: pages, answers, metrics, logs."""
        found = [(path, f"{answer.headers}\n{answer.text}".encode()) for path, answer in self.answers()]
        with connect(self.stores.urls.broker) as broker:
            metrics = text_of(Installation(self.stores.state, broker, "default"))
        return [*found, ("/metrics", metrics), ("the workers' logs", self.place.home.logs().encode())]


@pytest.fixture(scope="module")
def crawl(tmp_path_factory: pytest.TempPathFactory, server_certificate: Certificate) -> Iterator[Crawl]:
    port, folder = free_port(), tmp_path_factory.mktemp("blind")
    console = {"url": f"http://127.0.0.1:{port}", "port": port}
    settings: dict[str, dict[str, object]] = {"console": console, "logs": {"level": "debug"}}
    with town(folder, server_certificate, **settings) as place:
        home = place.home
        stores = Stores(StoreUrls(home.redis_store.url, home.redis_store.broker_url, home.keys_store.url), home.master)
        config = load(home.config)
        with open_console(config, stores) as url:
            ann = enlist(stores, "ann", Role.ADMIN)
            made = Crawl(
                place,
                stores,
                lambda: seated(stores, url, ann),
                tuple(routes_of(make_console(console_of(config, stores)))),
            )
            made.ids = _lived(place)
            yield made
        stores.state.close()
        stores.keys.close()


def _lived(place: Town) -> dict[str, str]:
    place.start_worker()
    copied = place.customer("copied", 8)
    wrong = place.customer("wrong", 1)
    ids = {"copied": place.launch(copied), "paused": place.launch(_with_wrong_password(place, wrong))}
    place.home.wait(ids["paused"])
    assert place.home.wait(ids["copied"]).state is State.DONE
    ids["planted"] = create(place.home.state, place.canaries.mark("planted: a customer's id"), start=False).id
    return ids


def _with_wrong_password(place: Town, customer: Customer) -> Customer:
    return replace(customer, user=User(customer.user.name, place.canaries.mark("a wrong password")))


def found_in(crawl: Crawl, *searches: Search) -> set[tuple[str, str]]:
    """Return where which marker was found, but the one that was planted."""
    found = {(where, hit.name) for where, blob in crawl.blobs() for hit in hits(blob, *searches)}
    return {(where, name) for where, name in found if not name.startswith("planted")}


def test_every_route_is_asked_and_answers(crawl: Crawl) -> None:
    kinds = {path: answer.status for path, answer in crawl.answers()}
    asked = {route.path for route in crawl.routes if "GET" in route.methods}
    assert {"/", "/imports", "/imports/{migration}", "/imports/{migration}/live", "/audit", "/data"} <= asked
    assert not {path: status for path, status in kinds.items() if status >= 500}
    assert sum(status == 200 for status in kinds.values()) > 20


def test_nothing_of_a_customer_and_no_name_of_a_label_is_told(crawl: Crawl) -> None:
    assert found_in(crawl, *crawl.place.searches(), crawl.place.canaries.label_search()) == set()


def test_no_date_no_size_and_no_id_of_a_message_is_told(crawl: Crawl) -> None:
    mails = sorted((crawl.place.home.folder.parent / "mail").rglob("*.eml"))
    assert len(mails) == 9
    dates = {parsedate_to_datetime(_header(mail, "Date")) for mail in mails}
    sizes = {mail.stat().st_size for mail in mails}
    words = {f"{size:,}" for size in sizes} | {str(size) for size in sizes}
    words |= {format_datetime(date) for date in dates} | {date.strftime("%Y-%m-%d") for date in dates}
    words |= {f"{(1_735_000_000_000 + number * 60_000 << 20) + number:016x}" for number in range(8)}
    pattern = re.compile("|".join(rf"(?<![\w,.]){re.escape(word)}(?![\w,.])" for word in sorted(words)))
    assert [
        (where, pattern.findall(blob.decode())) for where, blob in crawl.blobs() if pattern.search(blob.decode())
    ] == []


def _header(mail: Path, name: str) -> str:
    found = re.search(rf"(?m)^{name}: (.*?)\r?$", mail.read_text("latin-1"))
    assert found
    return found[1]


def test_a_marker_that_is_on_a_page_is_found(crawl: Crawl) -> None:
    """The positive control: the host's id of one customer is a marker, and operators are told such ids."""
    blobs = [(path, answer.text.encode()) for path, answer in crawl.answers() if path == "/imports"]
    assert [hit.name for _, blob in blobs for hit in hits(blob, crawl.place.canaries.search())] == [
        "planted: a customer's id"
    ]


def test_with_permission_names_of_folders_are_told_where_somebody_looks_and_nowhere_else(crawl: Crawl) -> None:
    permission.give(crawl.stores.state, crawl.ids["copied"], Field)
    found = found_in(crawl, *crawl.place.searches(), crawl.place.canaries.label_search())
    assert {where for where, _ in found} == {"POST /imports/{migration}/look {}"}
    assert {name for _, name in found} <= {*crawl.place.canaries.labels}
    assert len(found) == 2
