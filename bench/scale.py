"""Scale: many small messages; the worker must be as quick and as small at the end as it was at the beginning."""

import time
from collections.abc import Sequence
from itertools import pairwise
from typing import cast

from redis import Redis

from bench.figures import Goal, judge, show
from bench.google import google
from bench.installation import Moment, begin, follow, installation, warm_up
from bench.parts import mailbox_server, workplace
from bench.processes import Life, cpu_seconds, watching
from jobs.migration import State

_BODY = 1000  # bytes
_PARTS = 10
_PACE = 0.9
_GROWTH = 1.1
_PAUSE = 0.5
_SLICE_DEPTH = 2  # worker > forkserver > slice
_MIB = 1 << 20
_SECONDS_EACH = 0.05  # at 20 messages a second something is wrong


def scale(messages: int) -> bool:
    """Plan and copy `messages` invented messages, print how it went; True when every goal is met."""
    with (
        workplace() as folder,
        google("--synthetic", str(messages), "--body-bytes", str(_BODY)) as gmail,
        mailbox_server() as server,
        installation(folder, gmail, "127.0.0.1", server.port) as installed,
    ):
        user = server.new_user()
        warm_up(installed, user)
        memory = _memory(installed.stores.state)
        with watching(installed.worker) as watch:
            migration = begin(installed, gmail, user)
            began = time.monotonic()
            moments = follow(installed, migration, 300 + messages * _SECONDS_EACH, pause=_PAUSE)
            line = [(moment, cpu_seconds(installed.worker)) for moment in moments]
        used = _memory(installed.stores.state) - memory
        keys = _keys(installed.stores.state, migration)
    last = line[-1][0]
    if last.state is not State.DONE or last.copied != messages:
        raise RuntimeError(f"the import ended as {last.state}: {last.copied} of {messages}")
    slices = sorted((life for life in watch.lives.values() if life.depth == _SLICE_DEPTH), key=lambda life: life.began)
    return _told(began, line, slices, used, keys)


def _told(
    began: float, line: Sequence[tuple[Moment, float]], slices: Sequence[Life], used: int, keys: dict[str, int]
) -> bool:
    total = line[-1][0].total
    times = [_when(line, total * part / _PARTS) for part in range(_PARTS + 1)]
    rates = [total / _PARTS / (times[part + 1][0] - times[part][0]) for part in range(_PARTS)]
    cpu = [(times[part + 1][1] - times[part][1]) / total * _PARTS * 1000 for part in range(_PARTS)]
    peaks = [_peak(slices, times[part][0], times[part + 1][0]) for part in range(_PARTS)]
    show(
        f"{total:,} messages of {_BODY} bytes, tenth by tenth",
        ("tenth", "msg/s", "CPU s per 1,000", "peak MiB of a slice", ""),
        [(str(at + 1), f"{rates[at]:.1f}", f"{cpu[at]:.2f}", f"{peaks[at]:.0f}", "") for at in range(_PARTS)],
    )
    show(
        "Around it",
        ("what", "figure", ""),
        [
            ("planned in", f"{times[0][0] - began:.1f} s", ""),
            ("verified, revoked and ended in", f"{line[-1][0].at - times[-1][0]:.1f} s", ""),
            ("slices", str(len(slices)), ""),
            ("peak of any slice, planning and verifying too", f"{max(one.peak for one in slices):.0f} MiB", ""),
            ("state store", f"{used / _MIB:.1f} MiB", f"{used / total * 1e6 / _MIB:.0f} MiB per million messages"),
            *((f"  {name}", f"{size / _MIB:.1f} MiB", "") for name, size in keys.items()),
        ],
    )
    third = _PARTS // 3
    return judge(
        [
            Goal("rate of the last tenth / the first", rates[-1] / rates[0], "at least", _PACE, "x"),
            Goal(
                "memory of a slice: last third / first third",
                max(peaks[-third:]) / max(peaks[:third]),
                "at most",
                _GROWTH,
                "x",
            ),
        ]
    )


def _when(line: Sequence[tuple[Moment, float]], copied: float) -> tuple[float, float]:
    """Return when so many messages were copied, and the worker's CPU seconds until then, between two looks."""
    for (before, cpu_before), (after, cpu_after) in pairwise(line):
        if before.copied <= copied < after.copied or (after.copied == copied and before.copied < copied):
            share = (copied - before.copied) / (after.copied - before.copied)
            return before.at + share * (after.at - before.at), cpu_before + share * (cpu_after - cpu_before)
    raise RuntimeError("the import was over before it was looked at: take more messages")


def _peak(slices: Sequence[Life], begin: float, end: float) -> float:
    """Return the largest peak of the slices that ran between two times."""
    return max((one.peak for one in slices if one.began < end and one.ended > begin), default=0.0)


def _memory(redis: "Redis") -> int:
    return int(redis.info("memory")["used_memory"])


def _keys(redis: "Redis", migration: str) -> dict[str, int]:
    """Return the bytes of a migration's keys by part, the largest first, each part of folders summed up."""
    sizes: dict[str, int] = {}
    for key in cast("list[bytes]", redis.keys(f"mig:{{{migration}}}*")):
        part = key.decode().partition("}")[2].split(":")[1:2] or ["record"]
        size = cast("int", redis.memory_usage(key, samples=0)) or 0
        sizes[part[0]] = sizes.get(part[0], 0) + size
    return dict(sorted(sizes.items(), key=lambda row: -row[1])[:4])
