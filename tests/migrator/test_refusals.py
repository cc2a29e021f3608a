"""Whose fault a refusal is: the judgement as a pure function of what was tried, in which order, and of the time."""

from dataclasses import replace

import pytest

from migrator.failures import ALONE_SECONDS, RETRY_AFTER, is_own_fault
from migrator.records import Deferred
from migrator.refusals import BROKEN, FOLDER_WORDS, FULL, UNUSABLE, Refusals, Tried, Verdicts, judged

NOW = 1_750_000_000.0
INBOX, WORK = 0, 1


def accepted(*numbers: int, folder: int = INBOX) -> list[Tried]:
    return [Tried(number, folder) for number in numbers]


def refused(*numbers: int, folder: int = INBOX, word: str = "refused") -> list[Tried]:
    return [Tried(number, folder, word) for number in numbers]


def left(*numbers: int, folder: int = WORK, word: str = "refused") -> list[Tried]:
    return [Tried(number, folder, word, whole=True) for number in numbers]


def tries(verdicts: Verdicts) -> dict[int, int]:
    return {number: held.tries for number, held in verdicts.deferred.items()}


def through(log: list[Tried], hours: float = 12, used: tuple[int, ...] = (INBOX,)) -> tuple[Verdicts, float]:
    """Play the same slice again whenever something is due, until something fails; return that and the hours it took."""
    now, before = NOW, dict[int, Deferred]()
    while now <= NOW + hours * 3600:
        verdicts = judged(log, before, now, used=used)
        if verdicts.failed:
            return verdicts, (now - NOW) / 3600
        before = verdicts.deferred
        now = min((held.due for held in before.values() if held.tries), default=now + 900)
    return verdicts, hours


def test_what_is_refused_while_others_of_its_folder_are_accepted_is_tried_again_after_a_minute() -> None:
    verdicts = judged([*accepted(0), *refused(1), *accepted(2)], {}, NOW)
    assert verdicts.deferred == {1: Deferred("refused", NOW, NOW + 60, 1, INBOX, alone=NOW)}
    assert not verdicts.in_trouble


def test_a_message_at_which_the_connection_broke_is_tried_again_sooner() -> None:
    verdicts = judged([*accepted(0), *refused(1, word=BROKEN), *accepted(2)], {}, NOW)
    assert verdicts.deferred[1].due == NOW + 20


def test_a_message_refused_alone_again_and_again_for_an_hour_is_at_fault() -> None:
    verdicts, hours = through([*accepted(0), *refused(1), *accepted(2)])
    assert verdicts.failed == {1: Tried(1, INBOX, "refused-alone")}
    assert is_own_fault("refused-alone")
    assert hours * 3600 >= ALONE_SECONDS


def test_without_others_accepted_beside_it_a_message_is_never_at_fault() -> None:
    before = judged([*accepted(0), *refused(1), *accepted(2)], {}, NOW).deferred
    now = NOW
    for after in RETRY_AFTER:
        now += after
        verdicts = judged(refused(1), before, now, used=(INBOX,))
        before = verdicts.deferred
    assert verdicts.failed == {1: Tried(1, INBOX, "refused")}
    assert not is_own_fault("refused")
    assert now - NOW == sum(RETRY_AFTER)


@pytest.mark.parametrize("word", ["refused", BROKEN, "server-fault", "protocol-error"])
def test_where_nothing_is_accepted_nothing_is_counted_however_long_it_lasts(word: str) -> None:
    verdicts, _ = through([*accepted(0), *refused(*range(1, 9), word=word)], hours=0)
    assert verdicts.in_trouble
    assert set(tries(verdicts).values()) == {0}
    later = judged(refused(*range(1, 9), word=word), verdicts.deferred, NOW + 40 * 3600, fresh=True)
    assert (later.in_trouble, later.failed, set(tries(later).values())) == (True, {}, {0})


def test_what_is_left_alone_in_an_hour_of_trouble_is_counted_where_others_were_accepted_before() -> None:
    """Else messages without a reason at the end of an import would hold it up until it expires."""
    before = judged([*accepted(0), *refused(1, 2)], {}, NOW).deferred
    assert judged(refused(1, 2), before, NOW + ALONE_SECONDS - 1, used=(INBOX,)).in_trouble
    verdicts = judged(refused(1, 2), before, NOW + ALONE_SECONDS, used=(INBOX,))
    assert (verdicts.in_trouble, tries(verdicts)) == (False, {1: 1, 2: 1})
    assert judged(refused(1, 2), before, NOW + 9 * 3600, used=()).in_trouble, "nothing was ever accepted"


def test_a_folder_is_judged_by_the_others() -> None:
    verdicts = judged([*refused(1, folder=WORK), *left(2, 3), *accepted(4)], {}, NOW)
    assert tries(verdicts) == {1: 1, 2: 1, 3: 1}
    assert not verdicts.in_trouble
    verdicts, hours = through([*left(1, 2), *accepted(4)])
    assert {entry.word for entry in verdicts.failed.values()} == {UNUSABLE}
    assert hours * 3600 == sum(RETRY_AFTER)


@pytest.mark.parametrize("word", sorted(FOLDER_WORDS))
def test_no_reason_against_a_folder_is_a_messages_own_fault(word: str) -> None:
    verdicts, _ = through([*accepted(0), *left(1, word=word)])
    assert verdicts.failed == {1: Tried(1, WORK, word, whole=True)}
    assert not is_own_fault(word)


def test_a_full_mailbox_is_never_counted() -> None:
    log = [*refused(1, word=FULL), *accepted(2), *refused(3, word=FULL)]
    verdicts, _ = through(log, hours=60)
    assert (tries(verdicts), verdicts.failed, verdicts.in_trouble) == ({1: 0, 3: 0}, {}, False)


def test_who_is_tried_early_loses_no_try() -> None:
    before = {1: Deferred("refused", NOW, NOW + 600, 2, INBOX)}
    assert judged(refused(1), before, NOW + 5).deferred == before


def test_trouble_does_not_use_up_the_tries_of_what_was_refused_before() -> None:
    before = {1: Deferred("refused", NOW - 60, NOW, 1, INBOX)}
    verdicts = judged(refused(1, 2, 3), before, NOW, used=(INBOX,))
    assert (verdicts.deferred[1], verdicts.in_trouble) == (before[1], True)


def test_what_is_accepted_in_the_end_was_not_refused() -> None:
    assert judged([*refused(1), *accepted(1)], {}, NOW) == Verdicts()


def test_messages_for_a_folder_left_alone_wait_with_it() -> None:
    standing = Deferred("refused", NOW - 100, NOW + 500, 2, WORK, whole=True)
    slice_ = Refusals({1: standing}, NOW)
    assert slice_.is_closed(WORK)
    slice_.leave(WORK, [5])
    assert slice_.verdicts(NOW, fresh=False).deferred == {5: standing}
    assert not Refusals({1: replace(standing, due=NOW)}, NOW).is_closed(WORK)


# --- what follows for the rest of a slice -----------------------------------------------------------------------------


def test_a_folder_is_left_alone_after_sixteen_refusals_in_growing_probes() -> None:
    wary = Refusals({}, NOW, wary=True)
    sent, number = [], 0
    while not wary.is_closed(INBOX):
        sent.append(wary.probe(INBOX) or 50)
        for _ in range(sent[-1]):
            number += 1
            wary.refused(INBOX, number, "refused")
    assert (sent, wary.hopeless) == ([1, 3], True)
    slice_ = Refusals({}, NOW)
    assert slice_.probe(INBOX) is None
    for number in range(16):
        assert not slice_.is_closed(INBOX)
        slice_.refused(INBOX, number, "refused")
    assert slice_.is_closed(INBOX)


def test_three_broken_connections_are_enough() -> None:
    slice_ = Refusals({}, NOW)
    for number in range(3):
        assert not slice_.is_closed(INBOX)
        slice_.refused(INBOX, number, BROKEN)
    assert slice_.is_closed(INBOX)


def test_what_fits_into_a_full_mailbox_is_still_tried() -> None:
    slice_ = Refusals({}, NOW)
    for number in range(40):
        slice_.refused(INBOX, number, FULL)
    assert not slice_.is_closed(INBOX)


def test_reading_on_is_in_vain_when_nothing_is_accepted_and_an_acceptance_changes_that() -> None:
    slice_ = Refusals({}, NOW)
    slice_.shut(WORK, range(70), "refused")
    assert slice_.hopeless
    slice_.accepted(INBOX, [99])
    assert not slice_.hopeless


def test_who_resumes_early_has_everything_tried_if_there_is_nothing_else_to_try() -> None:
    held = {1: Deferred("refused", NOW, NOW + 600, 2, WORK, whole=True)}
    assert Refusals(held, NOW, fresh=False).is_due(1)
    assert not Refusals(held, NOW, fresh=False).is_closed(WORK)
    assert not Refusals(held, NOW, fresh=True).is_due(1)
    assert not Refusals({**held, 2: replace(held[1], due=NOW)}, NOW, fresh=False).is_due(1)
