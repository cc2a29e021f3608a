"""The sweep around a consent: what is kept for Google's answer, and what comes of it, stands nowhere in the clear."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain
from typing import cast
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from promise.encodings import Search, hits
from promise.places import in_process, in_store
from promise.town import Town, town
from story.house import ROOT

from emulator.servers.certificates import Certificate
from jobs.migration import new_id
from oauth.grant import Grant
from oauth.vault import Safe

pytestmark = pytest.mark.xdist_group("consent_canaries")  # its customers live through much, once

PROGRAM = ROOT / "tests" / "app" / "connecting_process.py"


@dataclass
class Consent:
    """What was found around one consent, and the secrets there were."""

    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    at: dict[str, list[str]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def consent(tmp_path_factory: pytest.TempPathFactory, server_certificate: Certificate) -> Iterator[Consent]:
    """Connect an account in a process of its own, as the command line does; look before and after."""
    made, migration = Consent(), new_id()
    with (
        town(tmp_path_factory.mktemp("consent"), server_certificate) as place,
        _connecting(place, migration) as process,
    ):
        url = _line(process)
        made.secrets |= _kept_for(place, url)
        made.at["while Google's answer is waited for"] = _look(place, made.secrets)
        answer = _allowed(place, url, place.customer("somebody", 1).address)
        assert process.stdin is not None
        process.stdin.write(answer + "\n")
        process.stdin.flush()
        assert _line(process) == "connected"
        sealed = Safe(place.home.state, migration, place.home.vault.key(migration)).open("grant")
        made.secrets["code"] = parse_qs(urlsplit(answer).query)["code"][0]
        made.secrets["refresh token"] = Grant.from_bytes(sealed).refresh_token
        made.at["when the account is connected"] = _look(place, made.secrets)
        token = {"refresh token": made.secrets["refresh token"]}
        made.at["in the process that connected it"] = _found(in_process("it", process.pid), token)
        yield made


@contextmanager
def _connecting(place: Town, migration: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, str(PROGRAM), str(place.home.config), "apart", migration]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(place.home.folder)}
    log = (place.home.folder / "connecting.log").open("wb")
    with (
        log,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=env, text=True
        ) as process,
    ):
        yield process
        assert process.stdin is not None
        process.stdin.close()


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _kept_for(place: Town, url: str) -> dict[str, str]:
    """Open what is kept for Google's answer."""
    state = parse_qs(urlsplit(url).query)["state"][0]
    name = f"consent:{sha256(state.encode()).hexdigest()}"
    kept = json.loads(place.home.vault.unwrap(name, cast("bytes", place.home.keys.get(name))))
    return {"state": state, "verifier": kept["consent"]["verifier"]}


def _allowed(place: Town, url: str, account: str) -> str:
    """Press Allow on Google's page; return the URL it sends the browser back to."""
    form = {**dict(parse_qsl(urlsplit(url).query)), "decision": "allow", "account": account}
    return place.home.google.request("POST", urlsplit(url).path, form).headers["location"]


def _look(place: Town, secrets: dict[str, str]) -> list[str]:
    """Look into all stores and files for these secrets and for every marker."""
    stores = chain.from_iterable(in_store(name, client) for name, client in place.stores())
    return _found(chain(stores, place.files()), secrets, place.canaries.search())


def _found(blobs: Iterator[tuple[str, bytes]], secrets: dict[str, str], *others: Search) -> list[str]:
    searches = [Search(value, {name: value}) for name, value in secrets.items()]
    return [f"{where}: {hit.name}" for where, blob in blobs for hit in hits(blob, *searches, *others)]


def test_what_is_kept_for_the_answer_is_in_no_store_and_no_file_in_the_clear(consent: Consent) -> None:
    assert consent.at["while Google's answer is waited for"] == []
    assert {"state", "verifier"} <= set(consent.secrets)


def test_code_verifier_and_tokens_are_in_no_store_and_no_file_afterwards(consent: Consent) -> None:
    assert consent.at["when the account is connected"] == []
    assert {"code", "refresh token"} <= set(consent.secrets)


def test_the_process_that_connects_does_not_hold_the_token(consent: Consent) -> None:
    assert consent.at["in the process that connected it"] == []
