"""What holds for every request of the API: tokens, scopes, problems, idempotency, the description."""

import http.client
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
from api_site import Tokens
from consents import everything
from ways import FROM_PANEL, HOST_KEY, PANEL, SECRET_KEY, Client

from app.stores import Stores
from jobs import audit, requests
from web.api.application import API
from web.api.problems import CODES
from web.api.tokens import Scope, ServiceToken, digest_of, new_token, token_for
from web.launch_token import TYPE

MIGRATION = "/customers/customer-7/migrations/" + "0" * 32
ROUTES = {
    ("POST", "/launches"): Scope.LAUNCH,
    ("GET", "/launches/terms"): Scope.LAUNCH,
    ("GET", "/customers/customer-7/migrations"): Scope.READ,
    ("GET", "/customers/customer-7/card"): Scope.READ,
    ("GET", MIGRATION): Scope.READ,
    ("POST", f"{MIGRATION}/pause"): Scope.WRITE,
    ("POST", f"{MIGRATION}/resume"): Scope.WRITE,
    ("POST", f"{MIGRATION}/retry"): Scope.WRITE,
    ("POST", f"{MIGRATION}/finish"): Scope.WRITE,
    ("POST", f"{MIGRATION}/cancel"): Scope.WRITE,
}
WISH = {"customer": "customer-7", "mailbox": "ann@host.example"}


def document(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(client.ask("GET", "/api/v1/openapi.json").text)
    return found


def test_the_list_of_routes_here_is_the_whole_api(client: Client) -> None:
    described = {
        (method.upper(), re.sub(r"\{customer\}", "customer-7", re.sub(r"\{migration\}", "0" * 32, path)))
        for path, item in document(client)["paths"].items()
        for method in item
    }
    assert described == set(ROUTES)


@pytest.mark.parametrize("route", ROUTES, ids=str)
@pytest.mark.parametrize("given", ["", "gmt_wrong", "x" * 5000])
def test_without_a_known_token_nothing_is_answered(route: tuple[str, str], given: str, client: Client) -> None:
    status, told = client.call(*route, given, WISH if route[1] == "/launches" else None)
    assert (status, told["code"]) == (401, "token-missing")


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_a_token_does_what_its_scope_says_and_no_more(route: tuple[str, str], client: Client, tokens: Tokens) -> None:
    by_scope = {Scope.READ: tokens.read, Scope.WRITE: tokens.write, Scope.LAUNCH: tokens.launch}
    body = WISH if route == ("POST", "/launches") else None
    statuses = {scope: client.call(*route, token, body)[0] for scope, token in by_scope.items()}
    allowed = statuses.pop(ROUTES[route])
    assert allowed in {200, 201, 404}
    assert set(statuses.values()) == {403}


def test_no_session_opens_the_api(client: Client, tokens: Tokens) -> None:
    _, made = client.call("POST", "/launches", tokens.launch, WISH)
    client.launch(made["code"])
    assert client.session
    assert client.call("GET", "/customers/customer-7/card")[0] == 401


def test_a_token_is_256_random_bits_and_only_its_hash_is_kept() -> None:
    token, digest = new_token()
    assert len(token) == len("gmt_") + 43
    kept = ServiceToken("panel", digest, frozenset(Scope))
    assert token_for(token, [kept]) is kept
    assert token_for(digest, [kept]) is None
    assert token_for("", [kept]) is None
    assert token not in repr(kept)
    assert digest not in repr(kept)
    assert digest_of(token) == digest


def test_a_token_that_asks_too_often_has_to_wait(client: Client, tokens: Tokens, stores: Stores) -> None:
    name = f"limit:api:{digest_of(tokens.read)[:32]}"
    seconds, _ = stores.state.time()  # type: ignore[misc]
    stores.state.zadd(name, {str(n): seconds for n in range(1200)})
    stores.state.expire(name, 60)
    status, told = client.call("GET", "/customers/customer-7/card", tokens.read)
    assert (status, told["code"]) == (429, "too-often")
    assert client.call("GET", "/customers/customer-7/card", tokens.everything)[0] == 200


def test_problems_are_problems(client: Client, tokens: Tokens) -> None:
    bearer = {"Authorization": f"Bearer {tokens.everything}", "Content-Type": "application/json"}
    for verb, path, body, status, code in (
        ("GET", "/nowhere", b"", 404, "not-found"),
        ("DELETE", "/launches", b"", 405, "method-not-allowed"),
        ("POST", "/launches", b"{", 422, "not-valid"),
        ("POST", "/launches", b"[]", 422, "not-valid"),
        ("POST", "/launches", b"", 422, "not-valid"),
        ("GET", "/customers/a%20b/card", b"", 404, "not-found"),
        ("GET", "/customers/customer-7/migrations?limit=0", b"", 422, "not-valid"),
    ):
        answer = client.ask(verb, f"/api/v1{path}", body, **bearer)
        told = json.loads(answer.text)
        assert (answer.status, told["code"], told["status"]) == (status, code, status), (path, told)
        assert answer.headers["content-type"] == "application/problem+json"
        assert told["type"] == f"urn:gmail-migrator:problem:{code}"
    assert "allow" in client.ask("DELETE", "/api/v1/launches", b"", **bearer).headers


def test_what_the_guard_refuses_is_described_too(client: Client, tokens: Tokens) -> None:
    bearer = {"Authorization": f"Bearer {tokens.everything}"}
    described = document(client)["paths"]["/launches"]["post"]["responses"]
    for body, headers, status in (
        (b"x" * 65_537, {}, 413),
        (b"0\r\n\r\n", {"Transfer-Encoding": "chunked"}, 411),
        (b"", {"Host": "elsewhere.example"}, 421),
    ):
        answer = client.ask("POST", "/api/v1/launches", body, **bearer, **headers)
        assert answer.status == status
        (kind,) = described[str(status)]["content"]
        assert answer.headers["content-type"].startswith(kind)


def test_what_was_sent_is_not_repeated(client: Client, tokens: Tokens) -> None:
    secret = "open sesame"
    for body in (
        {"customer": secret, "mailbox": secret, "password": [secret]},
        {secret: secret},
        {**WISH, "password": {secret: 1}},
    ):
        status, told = client.call("POST", "/launches", tokens.launch, body)
        assert status == 422
        assert secret not in json.dumps(told)
        assert told["faults"]


def test_a_launch_made_over_the_api_lets_its_customer_in_once(client: Client, tokens: Tokens) -> None:
    status, made = client.call("POST", "/launches", tokens.launch, {**WISH, "password": "open sesame"})
    assert status == 201
    assert (made["field"], made["url"]) == ("launch", f"{client.url}/launch")
    assert client.launch(made["code"], {**FROM_PANEL, "Origin": "https://evil.example"}).status == 403
    assert client.launch(made["code"]).status == 303
    assert Client(client.url).launch(made["code"]).status == 403


def test_a_panel_is_told_how_to_sign(client: Client, tokens: Tokens) -> None:
    status, told = client.call("GET", "/launches/terms", tokens.launch)
    assert status == 200
    assert told["origins"] == [PANEL]
    assert (told["signed"]["aud"], told["signed"]["typ"], told["signed"]["algs"]) == (
        client.url,
        TYPE,
        ["Ed25519", "EdDSA"],
    )
    assert told["signed"]["secret"]["jwk"] == {
        name: SECRET_KEY.as_dict(private=False)[name] for name in ("kty", "crv", "x")
    }
    for key in (HOST_KEY, SECRET_KEY):
        assert str(key.as_dict(private=True)["d"]) not in json.dumps(told)


def test_the_same_request_with_the_same_key_is_one_act(client: Client, tokens: Tokens, stores: Stores) -> None:
    key = {"Idempotency-Key": "k1"}
    first = client.call("POST", "/launches", tokens.launch, WISH, **key)
    assert client.call("POST", "/launches", tokens.launch, WISH, **key) == first
    assert len(list(stores.keys.scan_iter("launch:*"))) == 1
    assert client.call("POST", "/launches", tokens.launch, WISH, **{"Idempotency-Key": "k2"}) != first
    assert first[1]["code"].encode() not in everything(stores.keys)
    assert all(0 < stores.keys.ttl(name) <= 3600 for name in stores.keys.scan_iter())


def test_a_key_is_for_one_request_of_one_caller(client: Client, tokens: Tokens, stores: Stores) -> None:
    key = {"Idempotency-Key": "k1"}
    first = client.call("POST", "/launches", tokens.launch, WISH, **key)
    status, told = client.call("POST", "/launches", tokens.launch, {**WISH, "customer": "customer-8"}, **key)
    assert (status, told["code"]) == (422, "key-used-otherwise")
    other = client.call("POST", "/launches", tokens.everything, WISH, **key)
    assert other[0] == 201
    assert other[1]["code"] != first[1]["code"]
    migration = requests.create(stores.state, "customer-7").id
    status, told = client.call("POST", f"/customers/customer-7/migrations/{migration}/pause", tokens.everything, **key)
    assert (status, told["code"]) == (422, "key-used-otherwise")


def test_a_refusal_is_not_kept(client: Client, tokens: Tokens, stores: Stores) -> None:
    key = {"Idempotency-Key": "k1"}
    migration = requests.create(stores.state, "customer-7", start=False).id
    place = f"/customers/customer-7/migrations/{migration}/resume"
    assert client.call("POST", place, tokens.write, **key)[0] == 409
    requests.resume(stores.state, migration)
    requests.pause(stores.state, migration)
    assert client.call("POST", place, tokens.write, **key)[0] == 200


def test_of_requests_at_once_with_one_key_one_acts(client: Client, tokens: Tokens, stores: Stores) -> None:
    migration = requests.create(stores.state, "customer-7").id
    place = f"/customers/customer-7/migrations/{migration}/pause"
    start = threading.Barrier(6)

    def ask(_: int) -> int:
        start.wait()
        return Client(client.url).call("POST", place, tokens.write, **{"Idempotency-Key": "k1"})[0]

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(ask, range(6)))
    assert set(statuses) <= {200, 409}
    assert 200 in statuses
    assert len(list(audit.entries(stores.state))) == 1


def test_the_description_is_openapi_3_1_and_names_every_answer(client: Client) -> None:
    found = document(client)
    assert found["openapi"].startswith("3.1")
    assert found["servers"] == [{"url": "/api/v1"}]
    assert set(found["components"]["schemas"]) >= {"Problem", "Fault", "MigrationDetail", "Card"}
    assert "HTTPValidationError" not in found["components"]["schemas"]
    for item in found["paths"].values():
        for operation in item.values():
            assert {"401", "403", "422", "429", "503"} <= set(operation["responses"])
            assert operation["security"] == [{"ServiceToken": []}]
            assert operation["description"]
    said = json.dumps(found)
    assert all(f"`{code}`" in said for code in CODES if code != "method-not-allowed")
    for name in re.findall(r'"#/components/schemas/(\w+)"', said):
        assert name in found["components"]["schemas"]


def test_every_model_of_an_answer_is_closed(client: Client) -> None:
    for name, schema in document(client)["components"]["schemas"].items():
        assert schema.get("additionalProperties") is False or "enum" in schema, name


def test_the_description_is_a_page_without_scripts_and_styles(client: Client) -> None:
    answer = client.ask("GET", "/api/v1/docs")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert not re.search(r"<script|<style|<link|style=|\bon\w+=|https?://", answer.text)
    for method, _ in ROUTES:
        assert method in answer.text
    assert "/api/v1/customers/{customer}/migrations/{migration}/cancel" in answer.text
    ids = re.findall(r'id="(\w+)"', answer.text)
    assert set(re.findall(r'href="#(\w+)"', answer.text)) <= set(ids)
    assert len(ids) == len(set(ids))


def test_a_body_is_read_of_callers_with_a_token_alone(url: str, stores: Stores) -> None:
    _ = stores
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.putrequest("POST", f"{API}/launches")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", "60000")
    connection.endheaders()
    assert connection.getresponse().status == 401
    connection.close()
