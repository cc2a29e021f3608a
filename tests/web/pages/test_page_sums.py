"""Numbers that add up, and choices that come back as they were made."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markup import parsed
from scenes import EVERYDAY, HOST, HOSTILE, ID, looked, report

from jobs.kept import Until
from jobs.migration import State
from jobs.retention import KEPT
from migrator.labels import Choices
from migrator.outcome import Mark
from migrator.period import day_of
from web.rendering import render
from web.views.choices import ChoiceRefused, choices_of
from web.views.choose import Looked, choose
from web.views.keeping import keeping
from web.views.outcomes import folders_of, sum_of
from web.views.periods import day_words

TODAY = datetime.now(UTC).date()
OUTCOMES = [mark.words for mark in Mark if not mark.is_open]
IDS = [f"Label_{place}" for place in range(len(EVERYDAY))]

chosen = st.builds(
    Choices,
    policy=st.sampled_from(["one-copy", "copy-per-label"]),
    spam=st.booleans(),
    trash=st.booleans(),
    categories=st.sampled_from(["keyword", "none"]),
    skip_labels=st.frozensets(st.sampled_from(["INBOX", "SENT", "DRAFT", "ARCHIVE", *IDS])),
    renames=st.dictionaries(st.sampled_from(IDS), st.sampled_from([*HOSTILE[:5], "Bills and more", "a/b"]), max_size=3),
    since=st.sampled_from(["", day_of("1y", TODAY), day_of("5y", TODAY), "2021-03-01", "1999-12-31", "2026-01-02"]),
)


def counted(words: str) -> int:
    return int(words.partition(" ")[0].replace(",", ""))


def sent(view: object) -> list[tuple[str, str]]:
    """What a browser sends of the form as it is rendered."""
    page = parsed(render("choose.html", view))
    ticks = ("checkbox", "radio")
    fields = [
        (field.attributes["name"], field.attributes.get("value", "on"))
        for field in page.all("input")
        if field.attributes.get("type") not in ticks or "checked" in field.attributes
    ]
    picked = [option.attributes["value"] for option in page.all("option") if "selected" in option.attributes]
    return [*fields, *zip([select.attributes["name"] for select in page.all("select")], picked, strict=True)]


@given(st.dictionaries(st.sampled_from(OUTCOMES), st.integers(0, 10**7)), st.integers(0, 10**7))
def test_in_gmail_is_the_sum_of_every_row(outcomes: dict[str, int], left: int) -> None:
    told = sum_of(report(outcomes=outcomes, left=left))
    assert sum(counted(row.count) for row in told.rows) == counted(told.total) == sum(outcomes.values()) + left


def test_numbers_that_do_not_add_up_are_never_shown() -> None:
    with pytest.raises(ValueError, match="add up"):
        sum_of(replace(report(), total=1))


def test_every_outcome_has_words_and_a_kind() -> None:
    rows = sum_of(report(outcomes=dict.fromkeys(OUTCOMES, 1))).rows
    assert [row.kind for row in rows] == ["copied"] * 2 + ["there"] * 2 + ["skipped"] * 6 + ["failed"] * 5
    assert len({row.words for row in rows}) == len(OUTCOMES)


def test_what_was_never_reached_is_not_called_still_to_come() -> None:
    assert sum_of(report(State.CANCELLED, left=3)).rows[-1].words == "not reached before the end"
    assert sum_of(report(State.COPYING, left=3)).rows[-1].words == "still to come"


def test_the_inbox_stands_first_among_the_folders() -> None:
    rows = folders_of({"archive": 2, "Zoo": 1_000, "INBOX": 3})
    assert [(row.name.text, row.count) for row in rows] == [("INBOX", "3"), ("archive", "2"), ("Zoo", "1,000")]


@settings(deadline=None)
@given(chosen)
def test_the_form_gives_back_what_it_shows(choices: Choices) -> None:
    seen = looked(EVERYDAY, Choices())
    assert choices_of(sent(choose(HOST, ID, seen, choices, Choices())), seen.labels, Choices()) == choices


def test_a_label_that_came_later_is_not_left_out() -> None:
    shown, later = looked(EVERYDAY[:3], Choices()), looked(EVERYDAY, Choices())
    fields = sent(choose(HOST, ID, shown, Choices(), Choices()))
    assert choices_of(fields, shown.labels, Choices()).skip_labels == frozenset()
    assert len(later.labels) > len(shown.labels)


@pytest.mark.parametrize(
    "field",
    [("policy", "three-copies"), ("policy", ""), ("categories", "all"), ("name-Label_0", "x" * 226), ("period", "2y")],
)
def test_a_form_that_is_not_ours_is_refused(field: tuple[str, str]) -> None:
    seen = looked(EVERYDAY, Choices())
    fields = [*sent(choose(HOST, ID, seen, Choices(), Choices())), field]
    with pytest.raises(ChoiceRefused):
        choices_of(fields, seen.labels, Choices())


@pytest.mark.parametrize("day", ["yesterday", "1989-12-31", "2999-01-01", "2021-02-30", "20210301T00"])
def test_a_day_nobody_can_mean_is_refused(day: str) -> None:
    seen = looked(EVERYDAY, Choices())
    fields = [*sent(choose(HOST, ID, seen, Choices(), Choices())), ("period", "day"), ("since", day)]
    with pytest.raises(ChoiceRefused):
        choices_of(fields, seen.labels, Choices())


@pytest.mark.parametrize(
    ("period", "since", "first_day"),
    [
        ("all", "2021-03-01", ""),
        ("3y", "2021-03-01", "three years ago"),
        ("day", "2021-03-01", "2021-03-01"),
        ("day", "", ""),
    ],
)
def test_a_period_begins_on_a_day(period: str, since: str, first_day: str) -> None:
    seen = looked(EVERYDAY, Choices())
    fields = [*sent(choose(HOST, ID, seen, Choices(), Choices())), ("period", period), ("since", since)]
    before = datetime.now(UTC).date()
    chosen = choices_of(fields, seen.labels, Choices()).since
    after = datetime.now(UTC).date()
    ago = {day_of(period, today) for today in (before, after)} if first_day == "three years ago" else {first_day}
    assert chosen in ago


def test_a_form_that_asks_for_no_period_changes_none() -> None:
    before = Choices(since="2021-03-01")
    seen = looked(EVERYDAY, before)
    fields = [field for field in sent(choose(HOST, ID, seen, before, before)) if field[0] != "period"]
    assert choices_of(fields, seen.labels, before) == before


@pytest.mark.parametrize(("since", "about"), [("", False), ("2021-11-22", False), ("2021-03-01", True)])
def test_what_is_not_known_exactly_is_said_to_be_about_so_much(since: str, *, about: bool) -> None:
    choices = Choices(since=since)
    view = choose(HOST, ID, looked(EVERYDAY, choices), choices, Choices())
    assert view.together.startswith("about ") is about
    assert [words for words in view.left_out if "older than" in words] == [
        words for words in view.left_out if since and words.endswith(f"left out: older than {day_words(since)}")
    ]


@settings(deadline=None)
@given(chosen)
def test_the_counts_beside_the_ticks_are_the_messages_to_be_copied(choices: Choices) -> None:
    choices = replace(choices, spam=False, trash=False, renames={})
    seen = looked(EVERYDAY, choices)
    view = choose(HOST, ID, seen, choices, Choices())
    effect = seen.effect
    copies = effect.one_copy_messages if choices.policy == "one-copy" else effect.copy_per_label_messages
    assert sum(counted(row.count) for row in (*view.places, *view.tree) if row.ticked) == copies


def test_the_storage_of_both_policies_is_told_before_the_choice() -> None:
    seen = looked(EVERYDAY, Choices())
    one, several = choose(HOST, ID, seen, Choices(), Choices()).policies
    assert (one.chosen, several.chosen) == (True, False)
    assert counted(one.storage) == seen.effect.one_copy_messages < counted(several.storage)
    assert one.fits == "fits into your 5 GB of free space"
    tight: Looked = replace(seen, free=2_500_000_000)
    assert choose(HOST, ID, tight, Choices(), Choices()).policies[1].fits == "more than your 2.5 GB of free space"


def test_a_nested_label_stands_below_its_parent_and_names_what_is_missing_above() -> None:
    tree = choose(HOST, ID, looked(EVERYDAY, Choices()), Choices(), Choices()).tree
    rows = {row.path: (row.depth, row.name.text) for row in tree}
    assert rows["Work/Contracts/Signed"] == (2, "Signed")
    assert rows["Holidays/Norway"] == (0, "Holidays/Norway")


def test_what_is_kept_is_told_from_the_one_table() -> None:
    told = keeping()
    rows = [row for row in KEPT if row.is_of_migration]
    assert {row.holds for row in rows} <= {line.what for line in told.lines}
    sealed = next(line for line in told.lines if line.what.startswith("grant, mailbox credentials and both addresses"))
    assert sealed.until == "until the import ends"
    assert "24 hours" in told.counts
    assert "72 hours" in told.unfinished
    assert all(row.until in {Until.END, Until.DAY_AFTER} for row in rows)
