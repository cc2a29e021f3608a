"""The API of a test: its service tokens, and what stands behind it."""

from dataclasses import dataclass

from ways import panel

from app.sentences import sentence
from app.stores import Stores
from jobs.audit import PANEL
from web.api.doors import ApiDoors
from web.api.tokens import ServiceToken


@dataclass(frozen=True)
class Tokens:
    """Service tokens by what they may do."""

    everything: str
    read: str
    write: str
    launch: str


def doors(stores: Stores, rows: tuple[ServiceToken, ...], url: str) -> ApiDoors:
    return ApiDoors(stores.state, stores.keys, stores.vault, rows, panel(url), f"{url}/launch", PANEL, sentence)
