"""The key of the audit log, its file, and the files that it seals."""

from pathlib import Path

import pytest
from audit_chains import KEY, chain, stored
from audit_keeping import KEY_TEXT

from jobs.audit import Entry, Shelf
from jobs.audit.key import AuditKey, AuditKeyUnusable, Purpose
from jobs.audit.shelf import NotOurs, lines_of

DAY_OF_THREE = chain([1795000000] * 3)


def test_the_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "audit.key"
    made = AuditKey.read_or_make(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert AuditKey.read_or_make(path).mac(Purpose.ENTRY, "x") == made.mac(Purpose.ENTRY, "x")
    assert [there.name for there in path.parent.iterdir()] == ["audit.key"]
    assert repr(made) == "AuditKey()"


@pytest.mark.parametrize("content", [b"", b"short", b"eA==", b"\xff" * 44, KEY_TEXT + KEY_TEXT])
def test_another_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "audit.key").write_bytes(content)
    with pytest.raises(AuditKeyUnusable, match=r"audit\.key holds no key of 32 bytes"):
        AuditKey.read(tmp_path / "audit.key")


def test_what_is_signed_for_one_purpose_passes_for_no_other() -> None:
    line = KEY.signed(Purpose.ENTRY, "text")
    assert KEY.has_signed(Purpose.ENTRY, line)
    assert not KEY.has_signed(Purpose.SEAL, line)
    assert not KEY.has_signed(Purpose.ENTRY, line + " ")
    assert not KEY.has_signed(Purpose.ENTRY, line.upper())
    assert not AuditKey(b"x" * 32).has_signed(Purpose.ENTRY, line)


def test_a_day_is_written_once_and_the_same_again_is_no_change(tmp_path: Path) -> None:
    shelf, lines = Shelf(tmp_path, KEY), [stored(entry) for entry in DAY_OF_THREE]
    shelf.write(lines)
    (path,) = shelf.paths()
    before = path.stat()
    shelf.write(lines)
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert list(lines_of(path)) == lines
    assert shelf.fits(shelf.files()[0])
    with pytest.raises(FileExistsError):
        shelf.write(lines[:2])
    assert [there.name for there in tmp_path.iterdir()] == [path.name]


def swapped(entries: list[Entry]) -> list[str]:
    return [stored(entries[1]), stored(entries[0])]


def test_what_is_no_chain_of_this_key_is_never_sealed(tmp_path: Path) -> None:
    lines = [stored(entry) for entry in DAY_OF_THREE]
    theirs = [AuditKey(b"x" * 32).signed(Purpose.ENTRY, entry.line) for entry in DAY_OF_THREE]
    for wrong in ([], ["x"], [lines[0], "x"], swapped(DAY_OF_THREE), [lines[0], lines[2]], [lines[0], theirs[1]]):
        with pytest.raises(NotOurs):
            Shelf(tmp_path, KEY).write(wrong)
    with pytest.raises(NotOurs):
        Shelf(tmp_path).write(lines)
    assert list(tmp_path.iterdir()) == []


def test_without_the_key_files_can_be_read(tmp_path: Path) -> None:
    Shelf(tmp_path, KEY).write([stored(entry) for entry in DAY_OF_THREE])
    (file,) = Shelf(tmp_path).files()
    assert file.seal
    assert (file.seal.first, file.seal.last) == (1, 3)
    file.path.write_text("x\n")
    assert Shelf(tmp_path).files()[0].seal is None
    assert not Shelf(tmp_path).fits(Shelf(tmp_path).files()[0])
