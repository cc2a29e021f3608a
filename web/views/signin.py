"""The page on which a customer signs in with the address and the password of his new mailbox."""

from dataclasses import dataclass, field

from web.views.host import Frame, Host


@dataclass(frozen=True, slots=True)
class SignIn:
    """The page; `problem` says why the last try failed, empty at first; `address` is what was typed then."""

    frame: Frame
    problem: str
    address: str = field(default="", repr=False)


def signin(host: Host, problem: str = "", address: str = "") -> SignIn:
    """Return the page; `problem` is translated already, and the same for every refusal: it tells not what exists."""
    return SignIn(Frame(host), problem, address)
