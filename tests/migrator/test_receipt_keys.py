import contextlib
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from receipts import new_key, sample

from migrator.signing import sign, verify
from migrator.signingkeys import KeyUnusable, SigningKey, public_keys, read_keys


def made_by_openssl(path: Path, *options: str) -> Path:
    subprocess.run(["openssl", "genpkey", "-quiet", *options, "-out", str(path)], check=True)
    return path


def test_a_new_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    key = new_key(tmp_path)
    path = tmp_path / "receipt.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert SigningKey.read(path).public == key.public
    assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----\n")


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    new_key(tmp_path)
    before = (tmp_path / "receipt.key").read_bytes()
    with pytest.raises(FileExistsError):
        new_key(tmp_path)
    assert (tmp_path / "receipt.key").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["receipt.key"]


def test_of_many_that_make_a_key_at_once_one_does_and_nobody_reads_half_of_it(tmp_path: Path) -> None:
    path = tmp_path / "receipt.key"

    def start(_: int) -> str:
        with contextlib.suppress(FileExistsError):
            return SigningKey.make(path).kid
        return SigningKey.read(path).kid

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(start, range(64)))) == 1


def test_a_key_made_by_openssl_signs(tmp_path: Path) -> None:
    key = SigningKey.read(made_by_openssl(tmp_path / "key.pem", "-algorithm", "ed25519"))
    assert verify(sign(sample(), key), public_keys(key)) == sample()


@pytest.mark.parametrize(
    "options",
    [
        ("-algorithm", "ed448"),
        ("-algorithm", "x25519"),
        ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
        ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
        ("-algorithm", "ed25519", "-aes256", "-pass", "pass:sesame"),
    ],
    ids=str,
)
def test_a_key_of_another_kind_is_refused_with_the_way_to_make_one(tmp_path: Path, options: tuple[str, ...]) -> None:
    path = made_by_openssl(tmp_path / "key.pem", *options)
    with pytest.raises(KeyUnusable, match="openssl genpkey -algorithm ed25519"):
        SigningKey.read(path)


@pytest.mark.parametrize("content", [b"", b"sesame", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key.pem").write_bytes(content)
    with pytest.raises(KeyUnusable) as caught:
        SigningKey.read(tmp_path / "key.pem")
    assert "sesame" not in str(caught.value)


def test_a_public_key_does_not_sign(tmp_path: Path) -> None:
    made_by_openssl(tmp_path / "key.pem", "-algorithm", "ed25519")
    public = tmp_path / "public.pem"
    subprocess.run(["openssl", "pkey", "-in", str(tmp_path / "key.pem"), "-pubout", "-out", str(public)], check=True)
    with pytest.raises(KeyUnusable):
        SigningKey.read(public)


def test_the_private_half_is_never_published_nor_shown(tmp_path: Path) -> None:
    key, old = new_key(tmp_path), new_key(tmp_path, "old.key")
    with_private = {"keys": [old.private.as_dict(private=True)]}
    (tmp_path / "retired.json").write_text(json.dumps(with_private))
    published = public_keys(key, tmp_path / "retired.json")
    assert published == {"keys": [key.public, old.public]}
    secrets = [str(each.private.as_dict(private=True)["d"]) for each in (key, old)]
    assert not [secret for secret in secrets if secret in json.dumps(published)]
    assert repr(key) == str(key) == "SigningKey()"


def test_a_key_in_use_and_retired_is_published_once(tmp_path: Path) -> None:
    key = new_key(tmp_path)
    (tmp_path / "retired.json").write_text(json.dumps(public_keys(key)))
    assert public_keys(key, tmp_path / "retired.json") == public_keys(key)


def test_keys_of_other_kinds_in_a_set_are_passed_over(tmp_path: Path) -> None:
    key = new_key(tmp_path)
    others = [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}, {"kty": "OKP", "crv": "X25519", "x": key.public["x"]}, 7, None]
    assert verify(sign(sample(), key), {"keys": [*others, key.public]}) == sample()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"keys": {}}', "[" * 100_000])
def test_a_file_that_is_no_set_of_keys_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "keys.json").write_text(content)
    with pytest.raises(KeyUnusable, match="no set of public keys"):
        read_keys(tmp_path / "keys.json")


@pytest.mark.parametrize("x", ["", "AAAA", "*", None, "é"])
def test_a_set_with_a_damaged_key_is_refused(tmp_path: Path, x: object) -> None:
    key = new_key(tmp_path)
    with pytest.raises(KeyUnusable):
        verify(sign(sample(), key), {"keys": [{**key.public, "x": x}]})
