from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.labels import Choices, Label, Placement, Skip, catalogue_of, empty_and_hidden, place

WORK = Label("Label_1", "Work", "user")
PROJECTS = Label("Label_2", "Work/Projects", "user")
FAMILY = Label("Label_3", "Family", "user")
ARCHIVED = Label("Label_4", "Tool/Seen/By/Nobody", "user", hidden=True)
CATALOGUE = catalogue_of([WORK, PROJECTS, FAMILY, ARCHIVED, Label("INBOX", "INBOX", "system")])
SUPERSTARS = [
    *("YELLOW_STAR", "ORANGE_STAR", "RED_STAR", "PURPLE_STAR", "BLUE_STAR", "GREEN_STAR", "RED_BANG"),
    *("ORANGE_GUILLEMET", "YELLOW_BANG", "GREEN_CHECK", "BLUE_INFO", "PURPLE_QUESTION"),
]
EVERYTHING = Choices(spam=True, trash=True)
PER_LABEL = replace(EVERYTHING, policy="copy-per-label")
STATES = ["UNREAD", "STARRED", "IMPORTANT", "BLUE_STAR", "CATEGORY_SOCIAL", "CHAT"]
PLACES = ["INBOX", "SENT", "DRAFT", "SPAM", "TRASH", "Label_1", "Label_2", "Label_3", "Label_4", "Label_99"]
label_sets = st.frozensets(st.sampled_from([*STATES, *PLACES]))


def placed(*label_ids: str, choices: Choices = EVERYTHING) -> Placement:
    placement = place(frozenset(label_ids), CATALOGUE, choices)
    assert isinstance(placement, Placement)
    return placement


def skipped(*label_ids: str, choices: Choices) -> str:
    placement = place(frozenset(label_ids), CATALOGUE, choices)
    assert isinstance(placement, Skip)
    return placement.reason


def test_inbox_mail_without_a_label_of_the_customer_goes_to_inbox() -> None:
    assert placed("INBOX").folders == ("INBOX",)
    assert placed("INBOX").keywords == ()


def test_the_customers_own_label_beats_inbox_and_inbox_is_kept_as_a_keyword() -> None:
    assert placed("INBOX", "Label_1") == Placement(("Label_1",), (r"\Seen",), ("$Inbox",))


def test_sent_mail_goes_to_the_sent_folder_unless_a_label_claims_it() -> None:
    assert placed("SENT").folders == ("SENT",)
    assert placed("SENT", "Label_3") == Placement(("Label_3",), (r"\Seen",), ("$Sent",))


def test_with_sent_first_sent_mail_stays_in_the_sent_folder_and_the_label_is_a_keyword() -> None:
    placement = placed("SENT", "Label_3", choices=replace(EVERYTHING, sent_first=True))
    assert placement == Placement(("SENT",), (r"\Seen",), ("Family",))


def test_mail_to_oneself_goes_to_sent_and_keeps_inbox_as_a_keyword() -> None:
    assert placed("SENT", "INBOX") == Placement(("SENT",), (r"\Seen",), ("$Inbox",))


def test_a_draft_goes_to_drafts_with_its_flag() -> None:
    assert placed("DRAFT") == Placement(("DRAFT",), (r"\Seen", r"\Draft"), ())
    assert placed("DRAFT", "Label_1").keywords == ("Work",)


@pytest.mark.parametrize(("label_id", "reason"), [("SPAM", "spam"), ("TRASH", "trash")])
def test_spam_and_trash_are_left_out_unless_ticked(label_id: str, reason: str) -> None:
    assert skipped(label_id, "INBOX", "Label_1", choices=Choices()) == reason
    assert placed(label_id, "Label_1").folders == (label_id,)


def test_trash_beats_spam_and_drafts_and_what_else_the_mail_was_stays_on_it() -> None:
    assert placed("TRASH", "SPAM", "DRAFT", "SENT", "Label_1") == Placement(
        ("TRASH",), (r"\Seen", r"\Draft"), ("$Sent", "$Junk", "Work")
    )


def test_deleted_spam_is_left_out_as_trash_even_where_spam_is_ticked() -> None:
    assert skipped("TRASH", "SPAM", choices=Choices(spam=True)) == "trash"


def test_a_star_is_the_flagged_flag() -> None:
    assert r"\Flagged" in placed("STARRED", "INBOX").flags


@pytest.mark.parametrize("star", SUPERSTARS)
def test_every_superstar_is_the_flagged_flag_and_no_ghost(star: str) -> None:
    assert placed(star, "INBOX") == Placement(("INBOX",), (r"\Seen", r"\Flagged"), ())


def test_important_is_a_keyword_and_never_a_flag() -> None:
    assert placed("IMPORTANT", "INBOX") == Placement(("INBOX",), (r"\Seen",), ("$Important",))


def test_mail_without_unread_is_seen_also_when_no_label_is_left() -> None:
    assert placed() == Placement(("ARCHIVE",), (r"\Seen",), ())
    assert placed("UNREAD") == Placement(("ARCHIVE",), (), ())


def test_a_category_is_a_keyword() -> None:
    assert placed("INBOX", "CATEGORY_PROMOTIONS").keywords == ("$CategoryPromotions",)


def test_several_categories_come_in_a_fixed_order() -> None:
    ids = ["CATEGORY_UPDATES", "CATEGORY_SOCIAL", "CATEGORY_PROMOTIONS", "CATEGORY_FORUMS", "CATEGORY_PERSONAL"]
    words = ["$CategoryForums", "$CategoryPersonal", "$CategoryPromotions", "$CategorySocial", "$CategoryUpdates"]
    assert list(placed(*ids).keywords) == words


def test_a_category_is_nothing_where_the_customer_wants_none() -> None:
    assert placed("INBOX", "CATEGORY_PROMOTIONS", choices=Choices(categories="none")).keywords == ()


def test_a_category_alone_does_not_keep_mail_out_of_the_archive() -> None:
    assert placed("CATEGORY_UPDATES", "UNREAD").folders == ("ARCHIVE",)


@pytest.mark.parametrize("choices", [Choices(), EVERYTHING, PER_LABEL])
def test_a_chat_is_not_mail(choices: Choices) -> None:
    assert skipped("CHAT", "INBOX", choices=choices) == "chat"


def test_an_account_of_archived_mail_is_copied_to_the_archive() -> None:
    assert placed("IMPORTANT", "CATEGORY_PERSONAL").folders == ("ARCHIVE",)


def test_of_several_labels_the_deepest_is_the_folder_and_the_others_are_keywords() -> None:
    assert placed("Label_1", "Label_2", "Label_3") == Placement(("Label_2",), (r"\Seen",), ("Family", "Work"))


def test_among_equally_deep_labels_the_first_of_the_alphabet_is_the_folder() -> None:
    assert placed("Label_1", "Label_3").folders == ("Label_3",)


def test_a_label_shown_at_gmail_beats_a_hidden_one() -> None:
    assert placed("Label_1", "Label_4").folders == ("Label_1",)


def test_a_ghost_label_chooses_no_folder_and_is_counted() -> None:
    assert placed("Label_99", "Label_98", "INBOX") == Placement(("INBOX",), (r"\Seen",), (), ghosts=2)
    assert placed("Label_99").folders == ("ARCHIVE",)


def test_copy_per_label_puts_a_copy_in_every_place_and_needs_no_keyword_for_them() -> None:
    placement = placed("Label_1", "Label_2", "SENT", "INBOX", "IMPORTANT", choices=PER_LABEL)
    assert placement == Placement(("Label_2", "Label_1", "SENT", "INBOX"), (r"\Seen",), ("$Important",))


def test_copy_per_label_uses_the_archive_only_for_mail_without_a_place() -> None:
    assert placed("STARRED", choices=PER_LABEL).folders == ("ARCHIVE",)


@pytest.mark.parametrize("alone", ["TRASH", "SPAM", "DRAFT"])
def test_copy_per_label_leaves_trash_spam_and_drafts_in_one_folder_with_keywords(alone: str) -> None:
    placement = placed(alone, "Label_1", "Label_3", choices=PER_LABEL)
    assert (placement.folders, placement.keywords) == ((alone,), ("Family", "Work"))


def test_mail_that_has_only_labels_not_chosen_is_left_out() -> None:
    assert skipped("Label_1", choices=Choices(skip_labels=frozenset({"Label_1"}))) == "label-not-chosen"
    assert skipped(choices=Choices(skip_labels=frozenset({"ARCHIVE"}))) == "label-not-chosen"


def test_mail_that_has_another_label_goes_there_without_a_keyword_for_the_one_not_chosen() -> None:
    placement = placed("Label_1", "INBOX", choices=Choices(skip_labels=frozenset({"Label_1"})))
    assert placement == Placement(("INBOX",), (r"\Seen",), ())


def test_hidden_labels_are_unticked_at_first_only_when_empty() -> None:
    labels = [WORK, ARCHIVED, replace(ARCHIVED, id="Label_5"), Label("CHAT", "CHAT", "system", hidden=True)]
    assert empty_and_hidden(labels, {"Label_4": 3}) == {"Label_5"}


@given(label_sets, st.permutations([WORK, PROJECTS, FAMILY, ARCHIVED]))
def test_the_order_of_labels_changes_nothing(label_ids: frozenset[str], labels: list[Label]) -> None:
    for choices in (Choices(), EVERYTHING, PER_LABEL):
        assert place(label_ids, catalogue_of(labels), choices) == place(label_ids, CATALOGUE, choices)


@given(label_sets, st.booleans())
def test_no_label_is_lost_it_is_a_folder_a_flag_a_keyword_or_a_ghost(label_ids: frozenset[str], first: bool) -> None:  # noqa: FBT001
    for policy in (EVERYTHING, PER_LABEL):
        placement = place(label_ids, CATALOGUE, replace(policy, sent_first=first))
        if isinstance(placement, Skip):
            assert placement == Skip("chat")
            continue
        stars, states = {"STARRED", "BLUE_STAR"} & label_ids, {"UNREAD", "DRAFT"} & label_ids
        assert (r"\Flagged" in placement.flags) == bool(stars)
        assert (r"\Draft" in placement.flags) == ("DRAFT" in label_ids)
        assert (r"\Seen" in placement.flags) != ("UNREAD" in label_ids)
        homes = set(placement.folders) & label_ids
        rest = label_ids - stars - states - homes
        assert len(rest) == len(placement.keywords) + placement.ghosts


@given(label_sets)
def test_both_policies_agree_on_the_first_folder_and_on_what_is_skipped(label_ids: frozenset[str]) -> None:
    one, many = place(label_ids, CATALOGUE, EVERYTHING), place(label_ids, CATALOGUE, PER_LABEL)
    if isinstance(one, Placement) and isinstance(many, Placement):
        assert one.folders == many.folders[:1]
        assert one.flags == many.flags
    else:
        assert one == many
