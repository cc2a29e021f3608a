"""The positive control: what is planted in each place and each encoding is found; else "nothing found" says nothing."""

import base64
import gzip
import os
import subprocess
import sys
import zlib
from contextlib import ExitStack
from pathlib import Path

import pytest
from promise.canaries import MAIL_FIELDS, Canaries, mail
from promise.encodings import ENCODINGS, Hit, Search, forms, hits
from promise.lzf import unpacked_strings
from promise.places import in_files, in_process
from promise.plants import PLANTED, WRITTEN, Plot

from app import embedded
from app.stores import connect

_SURE = "abcabc" * 60
"""Something beside a marker that Redis will compress."""


def test_every_plant_in_every_place_and_encoding_is_found_there(tmp_path: Path) -> None:
    canaries = Canaries()
    planted = set()
    with ExitStack() as stack:
        plot = Plot(tmp_path, stack)
        for place, plant in PLANTED.items():
            for encoding in ENCODINGS:
                name = f"{place}: {encoding}"
                blob = WRITTEN[encoding](f'"é before {canaries.mark(name)} after ü"')
                planted.add((name, plant(plot, name, blob)))
        search = canaries.search()
        # Of a dump that the store compressed it is the decompressed form.
        blobs = ((where.replace("(dump, decompressed)", "(dump)"), blob) for where, blob in plot.blobs())
        found = {(hit.name, where) for where, blob in blobs for hit in hits(blob, search)}
    assert len(planted) == len(PLANTED) * 12
    assert planted - found == set()


@pytest.mark.parametrize("place", ["cmdline", "environ"])
def test_what_a_process_was_started_with_is_seen(place: str) -> None:
    canaries = Canaries()
    marker = canaries.mark("it")
    command = [
        sys.executable,
        "-c",
        "import sys; print(flush=True); sys.stdin.read()",
        *[marker] * (place == "cmdline"),
    ]
    env = {**os.environ, **({"SECRET": marker} if place == "environ" else {})}
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        blobs = dict(in_process("the process", process.pid))
        assert process.stdin is not None
        process.stdin.close()
    assert Hit("it", "raw") in hits(blobs[f"{place} of the process"], canaries.search())


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_marker_is_found_whatever_stands_before_it(encoding: str) -> None:
    canaries = Canaries()
    marker = canaries.mark("it")
    for before in range(8):
        found = hits(b"x" + WRITTEN[encoding](f"{'~' * before}{marker}?"), canaries.search())
        assert {hit.name for hit in found} == {"it"}, before


def test_a_marker_in_a_stream_in_a_stream_is_found_and_named() -> None:
    canaries = Canaries()
    inner = base64.b64encode(f"abc {canaries.mark('it')}".encode())
    assert Hit("it", "zlib gzip base64") in hits(zlib.compress(gzip.compress(inner)), canaries.search())


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_token_is_found_by_all_of_its_text_since_many_texts_begin_like_it(encoding: str) -> None:
    known, other = "1//0" + "kJz_n-Mo" * 6, "1//0" + "jKz_n-Mo" * 6
    search = Search("1//0", {"a token": known})
    assert {hit.name for hit in hits(WRITTEN[encoding](f"..{known}.."), search)} == {"a token"}
    assert hits(WRITTEN[encoding](f"..{other}.."), search) == ()


def test_nothing_is_found_where_nothing_is() -> None:
    canaries, others = Canaries(), Canaries()
    blob = b"".join(WRITTEN[encoding](others.mark(encoding)) for encoding in ENCODINGS)
    assert hits(blob, canaries.search()) == ()
    assert len(forms(canaries.stem)) >= len(ENCODINGS) - 2, "streams have no form of their own"


def test_what_the_store_compresses_is_read(tmp_path: Path) -> None:
    canaries = Canaries()
    marker = canaries.mark("it")
    with embedded.start(tmp_path / "redis") as store:
        client = connect(store.url)
        # Halves of the marker lie apart in compressed data, where the second of them repeats what was before.
        client.set("compressible", f"{_SURE}{marker[:9]}{_SURE}{marker}{_SURE}")
        client.save()
        blobs = dict(in_files(tmp_path))
        client.close()
    dump = "file redis/dump.rdb"
    assert hits(blobs[dump], canaries.search()) == ()
    assert Hit("it", "raw") in hits(blobs[f"{dump} (decompressed)"], canaries.search())
    assert unpacked_strings(b"\xc3\x05\x10hello\xc3\xff\xc3") == b"\n\n"


def test_every_field_of_a_mail_is_marked() -> None:
    canaries = Canaries()
    made = mail({field: canaries.mark(field) for field in MAIL_FIELDS})
    found = {hit.name for hit in hits(made, canaries.search())}
    assert found >= set(MAIL_FIELDS)
