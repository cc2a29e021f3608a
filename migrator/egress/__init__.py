"""How a closed process reaches Google and its mailbox: its worker connects, and hands the connection over.

    in the process       both          in the worker
    dialling ──────────► errands ────► broker ─► resolve ─► hosts, addresses ─► race
    libraries' sockets   who is asked  doors     one look   which are allowed   the first address to answer

What Python code tries otherwise is looked at, told and refused (`guard`, `refusals`, `files`, with `inside`). Whatever
code it is, the kernel's walls hold it (`jobs.walls`).
"""

from migrator.egress.broker import Door, Doors, brokered
from migrator.egress.dialling import EgressRefused, ToMailbox, dial_out, door_of, line
from migrator.egress.guard import close_the_doors
from migrator.egress.hosts import check_port, checked_host
from migrator.egress.inside import Inside, Place, endpoint
from migrator.egress.resolve import Pinned, Reach, Trust, door_to, pin

__all__ = [
    "Door",
    "Doors",
    "EgressRefused",
    "Inside",
    "Pinned",
    "Place",
    "Reach",
    "ToMailbox",
    "Trust",
    "brokered",
    "check_port",
    "checked_host",
    "close_the_doors",
    "dial_out",
    "door_of",
    "door_to",
    "endpoint",
    "line",
    "pin",
]
