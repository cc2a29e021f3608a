"""The pauses of an import: short at first, longer while nothing is achieved, short again after progress."""

from migrator.ledger import Ledger
from migrator.outcome import Mark
from migrator.pauses import PAUSES, is_in_vain, pause
from migrator.verified import VERIFIED, Verified

NOW = 1_750_000_000.0


def test_pauses_grow_while_nothing_is_achieved_whoever_asks(ledger: Ledger) -> None:
    ledger.write(*ledger.plan([1, 2], [Mark.PENDING] * 2))
    assert not is_in_vain(ledger)
    assert [pause(ledger, NOW) - NOW for _ in range(10)] == [*PAUSES, 900, 900]
    assert is_in_vain(ledger)


def test_after_progress_the_first_pause_is_short_again(ledger: Ledger) -> None:
    ledger.write(*ledger.plan([1, 2], [Mark.PENDING] * 2))
    for _ in range(4):
        pause(ledger, NOW)
    ledger.write(ledger.mark(0, Mark.COPIED))
    assert not is_in_vain(ledger)
    assert pause(ledger, NOW) == NOW + PAUSES[0]
    assert pause(ledger, NOW) == NOW + PAUSES[1]


def test_a_pause_is_no_progress(ledger: Ledger) -> None:
    seen = []
    waiting = Ledger(ledger._redis, ledger.key("")[5:-2], ledger._token, lambda: seen.append(1))
    pause(waiting, NOW)
    assert seen == []


def test_a_try_of_the_check_in_vain_is_no_progress(ledger: Ledger) -> None:
    pauses = []
    for waits in range(4):
        ledger.note(VERIFIED, Verified(folder=2, done=5, waits=waits).as_json())
        pauses.append(pause(ledger, NOW) - NOW)
    assert pauses == list(PAUSES[:4])
