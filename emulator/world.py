"""Everything the stand-in knows while it runs."""

from dataclasses import dataclass, field

from emulator.account import Account
from emulator.faults import Faults
from emulator.grants import Client, Grants
from emulator.ledger import Ledger
from emulator.quota import Quotas
from emulator.settings import Settings


@dataclass(slots=True)
class World:
    """The accounts by address, the clients by id, and what happens around them."""

    settings: Settings
    accounts: dict[str, Account] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)
    grants: Grants = field(default_factory=Grants)
    quotas: Quotas = field(default_factory=Quotas)
    faults: Faults = field(default_factory=Faults)
    ledger: Ledger = field(default_factory=Ledger)
    url: str = ""
