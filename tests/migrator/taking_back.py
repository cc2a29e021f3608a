"""An undo of what a desk has copied, and what became of it."""

from desk import Desk

from migrator.retry import Patience
from migrator.undo import Undone, undo


class Book:
    """A journal in memory that keeps every page."""

    def __init__(self, begun: Undone | None = None) -> None:
        self.pages = [begun or Undone()]

    def read(self) -> Undone:
        return self.pages[-1]

    def write(self, undone: Undone) -> None:
        self.pages.append(undone)


class Killed(Exception):
    """The process is gone."""


def taken_back(desk: Desk, book: Book | None = None) -> Undone:
    return undo(desk.enter, desk.ledger, book or Book(), Patience(scale=0))


def counts(undone: Undone) -> tuple[int, int, int, int]:
    return undone.removed, undone.changed, undone.missing, undone.refused


def names(desk: Desk) -> set[str]:
    with desk.server.observer(desk.user) as observer:
        return {name for *_, name in observer.list_folders()}
