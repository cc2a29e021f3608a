import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from receipts import coded, new_key, part, sample

from app.cli_receipt import receipt_group
from app.config import Config, Receipts, Store
from app.stores import open_stores
from migrator.receipt import ADVICE, KEY_LOST_HOW, LIMITS, Access, Receipt, Written, moment
from migrator.signing import sign
from migrator.signingkeys import public_keys


class Desk:
    """A folder with a key, its public keys and a receipt; and the commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = new_key(folder)
        (folder / "keys.json").write_text(json.dumps(public_keys(self.key)))
        self.elsewhere = Config(store=Store(directory=folder / "nothing-here"))
        self.here = Config(store=Store(directory=folder))
        self.receive(sample())

    def receive(self, receipt: Receipt) -> None:
        (self.folder / "receipt.jws").write_text(sign(receipt, self.key) + "\n")

    def run(self, *words: str, config: Config | None = None, stdin: bytes | None = None) -> Result:
        return CliRunner().invoke(receipt_group, words, obj=config or self.elsewhere, input=stdin)

    def verify(self, *words: str) -> Result:
        return self.run("verify", str(self.folder / "receipt.jws"), "--keys", str(self.folder / "keys.json"), *words)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_customer_reads_what_the_receipt_says(desk: Desk) -> None:
    result = desk.verify()
    assert result.exit_code == 0
    for words in (
        "This receipt is genuine and unchanged",
        "issued by https://mail.example",
        "      312  users.messages.get",
        "imap.example:993, over TLSv1.3",
        "      300  copied",
        "      100  Büro/2019 alt",
        "  gmail.googleapis.com:443",
        "was revoked, and Google confirmed it",
        "2026-05-28 21:26:35 UTC",
        "looked (support-case)",
        "the signed receipt (to fetch it); seen by the customer",
        "2026-10 https://mail.example/privacy",
        f"17:{'c' * 64}",
        *LIMITS,
    ):
        assert words in result.output


def test_it_needs_neither_store_nor_configuration(desk: Desk) -> None:
    assert desk.verify().exit_code == 0
    assert not (desk.folder / "nothing-here").exists()


def test_a_receipt_is_taken_from_standard_input(desk: Desk) -> None:
    text = (desk.folder / "receipt.jws").read_bytes()
    assert desk.run("verify", "-", "--keys", str(desk.folder / "keys.json"), stdin=text).exit_code == 0


def test_an_installation_knows_its_own_receipts(desk: Desk) -> None:
    receipt = str(desk.folder / "receipt.jws")
    assert desk.run("verify", receipt, config=desk.here).exit_code == 0
    named = Config(receipts=Receipts(signing_key_file=desk.folder / "receipt.key"))
    assert desk.run("verify", receipt, config=named).exit_code == 0


def test_without_any_key_it_says_where_keys_come_from(desk: Desk) -> None:
    result = desk.run("verify", str(desk.folder / "receipt.jws"))
    assert result.exit_code == 1
    assert "/.well-known/migrator-receipt-keys.json" in result.output
    assert "--keys" in result.output


def test_a_changed_receipt_is_called_forged(desk: Desk) -> None:
    path = desk.folder / "receipt.jws"
    header, _, signature = path.read_text().split(".")
    path.write_text(f"{header}.{coded(part(path.read_text(), 1).replace(b'312', b'313'))}.{signature}")
    result = desk.verify()
    assert result.exit_code == 1
    assert "FORGED" in result.output
    assert "mail.example" not in result.output


def test_a_receipt_of_somebody_else_is_not_checked(desk: Desk) -> None:
    other = new_key(desk.folder, "other.key")
    (desk.folder / "receipt.jws").write_text(sign(sample(), other))
    result = desk.verify()
    assert result.exit_code == 1
    assert "NOT CHECKED" in result.output
    assert "genuine" not in result.output


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"hello", "é.é.é".encode(), b"\0" * 100])
def test_what_is_no_receipt_is_called_so(desk: Desk, content: bytes) -> None:
    (desk.folder / "receipt.jws").write_bytes(content)
    result = desk.verify()
    assert result.exit_code == 1
    assert "UNREADABLE" in result.output


def test_keys_that_are_none_are_called_so(desk: Desk) -> None:
    (desk.folder / "keys.json").write_text("sesame")
    result = desk.verify()
    assert result.exit_code == 1
    assert "no set of public keys" in result.output
    assert "sesame" not in result.output


def test_a_file_that_is_not_there_is_a_wrong_use(desk: Desk) -> None:
    assert desk.run("verify", str(desk.folder / "none.jws")).exit_code == 2


def test_access_that_may_live_on_is_not_to_be_overlooked(desk: Desk) -> None:
    desk.receive(sample(end="expired", access=Access("unconfirmed", KEY_LOST_HOW, None, 0, ADVICE)))
    output = desk.verify().output
    assert "PLEASE ACT" in output
    assert "https://myaccount.google.com/connections" in output
    assert "confirmed it" not in output


def test_an_import_that_never_began_reads_well_too(desk: Desk) -> None:
    nothing = Written("imap.example:993", "", 0, {}, 0, {}, 0, {})
    desk.receive(sample(end="cancelled", written=nothing, contacted=(), staff_access=(), issuer=""))
    output = desk.verify().output
    for words in ("to which no connection was made", "0 messages in Gmail", "an issuer that is not named"):
        assert words in output
    assert "Hosts contacted\n  none recorded\n" in output
    assert "Staff access\n  none, by the audit log\n" in output


def test_what_was_left_undone_is_told(desk: Desk) -> None:
    desk.receive(sample(end="cancelled", written=Written("h:1", "none", 5, {"copied": 2}, 3, {"INBOX": 2}, 9, {})))
    output = desk.verify().output
    assert "        3  not reached" in output
    assert "over a connection without TLS" in output


def test_hostile_names_are_shown_and_not_obeyed(desk: Desk) -> None:
    hostile = "a\x1b[31m\u202eb\nFORGED"
    folders = Written("h:1", hostile, 1, {hostile: 1}, 0, {hostile: 1}, 9, {})
    desk.receive(sample(written=folders, issuer=hostile, limits=(hostile,)))
    output = desk.verify().output
    assert output.count("a\\x1b[31m\\x202eb\\x0aFORGED") == 5
    assert not set(output) & {"\x1b", "\u202e"}


def test_programs_get_the_json_as_it_was_signed(desk: Desk) -> None:
    result = desk.verify("--json")
    assert result.output == sample().to_bytes().decode() + "\n"


def test_the_public_keys_are_printed_without_the_private_one(desk: Desk) -> None:
    result = desk.run("keys", config=desk.here)
    assert json.loads(result.output) == public_keys(desk.key)
    assert '"d"' not in result.output


def test_an_installation_without_a_key_says_so(desk: Desk) -> None:
    result = desk.run("keys")
    assert result.exit_code == 1
    assert "receipt.key" in result.output


def test_a_key_file_with_something_else_says_how_to_make_one(desk: Desk) -> None:
    (desk.folder / "receipt.key").write_text("sesame")
    result = desk.run("keys", config=desk.here)
    assert result.exit_code == 1
    assert "openssl genpkey" in result.output
    assert "sesame" not in result.output


def test_a_receipt_that_is_kept_is_printed_as_it_was_signed(desk: Desk) -> None:
    config = Config(store=Store(directory=desk.folder / "state"))
    text = sign(sample(), desk.key)
    with open_stores(config.store) as stores:
        stores.state.set(f"mig:{{{'a' * 32}}}:receipt", text, ex=60)
        assert desk.run("show", "a" * 32, config=config).output == text + "\n"
        missing = desk.run("show", "b" * 32, config=config)
        stores.state.close()
    assert missing.exit_code == 1
    assert "no receipt of import" in missing.output


def test_times_are_told_with_their_zone(desk: Desk) -> None:
    desk.receive(sample(began=moment(0)))
    assert "from 1970-01-01 00:00:00 UTC to" in desk.verify().output
