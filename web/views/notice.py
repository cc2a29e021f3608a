"""A page of one message: not found, refused, something to be done first."""

from dataclasses import dataclass

from web.views.host import Frame, Host


@dataclass(frozen=True, slots=True)
class Notice:
    """A title, a sentence, and where to go from here: a place and its words, empty where there is none.

    `away` tells that the place is none of ours.
    """

    frame: Frame
    title: str
    words: str
    place: str = ""
    place_words: str = ""
    away: bool = False


def notice(host: Host, title: str, words: str, place: str = "", place_words: str = "") -> Notice:
    """Return such a page; the words are translated already."""
    return Notice(Frame(host), title, words, place, place_words, away=place.startswith("https://"))
