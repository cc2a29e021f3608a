"""Four languages: which one a browser gets, that every page is wholly in it, and that the catalogues are complete."""

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from gettext import NullTranslations
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from operator import attrgetter
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages import Catalog, Message
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st
from markup import Page, parsed
from on_every import on_every
from scenes import EVERYDAY, GIVEN_IN_WORDS, HOSTILE, NOW, Scene, scenes

from web.languages import LANGUAGES, catalogue_file, language, language_for
from web.rendering import render
from web.views.language import ENGLISH, Language, _, ngettext, speaking
from web.views.wording import duration_range, messages, moment, number, size, visible
from web.visit import Visit, visiting

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "scripts" / "messages"
FOREIGN = [tag for tag in LANGUAGES if tag != ENGLISH.tag]
DATA = {" ".join(visible(name).split()) for name in (*HOSTILE, *EVERYDAY)} | GIVEN_IN_WORDS | set(LANGUAGES.values())
ENGLISH_WORDS = frozenset(
    re.findall("[a-z']+", "the your you and with this that have has are our we it's is from for not which of by")
)
"""Words that no sentence in English goes without for long, and that are none in the other languages."""
READ_OUT = ("alt", "title", "placeholder", "aria-label", "aria-description")
NARROW, CURVED = "\u202f", "\u2019"

every_language = pytest.mark.parametrize("tag", FOREIGN)
every_scene = on_every(scenes(), attrgetter("name"))


class Marked(NullTranslations):
    """A language whose texts stand in brackets, and which knows only what is in its catalogue."""

    def __init__(self, tag: str) -> None:
        super().__init__()
        self.real, self.known = language(tag).translations, catalogue(tag)

    def gettext(self, message: str) -> str:
        assert message in self.known, f"not in the catalogue: {message}"
        return f"⟦{self.real.gettext(message)}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        assert msgid1 in self.known, f"not in the catalogue: {msgid1}"
        return f"⟦{self.real.ngettext(msgid1, msgid2, n)}⟧"


@cache
def catalogue(tag: str) -> Catalog:
    with catalogue_file(tag).open("rb") as file:
        return read_po(file)


def translations(tag: str) -> Iterator[str]:
    for message in catalogue(tag):
        if message.id:
            yield from (message.string,) if isinstance(message.string, str) else message.string


def shown(scene: Scene, spoken: Language) -> Page:
    with speaking(spoken), visiting(Visit("/", session=True)):
        return parsed(render(scene.template, scene.make()))


def read(page: Page) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is read on a page, by eye or ear, with where it stands."""
    yield from page.texts
    for element in page.elements:
        yield from ((element.inside, element.attributes[name]) for name in READ_OUT if element.attributes.get(name))


def ours(page: Page) -> Iterator[str]:
    """What is read on a page and says something: no name, no moment, no code, no number."""
    for where, text in read(page):
        if not {"bdi", "time", "code"} & set(where) and text not in DATA and re.search("[^\\W\\d_]{2}", text):
            yield text


@pytest.fixture(scope="module")
def script() -> ModuleType:
    loader = SourceFileLoader("messages", str(SCRIPT))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_the_catalogues_hold_every_string_of_the_code_translated_and_no_other() -> None:
    check = subprocess.run([sys.executable, SCRIPT, "check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (check.stdout, check.stderr, check.returncode) == ("", "", 0)


@every_language
@every_scene
def test_every_text_on_a_page_comes_from_the_catalogue(scene: Scene, tag: str) -> None:
    page = shown(scene, Language(tag, Marked(tag)))
    assert [text for text in ours(page) if not set("⟦⟧") & set(text)] == []


@every_language
@every_scene
def test_a_page_is_in_one_language(scene: Scene, tag: str) -> None:
    page = shown(scene, language(tag))
    assert {element.attributes["lang"] for element in page.all("html")} <= {tag}
    for text in ours(page):
        said = re.sub(re.escape("Limited Use"), "", text)
        assert not ENGLISH_WORDS & set(re.findall(r"[a-z']+", said.lower())), text


@every_language
def test_what_is_said_in_another_language_is_not_said_in_english(tag: str) -> None:
    """Names, and words that are the same in both, are all there is."""
    same = {message.id for message in catalogue(tag) if isinstance(message.id, str) and message.id == message.string}
    units, french = {"GB", "MB", "kB"}, {"Messages", "Message %(number)s", "Copies"}
    assert {words for words in same if re.search("[a-z]", re.sub(r"\{\w+\}", "", words))} - units <= french


@every_language
def test_no_sentence_is_in_the_language_of_another_catalogue(tag: str) -> None:
    others = {text for other in FOREIGN if other != tag for text in translations(other)}
    assert [text for text in translations(tag) if " " in text and text in others] == []


@pytest.mark.parametrize(
    ("translation", "fault"),
    [
        ("", "not translated"),
        ("Von {who}", "other placeholders than the source"),
        ("Von {who} nach {hosts}", "other placeholders than the source"),
        ("Von {who} nach {host} zu 100 %", "other placeholders than the source"),
        ("Von {who} nach {host", "other placeholders than the source"),
        ("Von <b>{who}</b> nach {host}", "holds markup, or straight quotation marks"),
        (" Von {who} nach {host}", "odd blanks"),
        ("Von {who} nach {host}", ""),
    ],
)
def test_a_faulty_translation_is_found(script: ModuleType, translation: str, fault: str) -> None:
    faults = list(script.faults(Message("From {who} to {host}", translation)))
    assert faults == ([fault] if fault else [])


def test_a_faulty_plural_is_found(script: ModuleType) -> None:
    source = ("{count} hour", "{count} hours")
    assert list(script.faults(Message(source, ("eine Stunde", "{count} Stunden")))) == []
    assert list(script.faults(Message(source, ("{count} Stunde", "Stunden")))) == ["other placeholders than the source"]
    assert list(script.faults(Message(source, ("{count} Stunde", "")))) == ["not translated"]
    assert list(script.faults(Message("Back", "Zurück", flags={"fuzzy"}))) == ["marked as fuzzy"]


def test_words_of_the_code_templates_and_table_are_extracted(script: ModuleType) -> None:
    found = script.extracted()
    places = {place for message in found for place, _line in message.locations}
    assert {"web/templates/start.html", "web/views/states.py", "jobs/retention.py"} <= places
    assert {"Paused", "{count} hour", "Bring your Gmail here", "the signed receipt"} <= {
        words if isinstance(words, str) else words[0] for words in (message.id for message in found) if words
    }


@pytest.mark.parametrize(
    ("accept", "tag"),
    [
        ("", "en"),
        ("de", "de-CH"),
        ("de-AT", "de-CH"),
        ("DE-ch", "de-CH"),
        ("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", "fr-CH"),
        ("en;q=0.5, it;q=0.9", "it-CH"),
        ("rm-CH, it-CH;q=0.8, en;q=0.7", "it-CH"),
        ("pt-BR, pt;q=0.9", "en"),
        ("de;q=0, fr;q=0.1", "fr-CH"),
        ("de;q=0", "en"),
        ("EN;q=0, *", "de-CH"),
        ("de;q=0.9, fr;q=0.5, de;q=0.1", "de-CH"),
        ("en;q=0, *", "de-CH"),
        ("*", "en"),
        ("ja, *;q=0.1", "en"),
        ("de;q=1.5, fr;q=0.3", "fr-CH"),
        ("de;q=x", "en"),
        ("it; q=0.8 , fr ;q=0.9", "fr-CH"),
        ("fr;q=0.8, it;q=0.8", "fr-CH"),
        ("<script>, ../../etc/passwd, de", "de-CH"),
    ],
)
def test_a_browser_gets_the_language_it_wants_most(accept: str, tag: str) -> None:
    """By RFC 9110 §12.5.4: weights, `*` for what is not named, and 0 for what is not wanted."""
    assert language_for(accept).tag == tag


@pytest.mark.parametrize(
    ("chosen", "tag"),
    [("it-CH", "it-CH"), ("it", "it-CH"), ("en", "en"), ("xx", "fr-CH"), ("", "fr-CH"), ("../de", "fr-CH")],
)
def test_what_a_person_chose_wins_over_what_the_browser_wants(chosen: str, tag: str) -> None:
    assert language_for("fr", chosen).tag == tag


@given(st.text(), st.text())
def test_any_header_gets_one_of_the_languages(accept: str, chosen: str) -> None:
    assert language_for(accept, chosen).tag in LANGUAGES


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("en", "Continue with Google"),
        ("de-CH", "Weiter mit Google"),
        ("fr-CH", "Continuer avec Google"),
        ("it-CH", "Continua con Google"),
    ],
)
def test_the_google_button_says_what_google_wants_it_to_say(tag: str, words: str) -> None:
    scene = next(scene for scene in scenes() if scene.name == "before")
    page = shown(scene, language(tag))
    assert [text for where, text in page.texts if "button" in where and "Google" in text] == [words]


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("en", "1,234,567 · 1 message · 3.2 GB · 10 to 15 minutes · Nov 23, 2026, 1:55\u202fPM UTC"),
        ("de-CH", f"1{CURVED}234{CURVED}567 · 1 Nachricht · 3.2 GB · 10 bis 15 Minuten · 23.11.2026, 13:55 UTC"),
        ("fr-CH", "1\u202f234\u202f567 · 1 message · 3,2 Go · 10 à 15 minutes · 23 nov. 2026, 13:55 UTC"),
        ("it-CH", f"1{CURVED}234{CURVED}567 · 1 messaggio · 3.2 GB · da 10 a 15 minuti · 23 nov 2026, 13:55 UTC"),
    ],
)
def test_numbers_sizes_spans_and_moments_are_told_as_in_switzerland(tag: str, words: str) -> None:
    with speaking(language(tag)):
        told = [number(1_234_567), messages(1), size(3.2e9), duration_range(600, 900), moment(NOW + 86_400, NOW).text]
    assert " · ".join(told) == words


def test_nothing_is_one_message_in_french_alone() -> None:
    assert language("fr").translations.ngettext("{count} message", "{count} messages", 0) == "{count} message"
    with speaking(language("de")):
        assert ngettext("{count} message", "{count} messages", 0) == "{count} Nachrichten"
        assert _("Back") == "Zurück"


def test_german_is_spelled_as_in_switzerland() -> None:
    assert [text for text in translations("de") if set("ß„“”\"'") & set(text)] == []


def test_french_keeps_its_signs_on_the_line_of_their_words() -> None:
    """A narrow no-break space stands before : ; ! ? » and after «, and the apostrophe is curved."""
    for text in translations("fr"):
        assert not re.search(rf"[^{NARROW}][:;!?»]|«[^{NARROW}]|'", re.sub(r"https?:", "", text)), text


@every_language
def test_an_e_mail_is_not_broken_at_its_hyphen(tag: str) -> None:
    """It is written with U+2011, as Google does."""
    assert [text for text in translations(tag) if "e-mail" in text.lower()] == []


def test_italian_has_its_own_signs() -> None:
    assert [text for text in translations("it") if set("“”\"'") & set(text) or re.search(r" [:;!?»]|« ", text)] == []
