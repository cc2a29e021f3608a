import time

from consents import everything

from app.stores import Stores
from web.session import (
    IDLE_SECONDS,
    LONGEST_SECONDS,
    NOBODY,
    OVERLAP_SECONDS,
    Entered,
    arrived,
    confirm,
    end,
    enter,
    find,
    make,
    renewed,
    speak,
)

ANN = Entered("ann", "ann@host.example")


def test_a_session_is_found_by_its_id_alone(stores: Stores) -> None:
    session = make(stores.state)
    assert find(stores.state, session.id) == session
    assert find(stores.state, "planted") is None
    assert find(stores.state, "") is None


def test_ids_are_256_random_bits(stores: Stores) -> None:
    ids = {make(stores.state).id for _ in range(50)}
    assert len(ids) == 50
    assert all(len(session_id) == 43 for session_id in ids)


def test_the_store_knows_no_id(stores: Stores) -> None:
    session = make(stores.state)
    assert session.id.encode() not in everything(stores.state)
    assert session.id not in repr(session)


def test_a_renewed_session_keeps_what_it_owns_and_its_old_id_is_nobodys(stores: Stores) -> None:
    old = make(stores.state)
    new = renewed(stores.state, old, "m1")
    assert new.id != old.id
    assert find(stores.state, old.id) is None
    found = find(stores.state, new.id)
    assert found == new
    assert found.owns("m1")
    assert not found.owns("m2")
    assert renewed(stores.state, new, "m2").imports == ("m1", "m2")


def test_an_old_id_leads_the_browser_with_its_mark_to_the_new_one_and_nobody_else(stores: Stores) -> None:
    old = enter(stores.state, "", ANN, (), "mark")
    new = renewed(stores.state, old, "m1")
    assert arrived(stores.state, old.id, "mark") == new
    for mark in ("", "another mark"):
        assert arrived(stores.state, old.id, mark) is None
    assert find(stores.state, old.id) is None
    newer = renewed(stores.state, new)
    assert arrived(stores.state, old.id, "mark") == newer, "two answers in a row were lost"


def test_an_old_id_leads_on_for_seconds_after_the_new_one_was_used(stores: Stores) -> None:
    old = enter(stores.state, "", ANN, (), "mark")
    new = renewed(stores.state, old)
    (note,) = stores.state.scan_iter("web:session:renewed:*")
    assert stores.state.ttl(note) > IDLE_SECONDS - 5, "who never got the answer is not signed out by it"
    assert arrived(stores.state, old.id, "mark")
    assert stores.state.ttl(note) > IDLE_SECONDS - 5
    assert arrived(stores.state, new.id, "mark") == new
    assert 0 < stores.state.ttl(note) <= OVERLAP_SECONDS
    stores.state.expire(note, 5)
    arrived(stores.state, new.id, "mark")
    assert stores.state.ttl(note) <= 5, "use does not prolong it"


def test_an_id_known_before_the_sign_in_leads_nowhere_whatever_was_planted(stores: Stores) -> None:
    planted = enter(stores.state, "", Entered("attacker"), (), "planted mark")
    signed_in = enter(stores.state, planted.id, ANN, (), "planted mark")
    for mark in ("", "planted mark"):
        assert arrived(stores.state, planted.id, mark) is None
    assert arrived(stores.state, signed_in.id, "planted mark") == signed_in
    assert arrived(stores.state, "never there", "planted mark") is None


def test_what_has_ended_is_not_brought_back_by_who_was_about_to_write(stores: Stores) -> None:
    session = enter(stores.state, "", ANN, (), "mark")
    end(stores.state, session.id)
    confirm(stores.state, session, "m1")
    speak(stores.state, session, "de-CH")
    assert find(stores.state, session.id) is None


def test_a_note_of_a_new_id_holds_neither_id_nor_mark_in_the_clear(stores: Stores) -> None:
    old = enter(stores.state, "", ANN, (), "a-mark-of-a-browser")
    new = renewed(stores.state, old)
    for word in (old.id, new.id, "a-mark-of-a-browser"):
        assert word.encode() not in everything(stores.state)
        assert word not in repr(new)


def test_a_session_that_rests_ends_after_half_an_hour(stores: Stores) -> None:
    assert IDLE_SECONDS == 1800
    session = make(stores.state)
    (name,) = stores.state.scan_iter()
    assert IDLE_SECONDS - 5 < stores.state.ttl(name) <= IDLE_SECONDS
    stores.state.expire(name, 60)
    assert find(stores.state, session.id)
    assert IDLE_SECONDS - 5 < stores.state.ttl(name) <= IDLE_SECONDS, "being used puts its end off"


def test_a_session_in_use_ends_after_twelve_hours_all_the_same(stores: Stores) -> None:
    assert LONGEST_SECONDS == 43_200
    session = make(stores.state)
    (name,) = stores.state.scan_iter()
    nearly = time.time() + LONGEST_SECONDS - 60
    assert find(stores.state, session.id, now=nearly)
    assert stores.state.ttl(name) <= 60
    assert find(stores.state, session.id, now=nearly + 61) is None
    assert list(stores.state.scan_iter()) == []


def test_renewing_does_not_lengthen_the_twelve_hours(stores: Stores) -> None:
    session = make(stores.state)
    assert renewed(stores.state, session).began == session.began


def test_nobody_owns_nothing(stores: Stores) -> None:
    assert find(stores.state, NOBODY.id) is None
    assert not NOBODY.owns("")
