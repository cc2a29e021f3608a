"""Where a slice may go: which hosts a customer may name, which addresses are checked, and what keeps it from others.

    hosts ─► addresses ─► resolve ─► doors ─► refusals, files ─► guard        race
    a name   its answers  one look   allowed  decided            carried out  the first address to answer

Names and addresses are checked before the first connection; from `close_the_doors` on the process reaches nothing but
its doors. The guard sees what Python code does. It is no sandbox for machine code: the second wall is the operating
system's, see docs/operations.md.
"""

from migrator.egress.addresses import is_public
from migrator.egress.doors import Doors, Place, endpoint, store_places
from migrator.egress.guard import EgressRefused, close_the_doors
from migrator.egress.hosts import check_port, checked_host
from migrator.egress.resolve import Pinned, Reach, Trust, connecting, pin

__all__ = [
    "Doors",
    "EgressRefused",
    "Pinned",
    "Place",
    "Reach",
    "Trust",
    "check_port",
    "checked_host",
    "close_the_doors",
    "connecting",
    "endpoint",
    "is_public",
    "pin",
    "store_places",
]
