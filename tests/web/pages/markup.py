"""A page taken apart: its elements with their attributes, and its pieces of text with where they stand."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"meta", "link", "input", "img", "br", "hr"})


@dataclass(frozen=True, slots=True)
class Element:
    """One start tag, and the tags it stands in."""

    tag: str
    attributes: dict[str, str]
    inside: tuple[str, ...]


@dataclass
class Page(HTMLParser):
    """What a page is made of. Raises `ValueError` when its tags are not nested as they should be."""

    elements: list[Element] = field(default_factory=list)
    texts: list[tuple[tuple[str, ...], str]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}, tuple(self.open)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise ValueError(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((tuple(self.open), " ".join(data.split())))

    def all(self, *tags: str) -> list[Element]:
        return [element for element in self.elements if element.tag in tags]

    def text_in(self, tag: str) -> list[str]:
        return [text for where, text in self.texts if tag in where]


def parsed(html: str) -> Page:
    """Take a page apart."""
    page = Page()
    page.feed(html)
    page.close()
    if page.open:
        raise ValueError(f"not closed: {page.open}")
    return page
