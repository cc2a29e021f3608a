"""Who offers the import, as its customers know it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Host:
    """The host on every page.

    Attributes:
        name: its name, "Example Mail".
        policy_url: its privacy policy; empty where none is named.
        support_url: where its customers find help; empty where none is named.
    """

    name: str
    policy_url: str = ""
    support_url: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around every page. `step` of `STEPS`, 0 where no step fits."""

    host: Host
    step: int = 0
