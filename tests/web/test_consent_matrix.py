"""Each answer that Google may give to a consent, where nobody imports the account and where somebody does.

No row leaves a grant that nobody knows of, none harms another import, and no sentence claims more than is known.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

import pytest
from answers_of_google import CALLBACK, PROFILE, REVOKE, ROWS, TOKEN, Row
from browser import Answer, Browser
from consents import emptied, grants
from engine import ADDRESS, renewed
from front import Front, altered, front
from stand_in import Google
from structlog.testing import capture_logs
from ways import FROM_PANEL, claims, signed
from website import served

from app.config import Config
from app.settling import settle_due
from app.stores import Stores
from jobs import accounts, exchanges, requests
from jobs.discarding import Revocation
from jobs.flow import totals
from jobs.migration import State, new_id
from oauth.grant import Grant
from oauth.revocation import is_dead
from oauth.vault import Sealer

WORDS = {
    "account-busy": "An import of this account is already running",
    "answer-lost": "answer did not reach us, so we can't tell whether it granted us access",
    "answer-pending": "we can't tell whether it granted us access. We keep asking",
    "code-refused": "rejected the authorization code, so nothing was granted",
    "consent-denied": "nothing was granted, and nothing was copied",
    "give-back-pending": "Google did not tell us which account this is",
    "google-client-refused": "Example Mail has to fix this",
    "google-refused": "its administrator may have forbidden such access",
    "google-silent": "we have no access to your Gmail. Please try again",
    "no-gmail": "This Google Account has no Gmail",
    "no-refresh-token": "We gave it back",
    "not-connected": "If Google granted us access, we give it back automatically",
    "not-given-back": "has not confirmed that it took it back",
    "scope-mismatch": "so we gave it back",
}
ALIKE = {
    **dict.fromkeys(("google-down", "google-quota", "answer-damaged"), "google-silent"),
    "reconnect-needed": "not-connected",
}
CLAIMS = re.compile(r"[Nn]othing was granted|gave it back|have no access")
ERRORS = {"google-client-refused", "not-given-back", "answer-lost"}


@dataclass(frozen=True)
class Place:
    """The one installation that all rows are tried on."""

    google: Google
    settings: dict[str, object]
    front: Front
    stores: Stores
    config: Config

    def begin(self) -> None:
        """Make everything as if just started."""
        self.front.rules.clear()
        emptied(self.stores)
        renewed(self.google, self.settings)

    def customer(self, name: str) -> Browser:
        made = Browser(self.config.web.url, self.google)
        token = signed(claims(self.config.web.url, sub=name))
        assert made.post("/launch", dict(FROM_PANEL), launch=token).status == 303
        return made

    def importing(self) -> tuple[str, Grant]:
        """Begin an import of the account, for another customer."""
        state, vault = self.stores.state, self.stores.vault
        migration, grant = new_id(), Grant(self.google.grant()["refresh_token"])
        accounts.claim(state, vault, migration, ADDRESS)
        Sealer(state, migration, vault.make(migration)).seal(grant=grant.to_bytes())
        requests.create(state, "somebody", migration_id=migration)
        return migration, grant

    def answered(self, row: Row, customer: Browser) -> Answer:
        """Let the customer consent, and come back while Google answers as the row says."""
        if row.place == CALLBACK:
            back = customer.to_google(decision="deny")
            state = re.search(r"state=[^&]*", back)
            assert state
            return customer.get(f"/consent/return?{state[0]}&{row.parameters}")
        back = customer.to_google()
        if row.place == REVOKE:
            self.front.rules[TOKEN] = lambda _, forward: altered(forward(), scope="openid")
        assert row.rule
        self.front.rules[row.place] = row.rule
        try:
            return customer.get(back)
        finally:
            self.front.rules.clear()

    def settle(self) -> None:
        """Let a worker look after what is open, as it does after a minute."""
        for one in exchanges.every(self.stores.state):
            exchanges.put_off(self.stores.state, one, one.standing, 0)
        settle_due(self.config, self.stores)


@pytest.fixture(scope="module")
def place(
    google_process: tuple[Google, dict[str, object]], running: Stores, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    google, settings = google_process
    with front(google.url) as it:
        places = {"api": it.url, "token_uri": f"{it.url}/token", "revoke_uri": f"{it.url}/revoke"}
        with served(google, running, tmp_path_factory.mktemp("matrix"), **places) as config:
            yield Place(google, settings, it, running, config)


def told(place: Place, row: Row) -> tuple[Answer, list[tuple[str, str]]]:
    """Return the page and what the log says: level and code."""
    customer = place.customer("the-customer")
    with capture_logs() as lines:
        answer = place.answered(row, customer)
    assert ADDRESS not in str(lines)
    return answer, [(line["log_level"], line["code"]) for line in lines if line["event"] == "consent-failed"]


def check_words(place: Place, answer: Answer, code: str, seen: list[tuple[str, str]], *, before: int) -> None:
    """Compare log, metric and sentence; the sentence claims nothing that is not so at Google."""
    kind = code.partition(":")[0]
    level = "info" if kind == "consent-denied" else "error" if kind in ERRORS else "warning"
    assert seen == [(level, code)]
    assert totals(place.stores.state).consents == {kind: 1}
    sentence = unescape(answer.text)
    assert WORDS[ALIKE.get(kind, kind)] in sentence
    if len(grants(place.google)) > before:
        assert not CLAIMS.search(sentence)
        assert kind == "account-busy" or "https://myaccount.google.com/connections" in sentence
    assert answer.status >= 400


@pytest.mark.parametrize("name", ROWS)
def test_where_nobody_imports_the_account(name: str, place: Place) -> None:
    row = ROWS[name]
    place.begin()
    answer, seen = told(place, row)
    if not row.code:
        assert (answer.status, seen) == (303, [])
        record = requests.read(place.stores.state, answer.place.removeprefix("/imports/"))
        assert (record.reason, len(grants(place.google))) == ("not-started", 1)
        return
    check_words(place, answer, row.code, seen, before=0)
    place.settle()
    check_end(place, row, kept=0)


def check_end(place: Place, row: Row, kept: int) -> None:
    """In the end nothing is left at Google but what is known: an import's own, or what its customer has to remove."""
    state = place.stores.state
    handed_over = [one for one in requests.read_all(state, requests.migration_ids(state)) if one.customer != "somebody"]
    trying = row.place == REVOKE and row.code == "not-given-back" and not kept
    assert exchanges.unsettled(state) == ()
    assert [one.ending for one in handed_over] == [State.CANCELLED] * (row.left or trying)
    if row.left:
        assert not Revocation.read(state, handed_over[0].id).confirmed
    if row.left or trying:
        assert len(grants(place.google)) == kept + 1
    elif not kept:
        assert grants(place.google) == []


@pytest.mark.parametrize("name", ROWS)
def test_where_an_import_of_the_account_is_under_way(name: str, place: Place) -> None:
    row = ROWS[name]
    place.begin()
    migration, grant = place.importing()
    answer, seen = told(place, row)
    check_words(place, answer, row.busy or row.code, seen, before=1)
    place.settle()
    assert not is_dead(place.config.client, grant)
    assert requests.read(place.stores.state, migration).state is State.PLANNING
    assert accounts.holds(place.stores.state, place.stores.vault, migration, ADDRESS)
    held = [one for one in exchanges.every(place.stores.state) if one.standing is exchanges.Standing.BEHIND]
    assert len(grants(place.google)) == 1 + row.left + len(held)
    check_end(place, row, kept=1)


def test_every_place_is_in_the_table() -> None:
    assert len(ROWS) >= 40
    assert {row.place for row in ROWS.values()} == {TOKEN, PROFILE, REVOKE, CALLBACK}
