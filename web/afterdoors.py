"""What the pages after the end are given: the rooms behind them, as functions."""

from collections.abc import Callable
from dataclasses import dataclass

from redis import Redis

from jobs.overview import Holding
from migrator.mailbox import Credentials
from migrator.receipt import Receipt
from web.limits import Limit
from web.pools import Pools
from web.views.host import Host
from web.visitor import Owned


@dataclass(frozen=True, slots=True)
class Afterwards:
    """What may be done with an import that has ended, and with its data at any time.

    Attributes:
        state: the state store.
        host: who offers the import.
        signed: the signed receipt of an import; empty while, or where, there is none.
        receipt: what that says; None where there is none, or none of ours.
        held: what is held about an import right now. Raises `AuditBroken`, `RedisError`.
        erase: erases an import. Raises as of `jobs.erasing.erase`.
        enter: what the import's mailbox is entered with, of the session's own knowledge or of what was typed (address
            and password, empty where nothing was); None where that is not enough.
        undo: hands an undo over to the workers.
        seconds_to_wait: counts a try by an opaque or private name (0: it may be done).
        pools: where the work is done that waits for somebody else.
    """

    state: Redis
    host: Host
    signed: Callable[[str], str]
    receipt: Callable[[str], Receipt | None]
    held: Callable[[str], tuple[Holding, ...]]
    erase: Callable[[str], object]
    enter: Callable[[Owned, str, str], Credentials | None]
    undo: Callable[[str, Credentials], object]
    seconds_to_wait: Callable[[Limit, str], int]
    pools: Pools
