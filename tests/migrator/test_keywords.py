import re
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from migrator.keywords import MAX_BYTES, keyword_names

ATOM = re.compile(r"[A-Za-z0-9_./&+-]+")


def keyword(name: str) -> str:
    return keyword_names({"Label_1": name})["Label_1"]


def test_a_name_that_is_a_keyword_already_stays() -> None:
    assert keyword("Work/Projects") == "Work/Projects"
    assert keyword("R&D") == "R&D"


def test_blanks_become_underscores_and_accents_fall_away() -> None:
    assert keyword("Only Parent") == "Only_Parent"
    assert keyword("Préférés/Été") == "Preferes/Ete"


def test_a_name_in_another_script_gets_a_word_and_a_hash() -> None:
    assert re.fullmatch(r"label_[0-9a-f]{8}", keyword("請求書"))
    assert keyword("請求書") != keyword("仕事")


def test_characters_a_server_refuses_are_replaced_and_the_name_hashed() -> None:
    for name in ("a]b", "50% off", 'quo"te', "back\\slash", "(paren) {12}", "a*b"):
        assert ATOM.fullmatch(keyword(name))
        assert re.search(r"_[0-9a-f]{8}$", keyword(name))


def test_a_long_name_fits_the_fifty_bytes_dovecot_takes() -> None:
    assert len(keyword("L" * 225)) <= MAX_BYTES
    assert keyword("L" * 225) != keyword("L" * 224)


def test_a_label_called_junk_does_not_mark_mail_as_junk() -> None:
    for word in ("Junk", "NonJunk", "Forwarded", "MDNSent", "NIL"):
        assert keyword(word).lower() != word.lower()


def test_a_label_never_becomes_a_system_keyword() -> None:
    for word in ("$Important", "$Junk", "$Phishing", "$CategoryPromotions", "$Inbox"):
        assert not keyword(word).startswith("$")


def test_twins_but_for_case_get_two_keywords_and_the_older_label_the_plain_one() -> None:
    words = keyword_names({"Label_10": "projects", "Label_2": "Projects"})
    assert words["Label_2"] == "Projects"
    assert words["Label_10"].startswith("projects_")


def test_a_name_that_needs_no_change_keeps_its_keyword_whoever_came_first() -> None:
    words = keyword_names({"Label_1": "Only Parent", "Label_2": "Only_Parent"})
    assert words["Label_2"] == "Only_Parent"
    assert words["Label_1"].startswith("Only_Parent_")


@given(st.lists(st.text(max_size=60), max_size=12))
def test_keywords_are_valid_short_and_different_whatever_the_names(names: list[str]) -> None:
    words = keyword_names({f"Label_{number}": name for number, name in enumerate(names)})
    assert all(ATOM.fullmatch(word) and len(word) <= MAX_BYTES for word in words.values())
    assert len({word.lower() for word in words.values()}) == len(names)


@given(
    st.dictionaries(st.text("123", min_size=1, max_size=3), st.text("aAä /_$", max_size=4), max_size=8), st.randoms()
)
def test_keywords_do_not_depend_on_the_order_of_the_labels(names: dict[str, str], chance: Random) -> None:
    shuffled = sorted(names.items(), key=lambda _: chance.random())
    assert keyword_names(dict(shuffled)) == keyword_names(names)
