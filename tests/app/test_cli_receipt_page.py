"""The page on receipts: its lines are run as they stand there."""

import json
import re
import shlex
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner
from receipts import coded, new_key, part, sample

from app.cli_receipt import receipt_group
from app.config import Config
from migrator.attributes import DATES_NOT_KEPT, FLAGS_NOT_KEPT
from migrator.receipt import Receipt, Written
from migrator.signing import TYPE, sign
from migrator.signingkeys import public_keys
from migrator.verified import CURSOR, Verified

PAGE = (Path(__file__).parents[2] / "docs" / "receipts.md").read_text("utf-8")
VERIFIED = "Signature Verified Successfully"


def lines_of(title: str) -> str:
    """Return the indented lines of a chapter."""
    chapter = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    return "\n".join(line[4:] for line in chapter.splitlines() if line.startswith("    "))


class Customer:
    """A customer's folder: the receipt, the issuer's keys of today and before, and nothing of ours."""

    def __init__(self, folder: Path, receipt: Receipt) -> None:
        self.folder = folder
        key, old = new_key(folder), new_key(folder, "old.key")
        (folder / "old.json").write_text(json.dumps(public_keys(old)))
        self.keys = public_keys(key, folder / "old.json")
        self.publish(json.dumps(self.keys, indent=2))
        self.text = sign(receipt, key)
        self.receive(self.text)
        for secret in ("receipt.key", "old.key", "old.json"):
            (folder / secret).unlink()

    def publish(self, keys: str) -> None:
        (self.folder / "keys.json").write_text(keys)

    def receive(self, text: str) -> None:
        (self.folder / "receipt.jws").write_text(text)

    def checks(self) -> subprocess.CompletedProcess[str]:
        """Run the lines of the page, by a shell as it is found anywhere."""
        script = lines_of("Check it with openssl alone")
        return subprocess.run(
            ["/bin/sh", "-c", script], cwd=self.folder, capture_output=True, text=True, timeout=60, check=False
        )


@pytest.fixture
def customer(tmp_path: Path) -> Customer:
    return Customer(tmp_path, sample())


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("indent", [None, 2])
def test_openssl_alone_verifies_a_receipt(customer: Customer, end: str, indent: int | None) -> None:
    customer.receive(customer.text + end)
    customer.publish(json.dumps(customer.keys, indent=indent))
    result = customer.checks()
    assert (result.returncode, result.stdout.strip()) == (0, VERIFIED), result
    assert (customer.folder / "receipt.json").read_bytes() == sample().to_bytes()


def test_openssl_alone_verifies_a_receipt_of_ten_thousand_folders(tmp_path: Path) -> None:
    folders = {f"Ordner {'ü' * 20} {n}": 1 for n in range(10_000)}
    receipt = sample(written=Written("h:1", "none", 1, {"copied": 1}, 0, folders, 9, {}))
    customer = Customer(tmp_path, receipt)
    assert len(customer.text) > 500_000
    assert customer.checks().returncode == 0
    assert (tmp_path / "receipt.json").read_bytes() == receipt.to_bytes()


@pytest.mark.parametrize("length", range(4))
def test_openssl_alone_verifies_parts_of_every_length(tmp_path: Path, length: int) -> None:
    customer = Customer(tmp_path, sample(issuer="x" * length))
    assert customer.checks().returncode == 0
    assert json.loads((tmp_path / "receipt.json").read_text())["issuer"] == "x" * length


@pytest.mark.parametrize("number", [0, 1, 2])
def test_openssl_alone_finds_a_change_in_each_part(customer: Customer, number: int) -> None:
    parts = customer.text.split(".")
    blob = bytearray(part(customer.text, number))
    blob[-3] ^= 1
    parts[number] = coded(bytes(blob))
    customer.receive(".".join(parts))
    result = customer.checks()
    assert result.returncode != 0
    assert VERIFIED not in result.stdout


def test_openssl_alone_finds_a_foreign_key(customer: Customer, tmp_path: Path) -> None:
    foreign = new_key(tmp_path, "foreign.key")
    customer.receive(sign(sample(), foreign))
    assert customer.checks().returncode != 0
    header = {"alg": "EdDSA", "typ": TYPE, "kid": customer.keys["keys"][0]["kid"]}  # type: ignore[index]
    customer.receive(".".join([coded(header), *sign(sample(), foreign).split(".")[1:]]))
    result = customer.checks()
    assert result.returncode != 0
    assert VERIFIED not in result.stdout


def test_the_command_on_the_page_works_as_it_stands(customer: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(customer.folder)
    program, group, *words = shlex.split(lines_of("Check it with this program"))
    assert (program, group) == ("migrator", receipt_group.name)
    assert CliRunner().invoke(receipt_group, words, obj=Config()).exit_code == 0
    customer.receive(customer.text[:-4] + "AAAA")
    assert CliRunner().invoke(receipt_group, words, obj=Config()).exit_code == 1


def named_in(table: int) -> set[str]:
    """Return the members in the first column of a table of "What it says"."""
    chapter = PAGE.split("\n## What it says\n")[1].split("\n## ")[0]
    rows = chapter.split("\n|---|---|\n")[table + 1].split("\n\n")[0]
    return {
        name for cell in re.findall(r"^\| (`[^|]*) \|", rows, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)
    }


def test_every_member_of_a_receipt_is_on_the_page() -> None:
    assert named_in(0) == {field.name for field in fields(Receipt)}


def test_every_count_of_the_check_is_on_the_page() -> None:
    counts = {field.name for field in fields(Verified)} - CURSOR
    assert named_in(1) == counts | {FLAGS_NOT_KEPT, DATES_NOT_KEPT}
