"""The form of the fourth screen read back: what the customer ticked, renamed and chose."""

from collections.abc import Iterable
from typing import Any, cast

from migrator.labels import Choices, Label
from web.views.periods import period_of

PLACES = ("INBOX", "SENT", "DRAFT", "ARCHIVE")
"""Gmail's own places that can be left out, in the order shown. `ARCHIVE` is mail without any label."""

KEEP = "keep"
RENAME = "name-"
UNCOUNTED = "uncounted"
"""The field of a form that showed no labels, for they were not known yet: all of them come along."""

LONGEST_NAME = 225
"""As long as a label at Gmail may be."""

_POLICIES = frozenset({"one-copy", "copy-per-label"})
_CATEGORIES = frozenset({"keyword", "none"})


class ChoiceRefused(ValueError):
    """The form holds what our page does not send; the text says nothing of it."""


def user_labels(labels: Iterable[Label]) -> list[Label]:
    """Return the labels that can be ticked, by the alphabet, what is nested below its parent."""
    return sorted((lb for lb in labels if lb.type == "user"), key=lambda lb: (lb.name.casefold().split("/"), lb.id))


def choices_of(fields: Iterable[tuple[str, str]], labels: Iterable[Label], before: Choices) -> Choices:
    """Return the choices of a form.

    Args:
        fields: names and values as sent, a name once for each tick.
        labels: those the page has shown. A label that came later was not shown, and is not left out.
        before: what the page began with; decides what it does not ask.

    Raises:
        ChoiceRefused: a value is none of those the page offers, or a name is too long.
    """
    rows = list(fields)
    said = dict(rows)
    kept = {value for name, value in rows if name == KEEP}
    shown = {*PLACES, *(label.id for label in labels if label.type == "user")}
    return Choices(
        policy=cast("Any", _one_of(_POLICIES, said.get("policy", ""))),
        spam="spam" in said,
        trash="trash" in said,
        categories=cast("Any", _one_of(_CATEGORIES, said.get("categories", "none"))),
        sent_first=before.sent_first,
        skip_labels=frozenset(shown - kept),
        renames=_renames(said, shown - set(PLACES)),
        since=_since(said, before),
    )


def _one_of(values: frozenset[str], value: str) -> str:
    if value not in values:
        raise ChoiceRefused
    return value


def _since(said: dict[str, str], before: Choices) -> str:
    try:
        return period_of(said, before.since)
    except ValueError:
        raise ChoiceRefused from None


def _renames(said: dict[str, str], ids: set[str]) -> dict[str, str]:
    asked = {label_id: said.get(RENAME + label_id, "").strip() for label_id in sorted(ids)}
    if any(len(name) > LONGEST_NAME for name in asked.values()):
        raise ChoiceRefused
    return {label_id: name for label_id, name in asked.items() if name}
