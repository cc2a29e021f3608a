"""The page after everything was erased: nothing is left, but for what says that it was."""

from dataclasses import dataclass

from web.views.host import Frame, Host
from web.views.language import _


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The page; `left` are the sentences of what a customer should know is still there."""

    frame: Frame
    left: tuple[str, ...]


def goodbye(host: Host) -> Goodbye:
    """Return the page. What is left is that of `jobs.erasing`."""
    return Goodbye(
        Frame(host),
        (
            _("Our log says for 400 days that an import was made and erased. It holds nothing about you."),
            _("What was unlinked lies in our database's file until that is written anew, in about a minute."),
            _("For an hour we remember, under an opaque name, how much was asked of Google."),
        ),
    )
