import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given, settings
from hypothesis import strategies as st
from receipts import coded, new_key, part, sample

from migrator.receipt import Receipt
from migrator.signing import TYPE, KeyUnknown, ReceiptError, ReceiptForged, ReceiptUnreadable, sign, verify
from migrator.signingkeys import SigningKey, public_keys


class Pen:
    """Signs whatever a test wants with the installation's own key, by another library than the product's."""

    def __init__(self, folder: Path) -> None:
        self.key = new_key(folder)
        loaded = load_pem_private_key((folder / "receipt.key").read_bytes(), None)
        assert isinstance(loaded, Ed25519PrivateKey)
        self.private = loaded
        self.keys = public_keys(self.key)
        self.header = {"alg": "EdDSA", "typ": TYPE, "kid": self.key.kid}
        self.text = sign(sample(), self.key)

    def signed(self, payload: bytes | dict[str, Any], **header: Any) -> str:
        body = f"{coded({**self.header, **header})}.{coded(payload)}"
        return f"{body}.{coded(self.private.sign(body.encode()))}"

    def verified(self, text: str) -> Receipt:
        return verify(text, self.keys)


@pytest.fixture(scope="module")
def pen(tmp_path_factory: pytest.TempPathFactory) -> Pen:
    return Pen(tmp_path_factory.mktemp("pen"))


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every value in a JSON text."""
    rows = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if rows is None:
        yield path
    else:
        for name, inner in rows:
            yield from leaves(inner, (*path, name))


def changed(payload: bytes, path: tuple[Any, ...]) -> bytes:
    """Return the JSON with one value changed, into one of the same kind where there is another."""
    row = place = json.loads(payload)
    for step in path[:-1]:
        place = place[step]
    old = place[path[-1]]
    place[path[-1]] = old + 1 if isinstance(old, int) else f"{old}x" if old else "x"
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()


CLAIMS = list(leaves(json.loads(sample().to_bytes())))


def test_a_signed_receipt_is_read_back(pen: Pen) -> None:
    assert pen.verified(pen.text) == sample()
    assert pen.verified(f"\n{pen.text}\r\n") == sample()


def test_the_same_receipt_is_signed_in_the_same_letters(pen: Pen) -> None:
    assert sign(sample(), pen.key) == pen.text


def test_another_librarys_signature_is_as_good(pen: Pen) -> None:
    assert pen.verified(pen.signed(sample().to_bytes())) == sample()


def test_the_header_names_algorithm_type_and_key_and_nothing_else(pen: Pen) -> None:
    assert json.loads(part(pen.text, 0)) == pen.header
    assert len(pen.key.kid) == 43


def test_the_keys_name_is_its_thumbprint(pen: Pen) -> None:
    public = pen.key.public
    members = f'{{"crv":"Ed25519","kty":"OKP","x":"{public["x"]}"}}'
    assert coded(hashlib.sha256(members.encode()).digest()) == pen.key.kid == public["kid"]


@pytest.mark.parametrize("claim", CLAIMS, ids=[".".join(map(str, claim)) for claim in CLAIMS])
def test_each_claim_is_under_the_signature(pen: Pen, claim: tuple[Any, ...]) -> None:
    header, payload, signature = pen.text.split(".")
    other = coded(changed(part(pen.text, 1), claim))
    assert other != payload
    with pytest.raises(ReceiptForged):
        pen.verified(f"{header}.{other}.{signature}")


@settings(max_examples=400)
@given(st.data())
def test_no_letter_can_be_changed(pen: Pen, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(pen.text) - 1))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0é\uff10"
    letter = data.draw(st.sampled_from([c for c in letters if c != pen.text[at]]))
    with pytest.raises(ReceiptError):
        pen.verified(pen.text[:at] + letter + pen.text[at + 1 :])


def test_no_stray_bits_at_the_end_of_a_part(pen: Pen) -> None:
    """86 letters hold 4 bits more than 64 bytes: sixteen spellings of a signature, of which one is right."""
    spellings = [pen.text[:-1] + c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"]
    assert len({part(text, 2) for text in spellings}) == 4
    good = [text for text in spellings if part(text, 2) == part(pen.text, 2)]
    assert len(good) == 16
    for text in set(good) - {pen.text}:
        with pytest.raises(ReceiptUnreadable):
            pen.verified(text)


def test_a_receipt_cut_short_anywhere_is_refused(pen: Pen) -> None:
    for length in range(0, len(pen.text), 7):
        with pytest.raises(ReceiptError):
            pen.verified(pen.text[:length])


@pytest.mark.parametrize("text", ["", "..", "a.b", "a.b.c.d", "{}", "receipt", "é.é.é", "\0", "W10.W10.W10", "A" * 99])
def test_other_texts_are_unreadable(pen: Pen, text: str) -> None:
    with pytest.raises(ReceiptUnreadable):
        pen.verified(text)


def test_a_text_beyond_all_bounds_is_unreadable(pen: Pen) -> None:
    with pytest.raises(ReceiptUnreadable):
        pen.verified(f"{pen.text}{'A' * 8 * 1024 * 1024}")


def test_a_deep_header_is_unreadable(pen: Pen) -> None:
    with pytest.raises(ReceiptUnreadable):
        pen.verified(f"{coded(b'[' * 100_000)}.e30.e30")


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", "HS256", "Ed25519", "ES256", "RS256", None, 1, ["EdDSA"]])
def test_the_algorithm_is_not_the_senders_to_choose(pen: Pen, alg: object) -> None:
    with pytest.raises(ReceiptForged, match="algorithm"):
        pen.verified(pen.signed(sample().to_bytes(), alg=alg))


def test_no_signature_at_all_is_no_receipt(pen: Pen) -> None:
    head = coded({**pen.header, "alg": "none"})
    with pytest.raises(ReceiptForged):
        pen.verified(f"{head}.{coded(sample().to_bytes())}.")
    with pytest.raises(ReceiptForged):
        pen.verified(f"{coded(pen.header)}.{coded(sample().to_bytes())}.")


def test_the_public_key_is_no_shared_secret(pen: Pen) -> None:
    body = f"{coded({**pen.header, 'alg': 'HS256'})}.{coded(sample().to_bytes())}"
    for secret in (pen.key.public["x"].encode(), pen.private.public_key().public_bytes_raw(), b""):
        with pytest.raises(ReceiptForged):
            pen.verified(f"{body}.{coded(hmac.digest(secret, body.encode(), 'sha256'))}")


def test_a_foreign_key_is_unknown_under_its_own_name_and_a_forger_under_ours(pen: Pen, tmp_path: Path) -> None:
    foreign = Pen(tmp_path)
    with pytest.raises(KeyUnknown):
        pen.verified(foreign.text)
    with pytest.raises(ReceiptForged):
        pen.verified(foreign.signed(sample().to_bytes(), kid=pen.key.kid))


def test_a_key_brought_along_in_the_header_is_not_believed(pen: Pen, tmp_path: Path) -> None:
    foreign = Pen(tmp_path)
    for extra in ({"jwk": foreign.key.public}, {"jku": "https://evil.example"}, {"crit": ["b64"], "b64": False}):
        with pytest.raises(ReceiptForged):
            pen.verified(pen.signed(sample().to_bytes(), **extra))
        with pytest.raises(ReceiptForged):
            pen.verified(foreign.signed(sample().to_bytes(), kid=pen.key.kid, **extra))


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", f"application/{TYPE}", TYPE.upper(), "", None, 7])
def test_another_text_signed_with_the_same_key_is_no_receipt(pen: Pen, typ: object) -> None:
    with pytest.raises(ReceiptForged, match="something else"):
        pen.verified(pen.signed(sample().to_bytes(), typ=typ))


@pytest.mark.parametrize("kid", ["", "x", None, 1, ["a"], {"a": 1}, "é"])
def test_a_name_that_no_key_has_is_unknown(pen: Pen, kid: object) -> None:
    with pytest.raises(KeyUnknown):
        pen.verified(pen.signed(sample().to_bytes(), kid=kid))


def test_a_key_cannot_take_anothers_name_in_the_set(pen: Pen, tmp_path: Path) -> None:
    foreign = Pen(tmp_path)
    posing = {"keys": [{**foreign.key.public, "kid": pen.key.kid}]}
    with pytest.raises(KeyUnknown):
        verify(foreign.signed(sample().to_bytes(), kid=pen.key.kid), posing)


def test_rightly_signed_but_of_another_format_is_unreadable_and_quotes_nothing(pen: Pen) -> None:
    row = json.loads(sample().to_bytes())
    payloads = [b"", b"{}", b"\xff", b'{"format":2,"secret":"sesame"}', json.dumps({**row, "sesame": 1}).encode()]
    for payload in payloads:
        with pytest.raises(ReceiptUnreadable) as caught:
            pen.verified(pen.signed(payload))
        assert "sesame" not in f"{caught.value}{caught.value.__cause__}"


def test_every_folder_gmail_allows_has_its_place(pen: Pen) -> None:
    row = json.loads(sample().to_bytes())
    row["written"]["folders"] = {f"{'ü' * 50} {n:05}": n for n in range(10_000)}
    receipt = Receipt.from_bytes(json.dumps(row).encode())
    text = sign(receipt, pen.key)
    assert len(text) < 2_000_000
    assert pen.verified(text) == receipt


def test_a_receipt_of_a_retired_key_is_still_good(pen: Pen, tmp_path: Path) -> None:
    (tmp_path / "retired.json").write_text(json.dumps(pen.keys))
    today = SigningKey.make(tmp_path / "today.key")
    assert verify(pen.text, public_keys(today, tmp_path / "retired.json")) == sample()
    with pytest.raises(KeyUnknown):
        verify(pen.text, public_keys(today))
