"""What the console is given. It knows no configuration; its pages add here what they need of the rooms behind them."""

from dataclasses import dataclass, field

from redis import Redis
from starlette.requests import Request

from web.clients import DIRECT, Proxies, client_by
from web.limits import EVERYBODY, Limit, seconds_to_wait
from web.operator.accounts import Roster
from web.operator.rooms import Rooms
from web.operator.sso import SingleSignOn
from web.pools import StaffPools


@dataclass(frozen=True, slots=True)
class Console:
    """What the console may do, and where its sessions lie.

    Attributes:
        roster: where the accounts of the staff are kept, and the state store they lie in.
        rooms: what the pages about imports look into.
        name: whose console it is, as the staff knows it.
        url: the address at which browsers reach it.
        proxies: the host's, in front of the console.
        sso: who signs members in elsewhere; None where nobody does.
        pools: where passwords are hashed and the provider is asked.
    """

    roster: Roster
    rooms: Rooms
    name: str
    url: str
    proxies: Proxies = DIRECT
    sso: SingleSignOn | None = None
    pools: StaffPools = field(default_factory=StaffPools)

    @property
    def state(self) -> Redis:
        """The state store."""
        return self.roster.state

    def seconds_to_wait(self, limit: Limit, request: Request) -> int:
        """Count a try by the client of a request, and return how long it has to wait (0: not at all)."""
        return seconds_to_wait(self.state, limit, self.roster.vault.pseudonyms(self.client_of(request))[0])

    def client_of(self, request: Request) -> str:
        """Return the part of a client's address by which its tries are counted."""
        return client_by(self.proxies, request)

    def seconds_for_everybody(self, limit: Limit, *, count: bool) -> int:
        """Count a try by anybody, or only look, and return how long all have to wait (0: not at all)."""
        name = self.roster.vault.pseudonyms(EVERYBODY)[0]
        return seconds_to_wait(self.state, limit, name, count=count)
