"""Markers planted on purpose, in each place and each encoding: what a search worth the name has to find."""

import base64
import binascii
import gzip
import json
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from promise.places import Blob, in_files, in_process, in_store
from redis import Redis

from app import embedded
from app.stores import connect

Write = Callable[[str], bytes]


def _every_byte(shape: str) -> Write:
    return lambda text: "".join(shape.format(byte) for byte in text.encode()).encode()


WRITTEN: dict[str, Write] = {
    "raw": str.encode,
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()),
    "hex": lambda text: binascii.hexlify(text.encode()),
    "utf-16": lambda text: text.encode("utf-16-le"),
    "utf-32": lambda text: text.encode("utf-32-le"),
    "percent": _every_byte("%{:02X}"),
    "json": _every_byte("\\u{:04x}"),
    "quoted-printable": _every_byte("={:02X}"),
    "imap-utf-7": lambda text: b"&" + base64.b64encode(text.encode("utf-16-be"), b"+,").rstrip(b"=") + b"-",
    "zlib": lambda text: b"\x01\x02" + zlib.compress(text.encode() * 3),
    "gzip": lambda text: b"\x01" + gzip.compress(text.encode() * 3),
}


class Plot:
    """Where markers are planted: a state store, a broker and a key store, a folder, a process's memory."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        store = stack.enter_context(embedded.start(folder / "redis"))
        keys = stack.enter_context(embedded.start(folder / "keys", persistent=False))
        self.folder = folder
        urls = {"state": store.url, "broker": store.broker_url, "keys": keys.url}
        self.stores: dict[str, Redis] = {name: connect(url) for name, url in urls.items()}
        for client in self.stores.values():
            stack.callback(client.close)
        self.held: list[bytes] = []
        self.process = stack.enter_context(_holding())

    def blobs(self) -> Iterator[Blob]:
        """Look everywhere once the process holds what it is to hold."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        # Turned around, so that what is found in its memory is what it holds and not what it was told.
        self.process.stdin.write(json.dumps([blob[::-1].hex() for blob in self.held]).encode() + b"\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == b"held\n"
        for name, client in self.stores.items():
            yield from in_store(name, client)
        yield from in_files(self.folder)
        yield from in_process("the process", self.process.pid)


@contextmanager
def _holding() -> Iterator["subprocess.Popen[bytes]"]:
    program = (
        "import json, sys; line = sys.stdin.readline(); held = [bytes.fromhex(one)[::-1] for one in json.loads(line)]; "
        "del line; print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process


Plant = Callable[[Plot, str, bytes], str]
"""Plants bytes under a name and tells where they must be found."""


def _in_file(name: str) -> Plant:
    def plant(plot: Plot, field: str, blob: bytes) -> str:
        path = plot.folder / name / field.replace("/", "-")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(blob)
        return f"file {path.relative_to(plot.folder)}"

    return plant


def _in_key(store: str, kind: str, verb: str, *before: object, after: tuple[object, ...] = ()) -> Plant:
    def plant(plot: Plot, field: str, blob: bytes) -> str:
        client: Any = plot.stores[store]
        client.execute_command(verb, f"{verb} {field}", *before, blob, *after)
        return f"{store}, {kind} {verb} {field}"

    return plant


def _as_name_of_key(plot: Plot, _field: str, blob: bytes) -> str:
    plot.stores["state"].set(blob, "1")
    return f"state, string {blob.decode(errors='replace')} (name)"


def _in_dump(plot: Plot, field: str, blob: bytes) -> str:
    plot.stores["state"].set(f"dumped {field}", blob)
    return f"state, string dumped {field} (dump)"


def _written_and_unlinked(plot: Plot, field: str, blob: bytes) -> str:
    plot.stores["state"].set(f"gone {field}", blob)
    plot.stores["state"].unlink(f"gone {field}")
    return "file redis/appendonlydir/appendonly.aof.1.incr.aof"


def _in_memory(plot: Plot, _field: str, blob: bytes) -> str:
    plot.held.append(blob)
    return "memory of the process"


PLANTED: dict[str, Plant] = {
    "a string": _in_key("state", "string", "SET"),
    "a hash's field": _in_key("state", "hash", "HSET", after=("value",)),
    "a hash's value": _in_key("state", "hash", "HSET", "field"),
    "a list": _in_key("state", "list", "RPUSH"),
    "a set": _in_key("state", "set", "SADD"),
    "a sorted set": _in_key("state", "zset", "ZADD", 1),
    "a stream": _in_key("state", "stream", "XADD", "*", "field"),
    "a key's name": _as_name_of_key,
    "a key's dump": _in_dump,
    "the broker": _in_key("broker", "string", "SET"),
    "the key store": _in_key("keys", "string", "SET"),
    "the store's log, after the key was removed": _written_and_unlinked,
    "a log": _in_file("logs"),
    "a temporary file": _in_file("tmp/own-x"),
    "a file beside the state": _in_file("state"),
    "memory": _in_memory,
}
