"""Plans made and read, for the tests of the plan."""

from collections.abc import Callable

from migrator.changes import catch_up
from migrator.gmail import Gmail
from migrator.labels import Choices
from migrator.ledger import Ledger
from migrator.mailbox import Mailbox
from migrator.outcome import Mark
from migrator.plan import Order, plan_slice
from migrator.retry import Patience

AT_ONCE = Patience(scale=0)
HURRIED = Patience(seconds=0, scale=0)  # over already: one page and no more


def planned(
    gmail: Gmail,
    mailbox: Mailbox,
    ledger: Ledger,
    choices: Choices | None = None,
    order: Order = "newest-first",
) -> dict[str, Mark]:
    """Plan in one go; return each id with its mark, in the order of the plan."""
    assert plan_slice(gmail, mailbox, ledger, choices or Choices(), order, AT_ONCE)
    return plan_of(ledger)


def plan_of(ledger: Ledger) -> dict[str, Mark]:
    """Return each id of the plan with its mark, in the order of the plan."""
    return {f"{i:x}": Mark(mark) for i, mark in zip(ledger.ids(), ledger.marks(), strict=True)}


def unneeded() -> Mailbox:
    """Stand for the mailbox where no label has changed."""
    raise AssertionError("the mailbox is asked only where there are new labels")


def caught_up(
    gmail: Gmail, ledger: Ledger, choices: Choices | None = None, connect: Callable[[], Mailbox] = unneeded
) -> list[str]:
    """Catch up until nothing more is found; return what came to the plan."""
    before = plan_of(ledger)
    while catch_up(gmail, connect, ledger, choices or Choices(), AT_ONCE):
        assert len(ledger.ids()) == len(set(ledger.ids()))
    after = plan_of(ledger)
    assert list(after)[: len(before)] == list(before), "what was planned keeps its number"
    return list(after)[len(before) :]
