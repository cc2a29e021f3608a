"""The places where something may be left behind, each as (where, bytes): stores, files, memory of processes."""

import errno
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from promise.lzf import unpacked_strings
from redis import Redis

Blob = tuple[str, bytes]

_REGION = re.compile(r"(?P<start>[0-9a-f]+)-(?P<end>[0-9a-f]+) rw")
"""A line of /proc/<pid>/maps (proc(5)) of memory that is written to; what cannot be written is a file's content."""

_READ_AT_ONCE = 1 << 26


def in_store(name: str, client: Redis) -> Iterator[Blob]:
    """Yield every key's name and value by its type, and its DUMP payload as it is and decompressed."""
    store: Any = client
    for key in store.scan_iter(count=1000):
        kind = store.type(key).decode()
        where = f"{name}, {kind} {key.decode(errors='replace')}"
        yield f"{where} (name)", key
        yield where, b"\n".join(_READ[kind](store, key))
        payload = store.dump(key)
        if payload is not None:  # it may have ended meanwhile
            yield f"{where} (dump)", payload
            yield f"{where} (dump, decompressed)", unpacked_strings(payload)


def in_files(folder: Path, *, but: frozenset[Path] = frozenset()) -> Iterator[Blob]:
    """Yield every file below the folder and its path; of the store's files also the strings they hold compressed."""
    for path in sorted(folder.rglob("*")):
        yield "name of a file", os.fsencode(path.relative_to(folder))
        content = _content(path) if path.is_file() and path not in but else b""
        yield f"file {path.relative_to(folder)}", content
        if path.suffix in {".rdb", ".aof"}:
            yield f"file {path.relative_to(folder)} (decompressed)", unpacked_strings(content)


def in_process(name: str, pid: int) -> Iterator[Blob]:
    """Yield a process's memory, command line and environment."""
    for part in ("cmdline", "environ"):
        yield f"{part} of {name}", Path(f"/proc/{pid}/{part}").read_bytes()
    with Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for region in _REGION.finditer(Path(f"/proc/{pid}/maps").read_text()):
            start, end = int(region["start"], 16), int(region["end"], 16)
            for at in range(start, end, _READ_AT_ONCE):
                yield f"memory of {name}", _memory(memory.fileno(), at, min(_READ_AT_ONCE, end - at))


def parents_of(worker: int) -> dict[str, int]:
    """Return the long-lived processes of a worker by name: itself and its children, but no slice's process."""
    return {"the worker": worker, **{_program(pid): pid for pid in _children(worker)}}


def slices_of(worker: int) -> list[int]:
    """Return the processes of slices: children of the worker's forkserver."""
    return [pid for child in _children(worker) for pid in _children(child)]


def _children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        _, _, rest = _content(stat).rpartition(b")")  # the name before may hold anything
        if rest and int(rest.split()[1]) == parent:
            found.append(int(stat.parent.name))
    return found


def _program(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    names = [name for name in ("forkserver", "resource_tracker") if name in words]
    return f"the {names[0]}" if names else f"process {pid}"


def _content(path: Path) -> bytes:
    """Return a file's content, nothing where it was removed since it was listed."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _memory(descriptor: int, at: int, size: int) -> bytes:
    """Return a region without the zeros around it, nothing where it was given back since it was listed."""
    try:
        return os.pread(descriptor, size, at).strip(b"\0")
    except OSError as error:
        if error.errno not in {errno.EIO, errno.ESRCH}:
            raise
        return b""


def _flat(pairs: Mapping[bytes, Any]) -> list[bytes]:
    return [part for name, value in pairs.items() for part in (name, value)]


_READ: dict[str, Callable[[Any, bytes], list[bytes]]] = {
    "string": lambda store, key: [cast("bytes | None", store.get(key)) or b""],
    "hash": lambda store, key: _flat(store.hgetall(key)),
    "list": lambda store, key: store.lrange(key, 0, -1),
    "set": lambda store, key: list(store.smembers(key)),
    "zset": lambda store, key: store.zrange(key, 0, -1),
    "stream": lambda store, key: [part for _, row in store.xrange(key) for part in _flat(row)],
    "none": lambda *_: [],
}
