"""How a worker works, as one value. All times in seconds."""

from collections.abc import Callable
from dataclasses import dataclass

from redis import Redis

from jobs.outside import Outside
from jobs.tickets import CUSTOMER_CAP, Claim


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What one slice is given: its `SliceTask.config`, and what it reaches (None: nothing)."""

    config: object
    outside: Outside | None


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What a deployment may want to change.

    Attributes:
        threads: slices side by side in this worker.
        undo_threads: undos side by side in this worker, beside its slices; they wait for mail servers.
        slice_seconds: a slice ought to end by itself after this long; short slices are what makes turns fair.
        grace_seconds: ... and is killed this much later: a slow mailbox may take long for the last batches.
        lease_seconds: a dead worker's work is given to another one after this long; renewed thrice in that time.
        stop_grace_seconds: a slice asked to stop is killed after this long; a worker must end within 3 s, on a busy
            machine, too.
        memory_mib: limit of a slice's process.
        customer_cap: slices of one customer while another one waits.
        tick_seconds: how often the reconciler looks.
        trouble_seconds: a worker that can start no process for so long ends. Longer than a burst of other programs
            lasts, or a clearing of temporary files; shorter than people take to look.
        preload: modules imported once, before the processes of slices are forked; makes their start cheap.
        config: handed to every slice as `SliceTask.config`; must be picklable and hold no secret.
        readable: files that slices may read beside the libraries; None for slices without secrets, which the kernel
            holds to nothing.
        surroundings: what a claimed migration's slice is given in the place of `config`, and reaches.
    """

    threads: int = 4
    undo_threads: int = 8
    slice_seconds: float = 20.0
    grace_seconds: float = 60.0
    lease_seconds: float = 10.0
    stop_grace_seconds: float = 2.2
    memory_mib: int = 512
    customer_cap: int = CUSTOMER_CAP
    tick_seconds: float = 2.0
    trouble_seconds: float = 90.0
    preload: tuple[str, ...] = ()
    config: object = None
    readable: tuple[str, ...] | None = None
    surroundings: Callable[[Redis, Claim], Surroundings] | None = None
