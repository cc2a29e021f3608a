import json
import struct
from dataclasses import asdict

from engine import new_ledger
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from migrator.ledger import Command, Ledger
from migrator.message import NO_IDENTITY
from migrator.outcome import Mark
from migrator.records import Expected, FolderState, Intent, Partial, Placed

numbers32 = st.integers(0, 2**32 - 1)
hashes = st.binary(min_size=16, max_size=16)
short = st.binary(min_size=8, max_size=8)
expecteds = st.builds(
    Expected,
    numbers32,
    numbers32,
    st.integers(0, 99),
    hashes.map(bytes.hex),
    *[short.map(bytes.hex)] * 3,
)
STATE = FolderState("Arçhive.Été \N{OPEN MAILBOX WITH RAISED FLAG}", 17, 5, 9, ((6, 7),))
EXPECTED = Expected(3, 100, 2, "ab" * 16, "cd" * 8)


def placed(number: int, uid: int = 1, size: int = 10) -> Placed:
    return Placed(number, uid, size, b"d" * 16, b"l" * 8)


def planned(ledger: Ledger, messages: int) -> None:
    ledger.write(*ledger.plan(range(1, messages + 1), [Mark.PENDING] * messages))


def every_kind(ledger: Ledger) -> list[Command]:
    return [
        *ledger.plan([1, 2], [Mark.PENDING, Mark.PENDING_LARGE]),
        *ledger.add_to_plan([3], [Mark.PENDING]),
        ledger.mark(0, Mark.COPIED),
        *ledger.fail(1, Mark.FAILED_REFUSED, "too-large"),
        ledger.folder(0, STATE),
        *ledger.place(0, [placed(0)]),
        ledger.partial(2, Partial(EXPECTED, {0: 4}, (1, 2), Mark.COPIED)),
        ledger.keep("since", "1000"),
    ]


# --- records ----------------------------------------------------------------------------------------------------------


def test_folders_come_back_as_they_were(ledger: Ledger) -> None:
    states = {0: STATE, 7: FolderState("INBOX", 1, 1, 1)}
    ledger.write(*(ledger.folder(number, state) for number, state in states.items()))
    assert ledger.folders() == states


def test_placements_come_back_in_the_order_of_their_recording(ledger: Ledger) -> None:
    rows = [placed(number, uid=number + 5, size=number) for number in range(2005)]
    for start in range(0, len(rows), 3):
        ledger.write(*ledger.place(4, rows[start : start + 3]))
    assert list(ledger.placed(4)) == rows
    assert list(ledger.placed(5)) == []
    assert ledger.counts() == {"folder:4": 2005, "bytes": sum(range(2005))}


@given(st.lists(st.builds(Placed, numbers32, numbers32, numbers32, hashes, short, short), max_size=5))
def test_a_placement_takes_forty_four_bytes_and_round_trips(rows: list[Placed]) -> None:
    blob = Placed.packed(rows)
    assert len(blob) == 1 + 44 * len(rows)
    assert list(Placed.unpacked(blob)) == rows


@given(st.lists(st.tuples(st.integers(0, 2**24 - 1), numbers32, numbers32, hashes, short), max_size=5))
def test_placements_of_the_layout_before_this_one_are_read(rows: list[tuple[int, int, int, bytes, bytes]]) -> None:
    blob = b"".join(struct.pack(">III16s8s", *row) for row in rows)
    assert list(Placed.unpacked(blob)) == [Placed(*row, NO_IDENTITY) for row in rows]


def test_an_intent_of_the_version_before_this_one_is_read() -> None:
    old = {"number": 3, "size": 100, "slack": 2, "digest": "ab" * 16, "likeness": "cd" * 8}
    row = {"folder": 2, "uidvalidity": 17, "uidnext": 5, "expected": [old], "more": {}}
    assert Intent.from_json(json.dumps(row).encode()) == Intent(2, 17, 5, (EXPECTED,))
    assert EXPECTED.placed(9) == Placed(3, 9, 100, b"\xab" * 16, b"\xcd" * 8, NO_IDENTITY)


@given(
    st.builds(
        Intent,
        numbers32,
        numbers32,
        numbers32,
        st.lists(expecteds, max_size=3).map(tuple),
        st.dictionaries(numbers32, st.lists(st.integers(0, 99), min_size=1, max_size=3).map(tuple), max_size=2),
    )
)
def test_an_intent_round_trips(intent: Intent) -> None:
    assert Intent.from_json(json.dumps(asdict(intent)).encode()) == intent


@given(
    st.builds(
        Partial,
        expecteds,
        st.dictionaries(st.integers(0, 99), numbers32, max_size=3),
        st.lists(st.integers(0, 99), max_size=3).map(tuple),
        st.sampled_from([Mark.COPIED, Mark.ALREADY_THERE]).map(int),
    )
)
def test_a_partial_round_trips(partial: Partial) -> None:
    assert Partial.from_json(json.dumps(asdict(partial)).encode()) == partial


def test_the_intent_is_there_until_it_is_settled(ledger: Ledger) -> None:
    intent = Intent(2, 17, 5, (EXPECTED,))
    ledger.intend(intent)
    assert ledger.intent() == intent
    ledger.write(ledger.settled())
    assert ledger.intent() is None


def test_an_intent_is_no_progress_and_a_result_is(redis: Redis) -> None:
    told: list[int] = []
    ledger = new_ledger(redis, lambda: told.append(1))
    ledger.intend(Intent(2, 17, 5, ()))
    assert told == []
    ledger.write(ledger.settled())
    assert told == [1]


def test_a_message_is_partial_until_it_lies_in_all_its_folders(ledger: Ledger) -> None:
    planned(ledger, 2)
    partial = Partial(EXPECTED, {0: 4}, (1, 2), Mark.ALREADY_THERE)
    ledger.write(*ledger.advanced(0, partial, Mark.COPIED), *ledger.advanced(1, None, Mark.COPIED))
    assert ledger.partials() == {0: partial}
    assert ledger.outcomes() == {Mark.PENDING: 1, Mark.COPIED: 1}
    further = partial.reached(1, 9)
    assert further == Partial(EXPECTED, {0: 4, 1: 9}, (2,), Mark.ALREADY_THERE)
    ledger.write(*ledger.advanced(0, further.reached(2, 7), Mark.COPIED))
    assert ledger.partials() == {}
    assert ledger.outcomes() == {Mark.COPIED: 1, Mark.ALREADY_THERE: 1}


def test_a_folder_that_is_given_up_fails_the_message_when_the_others_are_done(ledger: Ledger) -> None:
    planned(ledger, 1)
    partial = Partial(EXPECTED, {0: 4}, (1, 2), Mark.COPIED)
    ledger.write(*ledger.fail_in(0, partial, 1, Mark.FAILED_FOLDER, "read-only"))
    left = ledger.partials()[0]
    assert left == Partial(EXPECTED, {0: 4}, (2,), Mark.FAILED_FOLDER)
    assert ledger.outcomes() == {Mark.PENDING: 1}
    ledger.write(*ledger.advanced(0, left.reached(2, 7), Mark.COPIED))
    assert ledger.outcomes() == {Mark.FAILED_FOLDER: 1}
    assert ledger.reasons() == {0: "read-only"}


def test_a_message_that_is_opened_again_has_no_past(ledger: Ledger) -> None:
    planned(ledger, 1)
    ledger.write(ledger.partial(0, Partial(EXPECTED, {0: 4}, (1,), Mark.COPIED)))
    ledger.write(*ledger.fail(0, Mark.FAILED_MISSING, "moved-or-removed"))
    assert ledger.partials() == {}
    ledger.write(*ledger.reopened(0, Mark.PENDING))
    assert (ledger.reasons(), ledger.outcomes()) == ({}, {Mark.PENDING: 1})


def test_a_folder_that_is_forgotten_counts_no_more(ledger: Ledger) -> None:
    rows = [placed(0, size=10), placed(1, uid=2, size=20)]
    ledger.write(*ledger.place(0, rows), *ledger.place(1, [placed(2, size=5)]))
    ledger.write(*ledger.forgotten(0, rows))
    assert list(ledger.placed(0)) == []
    assert ledger.counts() == {"folder:1": 1, "bytes": 5}


# --- what a folder's state says is unexplained ------------------------------------------------------------------------


def test_below_the_first_uidnext_everything_was_there_before() -> None:
    assert FolderState("a", 1, 5, 5).unexplained() == ((1, 5),)
    assert FolderState("a", 1, 1, 1).unexplained() == ()


def test_what_appeared_since_our_last_act_is_a_gap() -> None:
    state = FolderState("a", 1, 1, 10)
    assert state.reopened(10) is state
    assert state.reopened(3) is state
    assert state.reopened(12).unexplained() == ((10, 12),)
    assert state.reopened(12).next == 12


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=60))
def test_gaps_never_forget_a_uid_however_many_there_are(steps: list[tuple[int, int]]) -> None:
    state, foreign = FolderState("a", 1, 1, 1), set()
    for ours, theirs in steps:
        state = FolderState("a", 1, state.first, state.next + ours, state.gaps)
        foreign |= set(range(state.next, state.next + theirs))
        state = state.reopened(state.next + theirs)
    covered = {uid for low, high in state.unexplained() for uid in range(low, high)}
    assert foreign <= covered
    assert len(state.gaps) <= 20
