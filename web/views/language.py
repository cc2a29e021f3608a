"""The language a page is told in: its translations, its numbers and dates, its time zone.

The language is ambient, as in every gettext program: `with speaking(GERMAN): ...` around making and rendering a view.
Strings stand in the code as `_("...")`, in tables read at import as `N_("...")`, so that Babel can extract both.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from gettext import NullTranslations


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the pages.

    Attributes:
        tag: BCP 47 tag for the `lang` attribute; also names the locale of numbers and dates.
        translations: the message catalogue.
        zone: in which times are told until the browser tells them in its own.
    """

    tag: str = "en"
    translations: NullTranslations = field(default_factory=NullTranslations, repr=False)
    zone: tzinfo = UTC


ENGLISH = Language()

_current: ContextVar[Language] = ContextVar("language", default=ENGLISH)


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Speak a language until the block ends, in this thread or task alone."""
    token = _current.set(language)
    try:
        yield
    finally:
        _current.reset(token)


def spoken() -> Language:
    """Return the language spoken now."""
    return _current.get()


def _(text: str) -> str:
    """Return the text in the language spoken now."""
    return _current.get().translations.gettext(text)


def ngettext(one: str, many: str, number: int) -> str:
    """Return the form of a text that fits the number, in the language spoken now."""
    return _current.get().translations.ngettext(one, many, number)


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for it, which Babel looks for
    """Return the text as it is: marked for extraction here, translated where it is used."""
    return text
