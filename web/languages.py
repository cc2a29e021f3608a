"""The languages of the pages, and which of them a browser is answered in.

The catalogues are the .po files in `web/locales`, read when a language is first spoken. They are written as in
Switzerland, and so are numbers and dates. `scripts/messages` keeps them in step with the code (docs/languages.md).
"""

import re
from functools import cache
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path

from babel import negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from web.views.language import ENGLISH, Language

LANGUAGES = {"en": "English", "de-CH": "Deutsch", "fr-CH": "Français", "it-CH": "Italiano"}
"""BCP 47 tag, as in `Language.tag` -> the language's name for itself. The first one is the code's own."""

CATALOGUES = Path(__file__).parent / "locales"

_TAGS = {tag.partition("-")[0]: tag for tag in LANGUAGES}
_LONGEST = 1_000
"""Characters of an `Accept-Language` that are looked at; browsers send some forty."""
_RANGE = re.compile(r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*[qQ]=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?")


def language_for(accept: str, chosen: str = "") -> Language:
    """Return the language to answer in; English where nothing fits.

    Args:
        accept: the request's `Accept-Language` (RFC 9110 §12.5.4), empty where there is none. What is malformed in it
            counts for nothing; a region is looked past where we have the language (RFC 4647 §3.4).
        chosen: the tag a person chose before, with region or without; wins where we have it.
    """
    wanted = [chosen, *_wanted(accept)] if chosen else _wanted(accept)
    return language(negotiate_locale(wanted, list(_TAGS), sep="-", aliases={}) or ENGLISH.tag)


def language(tag: str) -> Language:
    """Return one of `LANGUAGES` by its tag, with region or without.

    Raises:
        KeyError: it is none of them.
    """
    return _language(_TAGS[tag.partition("-")[0].lower()])


def catalogue_file(tag: str) -> Path:
    """Return where a language's catalogue lies."""
    return CATALOGUES / tag.partition("-")[0] / "LC_MESSAGES" / "messages.po"


@cache
def _language(tag: str) -> Language:
    return ENGLISH if tag == ENGLISH.tag else Language(tag, _translations(tag))


def _translations(tag: str) -> GNUTranslations:
    """Return a catalogue as gettext reads it, compiled in memory: what is looked at in review is what is spoken."""
    with catalogue_file(tag).open("rb") as file:
        catalogue = read_po(file, locale=tag.partition("-")[0], abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


def _wanted(accept: str) -> list[str]:
    """Return the ranges of an `Accept-Language` as tags, the best first; `*` stands for what nobody named."""
    weights = _weights(accept)
    rest = weights.pop("*", 0.0)
    named = {tag.partition("-")[0] for tag in weights}
    weights |= {tag: rest for tag in _TAGS if tag not in named}
    return sorted((tag for tag, weight in weights.items() if weight), key=lambda tag: -weights[tag])


def _weights(accept: str) -> dict[str, float]:
    """Return the weight of each range; the first of equal ones stands."""
    found: dict[str, float] = {}
    for part in accept[:_LONGEST].split(","):
        match = _RANGE.fullmatch(part)
        if match:
            found.setdefault(match[1].lower(), float(match[2] or 1))
    return found
