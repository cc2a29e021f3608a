"""Scale: many small messages; the worker must be as quick and as small at the end as it was at the beginning."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

from redis import Redis

from bench.figures import Goal, judge, show
from bench.google import google
from bench.installation import Installation, begin, follow, installation, look, warm_up
from bench.parts import Layout, mailbox_server, workplace
from bench.processes import Life, Tally, busy_seconds, child_running, cpu_seconds, watching
from jobs.migration import State

_BODY = 1000  # bytes
_PARTS = 10
_PACE = 0.9
_GROWTH = 1.1
_PAUSE = 0.5
_SLICE_DEPTH = 2  # worker > forkserver > slice
_MIB = 1 << 20
_SECONDS_EACH = 0.05  # at 20 messages a second something is wrong


@dataclass(frozen=True, slots=True)
class Look:
    """What was used until a moment, in CPU seconds: by the worker, the mailbox server, the benchmark, the machine."""

    at: float
    copied: float
    worker: float
    server: float
    bench: float
    machine: float

    def towards(self, later: "Look", copied: float) -> "Look":
        """Return how it was when `copied` messages were done, between this look and a later one."""
        share = (copied - self.copied) / (later.copied - self.copied)
        mine, other = _figures(self), _figures(later)
        return Look(*(a + share * (b - a) for a, b in zip(mine, other, strict=True)))


def scale(messages: int, layout: Layout) -> bool:
    """Plan and copy `messages` invented messages, print how it went; True when every goal is met.

    `layout` is how the mailbox server stores mail: with a Maildir its own cost per message grows with the folder.
    """
    with (
        workplace() as folder,
        google("--synthetic", str(messages), "--body-bytes", str(_BODY)) as gmail,
        mailbox_server(layout) as server,
        installation(folder, gmail, "127.0.0.1", server.port) as installed,
    ):
        user = server.new_user()
        warm_up(installed, user)
        state = installed.stores.state
        memory, tally = _memory(state), Tally(child_running("dovecot"))
        with watching(installed.worker) as watch:
            migration = begin(installed, gmail, user)
            looks = [_look(look(installed, migration).at, 0, installed, tally)]
            for moment in follow(installed, migration, 300 + messages * _SECONDS_EACH, pause=_PAUSE):
                looks.append(_look(moment.at, moment.copied, installed, tally))
        used, keys = _memory(state) - memory, _keys(state, migration)
        if moment.state is not State.DONE or moment.copied != messages:
            raise RuntimeError(f"the import ended as {moment.state}: {moment.copied} of {messages}")
    slices = sorted((life for life in watch.lives.values() if life.depth == _SLICE_DEPTH), key=lambda life: life.began)
    return _told(looks, slices, used, keys, f"mailbox server storing as {layout}")


def _told(looks: Sequence[Look], slices: Sequence[Life], used: int, keys: dict[str, int], where: str) -> bool:
    total = int(looks[-1].copied)
    marks = [_at(looks, total * part / _PARTS) for part in range(_PARTS + 1)]
    tenths = list(pairwise(marks))
    rates = [total / _PARTS / (after.at - before.at) for before, after in tenths]
    peaks = [_peak(slices, before.at, after.at) for before, after in tenths]
    show(
        f"{total:,} messages of {_BODY} bytes, tenth by tenth; {where}",
        ("tenth", "msg/s", "CPU s per 1,000", "server's", "peak MiB of a slice", "cores others used", ""),
        [
            (str(at + 1), f"{rates[at]:.0f}", *_per_1000(*tenths[at]), f"{peaks[at]:.0f}", _others(*tenths[at]), "")
            for at in range(_PARTS)
        ],
    )
    show(
        "Around it",
        ("what", "figure", ""),
        [
            ("planned in", f"{marks[0].at - looks[0].at:.1f} s", ""),
            ("verified, revoked and ended in", f"{looks[-1].at - marks[-1].at:.1f} s", ""),
            ("slices", str(len(slices)), ""),
            ("peak of any slice", f"{max(one.peak for one in slices):.0f} MiB", "planning and verifying too"),
            ("state store", f"{used / _MIB:.1f} MiB", f"{used / total * 1e6 / _MIB:.0f} MiB per million messages"),
            *((f"  {name}", f"{size / _MIB:.1f} MiB", "") for name, size in keys.items()),
        ],
    )
    third = _PARTS // 3
    growth = max(peaks[-third:]) / max(peaks[:third])
    return judge(
        [
            Goal("rate of the last tenth / the first", rates[-1] / rates[0], "at least", _PACE, "x"),
            Goal("memory of a slice: last third / first third", growth, "at most", _GROWTH, "x"),
        ]
    )


def _look(at: float, copied: int, installed: Installation, server: Tally) -> Look:
    used = cpu_seconds(installed.worker), server.seconds(), cpu_seconds(os.getpid())
    return Look(at, copied, *used, busy_seconds())


def _figures(look: Look) -> tuple[float, ...]:
    return look.at, look.copied, look.worker, look.server, look.bench, look.machine


def _at(looks: Sequence[Look], copied: float) -> Look:
    """Return how it was when so many messages were done."""
    for before, after in pairwise(looks):
        if before.copied < after.copied and before.copied <= copied <= after.copied:
            return before.towards(after, copied)
    raise RuntimeError("the import was over before it was looked at: take more messages")


def _per_1000(before: Look, after: Look) -> tuple[str, str]:
    thousands = (after.copied - before.copied) / 1000
    return f"{(after.worker - before.worker) / thousands:.2f}", f"{(after.server - before.server) / thousands:.2f}"


def _others(before: Look, after: Look) -> str:
    """Return how many cores the machine spent on what has nothing to do with the benchmark."""
    used = after.machine - before.machine - (after.bench - before.bench)
    return f"{max(0.0, used / (after.at - before.at)):.1f}"


def _peak(slices: Sequence[Life], begin: float, end: float) -> float:
    """Return the largest peak of the slices that ran between two times."""
    return max((one.peak for one in slices if one.began < end and one.ended > begin), default=0.0)


def _memory(redis: "Redis") -> int:
    return int(redis.info("memory")["used_memory"])


def _keys(redis: "Redis", migration: str) -> dict[str, int]:
    """Return the bytes of a migration's four largest parts, a part's keys summed up."""
    sizes: dict[str, int] = {}
    for key in cast("list[bytes]", redis.keys(f"mig:{{{migration}}}*")):
        part = (*key.decode().partition("}")[2].split(":")[1:], "record")[0]
        sizes[part] = sizes.get(part, 0) + int(cast("int", redis.memory_usage(key, samples=0)) or 0)
    return dict(sorted(sizes.items(), key=lambda row: -row[1])[:4])
