from hypothesis import given
from hypothesis import strategies as st
from imapclient import imap_utf7

from migrator.foldernames import (
    MAX_NAME,
    MIN_LEVEL,
    encoded_length,
    safe_level,
    shortened,
    spellings,
    stricter,
    twin_key,
)

CYRUS_REFUSES = set('{}<>!;=,"\\%')
unicode_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


@given(unicode_text)
def test_the_encoded_length_is_that_of_modified_utf7_or_utf8(name: str) -> None:
    assert encoded_length(name) == max(len(imap_utf7.encode(name)), len(name.encode()))


def test_an_ampersand_takes_two_bytes_and_an_emoji_eight() -> None:
    assert encoded_length("R&D") == 4
    assert encoded_length("🎉") == 8


def test_names_that_differ_by_case_form_or_invisible_characters_are_twins() -> None:
    for twin in ("CAFÉ", "Cafe\u0301", " café ", "ca\u200bfé"):
        assert twin_key(twin) == twin_key("Café")
    assert twin_key("Straße") == twin_key("STRASSE")
    assert twin_key("Cafe") != twin_key("Café")


def test_awkward_but_possible_names_stay_as_they_are() -> None:
    for name in (
        "back\\slash",
        'quo"te',
        "it's",
        "a^b",
        "50% off * sale",
        "R&D",
        " two  spaces ",
        "🎉 Party",
        "#1",
        "NIL",
    ):
        assert safe_level(name, "/") == name


def test_the_delimiter_inside_a_level_is_replaced() -> None:
    assert safe_level("A.B.C", ".") == "A_B_C"
    assert safe_level("A.B.C", "/") == "A.B.C"
    assert safe_level(".hidden", ".") == "_hidden"
    assert safe_level("a_b", "_") == "a-b"


def test_control_characters_line_separators_and_lone_surrogates_are_replaced() -> None:
    assert safe_level("a\tb\r\n\0c\x7f\x85\u2028\ud800\ufffe", "/") == "a_b___c_____"


def test_empty_blank_and_invisible_levels_become_a_mark() -> None:
    for level in ("", " ", "\u00a0", "\u200b"):
        assert safe_level(level, "/") == "_"


def test_names_a_mail_store_keeps_for_itself_get_a_mark_in_front() -> None:
    for name in (
        "new",
        "cur",
        "tmp",
        "dovecot.index.cache",
        "dovecot-uidlist",
        "dbox-Mails",
        "subscriptions",
        "..",
        "~me",
    ):
        assert safe_level(name, "/") == "_" + name
    assert safe_level("New", "/") == "New"


def test_the_safe_name_is_in_normal_form_c() -> None:
    assert safe_level("Cafe\u0301", "/") == "Café"


@given(unicode_text, st.sampled_from("./^\\_"))
def test_a_safe_level_is_safe_already(level: str, delimiter: str) -> None:
    once = safe_level(level, delimiter)
    assert delimiter not in once
    assert safe_level(once, delimiter) == once
    assert once.strip()


@given(unicode_text, st.integers(MIN_LEVEL, 260), st.sampled_from(["", " (label)", " (label 9999)"]))
def test_a_shortened_level_fits_its_room_and_keeps_its_suffix(level: str, room: int, suffix: str) -> None:
    short = shortened(level, suffix, room, "source")
    assert encoded_length(short) <= room
    assert short.endswith(suffix)


def test_a_shortened_level_tells_two_sources_apart_and_does_not_cut_a_joined_emoji_open() -> None:
    family = "👨\u200d👩\u200d👧" * 20
    for room in range(MIN_LEVEL, 120):
        assert shortened(family, "", room, "one") != shortened(family, "", room, "two")
        assert "\u200d-" not in shortened(family, "", room, "one")


def test_the_second_spelling_has_nothing_that_cyrus_or_courier_refuse() -> None:
    for name in ('a"b', "a\\b", "50% off", "(x) {12}", "<a>!", "a,b;c=d", "🎉 Party"):
        again = stricter(f"INBOX.{name}", ".", "INBOX.")
        assert again.startswith("INBOX.")
        assert not CYRUS_REFUSES & set(again)
        assert max(again) <= "\uffff"


def test_the_second_spelling_keeps_different_names_apart() -> None:
    assert len({stricter(name, "/") for name in ("a!b", "a?b", "a_b", "a;b")}) == 4


def test_the_second_spelling_of_a_child_lies_below_that_of_its_parent() -> None:
    assert stricter("a!b/c", "/") == stricter("a!b", "/") + "/c"


def test_a_name_without_a_second_spelling_comes_back_as_it_was() -> None:
    assert stricter("INBOX.Überfällig_2-3.日本語", ".", "INBOX.") == "INBOX.Überfällig_2-3.日本語"
    assert stricter("flat name", "") == "flat name"


@given(
    st.lists(st.text('a!"🎉', min_size=1, max_size=9) | st.just("L!" * 115), min_size=1, max_size=40),
    st.sampled_from(["", "INBOX."]),
)
def test_the_second_spelling_is_never_too_long(levels: list[str], prefix: str) -> None:
    assert encoded_length(stricter(prefix + ".".join(levels), ".", prefix)) <= MAX_NAME


def test_the_last_spelling_is_ascii_and_stays_apart_from_others() -> None:
    for name in ("Büro", "日本語/仕事", "Ω/a{5}", "🎉"):
        assert spellings(name, "/", "", "label")[-1].isascii()
    lasts = {spellings(name, "/", "", "label")[-1] for name in ("Büro", "Bûro", "Buro!", "日本", "仕事")}
    assert len(lasts) == 5
    assert all(len(last) <= MAX_NAME for last in spellings("日本語" * 70, ".", "INBOX.", "label"))
