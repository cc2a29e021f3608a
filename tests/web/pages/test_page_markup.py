"""Every page in every state: what must be in it, and what must never be."""

import json
import re
from collections import Counter
from gettext import NullTranslations
from itertools import pairwise
from operator import attrgetter

import pytest
from markup import Page, parsed
from on_every import on_every
from scenes import EVERYDAY, GIVEN_IN_WORDS, HOSTILE, ID, Scene, scenes

from web.rendering import STATIC, render, static
from web.views.language import Language, speaking
from web.views.wording import visible

WHOLE = [scene for scene in scenes() if scene.template != "standing.html"]
TAGS = frozenset(
    re.findall(
        r"\w+",
        """a bdi body button caption code dd details div dl dt fieldset footer form h1 h2 h3 head header html img input
    label legend li link main meta noscript ol option p progress script section select span strong summary table tbody
    td tfoot th thead time title tr ul""",
    )
)
every_scene = on_every(scenes(), attrgetter("name"))
every_page = on_every(WHOLE, attrgetter("name"))


class Pseudo(NullTranslations):
    """A language in which every translated text stands in brackets."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"


def shown(scene: Scene) -> str:
    return render(scene.template, scene.make())


def page_of(scene: Scene) -> Page:
    return parsed(shown(scene))


@every_page
def test_a_page_has_a_language_a_title_one_main_part_and_one_first_heading(scene: Scene) -> None:
    page = page_of(scene)
    assert [element.attributes["lang"] for element in page.all("html")] == ["en"]
    assert [len(page.all(tag)) for tag in ("title", "main", "h1")] == [1, 1, 1]
    assert "".join(page.text_in("title")).endswith(" · Example Mail")
    assert "".join(page.text_in("h1"))


@every_page
def test_headings_leave_out_no_level(scene: Scene) -> None:
    levels = [int(heading.tag[1]) for heading in page_of(scene).all("h1", "h2", "h3")]
    assert levels[0] == 1
    assert all(lower - upper <= 1 for upper, lower in pairwise(levels))


@every_scene
def test_nothing_on_a_page_needs_more_than_the_strict_policy_allows(scene: Scene) -> None:
    page = page_of(scene)
    assert {element.tag for element in page.elements} <= TAGS
    assert page.text_in("script") == []
    for element in page.elements:
        names = set(element.attributes)
        assert not {name for name in names if name.startswith(("on", "hx-on"))} | (
            names & {"style", "srcdoc", "formaction"}
        )
        assert not element.attributes.get("href", "").lower().startswith(("javascript:", "data:"))
    for loaded in page.all("script", "img", "link"):
        assert (loaded.attributes.get("src") or loaded.attributes["href"]).startswith("/static/")


@every_scene
def test_links_that_lead_away_are_https_and_say_so_and_tell_nothing_of_us(scene: Scene) -> None:
    for link in page_of(scene).all("a"):
        place = link.attributes["href"]
        assert place.startswith(("https://", "/", "#"))
        assert place.startswith("https://") == (link.attributes.get("rel") == "noopener noreferrer")


@every_scene
def test_every_field_has_one_label_and_an_id_of_its_own(scene: Scene) -> None:
    page = page_of(scene)
    labels = Counter(label.attributes["for"] for label in page.all("label"))
    fields = [one for one in page.all("input", "progress", "select") if one.attributes.get("type") != "hidden"]
    assert labels == Counter(field.attributes["id"] for field in fields)
    assert set(labels.values()) <= {1}
    ids = Counter(element.attributes["id"] for element in page.elements if "id" in element.attributes)
    assert set(ids.values()) <= {1}
    assert all(field.attributes["name"] for field in page.all("input", "select"))


@every_scene
def test_what_changes_something_is_a_form_sent_by_post_to_us(scene: Scene) -> None:
    page = page_of(scene)
    for form in page.all("form"):
        assert form.attributes["method"] == "post"
        assert re.fullmatch(r"/consent|/signin|/imports/[0-9a-f]{32}/[a-z/-]+", form.attributes["action"])
    assert all("form" in button.inside for button in page.all("button"))


@pytest.mark.parametrize(
    "scene", [s for s in scenes() if re.match("(choose|done|run-copying)-hostile$|part", s.name)], ids=lambda s: s.name
)
def test_hostile_names_stand_there_as_text_with_what_is_invisible_made_visible(scene: Scene) -> None:
    page = page_of(scene)
    texts = {text for _, text in page.texts}
    for name in HOSTILE:
        assert " ".join(visible(name).split()) in texts
    hidden = "\u202e\u202c\u2066\u2069\u200b\ufeff\u00ad\x00\x07\x1b"
    assert not set(hidden) & set(shown(scene))


@every_scene
def test_names_are_set_apart_from_the_words_around_them(scene: Scene) -> None:
    """In `bdi`; or, where only a screen reader meets them, alone in an element."""
    names = {" ".join(visible(name).split()) for name in HOSTILE} - GIVEN_IN_WORDS
    bare = [where for where, text in page_of(scene).texts if text in names and "bdi" not in where]
    assert {where[-1] for where in bare} <= {"span"}


@every_page
def test_no_text_is_left_untranslated(scene: Scene) -> None:
    with speaking(Language("en", Pseudo())):
        page = page_of(scene)
    names = {" ".join(visible(name).split()) for name in (*HOSTILE, *EVERYDAY)}
    for where, text in page.texts:
        is_data = bool({"bdi", "time", "code"} & set(where)) or text in names | GIVEN_IN_WORDS
        assert is_data or set("⟦⟧") & set(text) or not re.search("[a-z]{2}", text), text


@every_page
def test_no_word_says_that_mail_is_taken_out_of_gmail_once(scene: Scene) -> None:
    assert "export" not in shown(scene).lower()


def test_the_limited_use_sentence_stands_before_google() -> None:
    sentence = (
        "Example Mail's use of information received from Google APIs will adhere to the Google API Services User Data "
        "Policy, including the Limited Use requirements."
    )
    page = page_of(next(scene for scene in scenes() if scene.name == "before"))
    assert any(sentence in text for _, text in page.texts)


def test_the_google_button_is_as_google_wants_it() -> None:
    style, logo = (STATIC / "style.css").read_text(), (STATIC / "google-g.svg").read_text()
    light = style.partition("@media")[0]
    assert "--google-fill: #ffffff; --google-edge: #747775; --google-ink: #1f1f1f;" in light
    assert re.findall('fill="(#[0-9A-F]{6})"', logo) == ["#EA4335", "#4285F4", "#FBBC05", "#34A853"]


@pytest.mark.parametrize(
    ("name", "place"), [("run-copying", "standing?key=copying.copying.."), ("check-counting", "check")]
)
def test_what_changes_by_itself_is_shown_anew_with_scripts_and_without(name: str, place: str) -> None:
    page = page_of(next(scene for scene in scenes() if scene.name == name))
    refresh = [meta for meta in page.all("meta") if meta.attributes.get("http-equiv") == "refresh"]
    assert [meta.inside[-1] for meta in refresh] == ["noscript"]
    assert [e.attributes["hx-get"] for e in page.elements if "hx-get" in e.attributes] == [f"/imports/{ID}/{place}"]
    config = next(
        meta.attributes["content"] for meta in page.all("meta") if meta.attributes.get("name") == "htmx-config"
    )
    assert json.loads(config) | {"allowEval": False, "includeIndicatorStyles": False} == json.loads(config)


def test_static_files_are_named_by_what_is_in_them() -> None:
    assert re.fullmatch(r"/static/style\.css\?v=[0-9a-f]{12}", static("style.css"))
    assert static("style.css") != static("times.js").replace("times.js", "style.css")


def _brightness(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    bright, dark = sorted((_brightness(one), _brightness(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_have_the_contrast_that_readers_need(scheme: str) -> None:
    """WCAG 2.2: 1.4.3 for text (4.5), 1.4.11 for the edges of fields and buttons (3)."""
    style = (STATIC / "style.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[:2]
    colour = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", light if scheme == "light" else dark))
    for ground in ("sheet", "tint", "good-tint", "warn-tint", "bad-tint", "ground"):
        for ink in ("ink", "soft", "accent"):
            assert _contrast(colour[ink], colour[ground]) >= 4.5, (ink, ground)
    for ink in ("good", "warn", "bad"):
        assert _contrast(colour[ink], colour["sheet"]) >= 4.5, ink
    assert _contrast(colour["on-accent"], colour["accent"]) >= 4.5
    assert _contrast(colour["google-ink"], colour["google-fill"]) >= 4.5
    for ground in ("sheet", "ground", "tint"):
        assert _contrast(colour["edge"], colour[ground]) >= 3, ground
