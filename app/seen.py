"""What was seen of an account and a mailbox, as a value and as the JSON row that crosses processes and is kept.

Label ids stand in the row once; the groups name them by their place in that list.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from migrator.folders import ExistingFolder, MailboxShape
from migrator.labels import Label
from migrator.mailbox import Quota
from migrator.survey import Group, Survey


@dataclass(frozen=True, slots=True)
class Seen:
    """All that is to be known before the start; `quota` None where the mailbox does not tell.

    `holds_mail`: there is mail in the mailbox already, of an earlier import perhaps.
    """

    labels: tuple[Label, ...]
    survey: Survey
    shape: MailboxShape
    quota: Quota | None
    holds_mail: bool = False

    @property
    def free(self) -> int | None:
        """Free space of the mailbox in bytes; None where it does not tell."""
        if self.quota is None or self.quota.limit is None:
            return None
        return max(0, self.quota.limit - (self.quota.used or 0))


def row_of(seen: Seen) -> dict[str, Any]:
    """Return the row, ready for JSON."""
    ids = sorted(seen.survey.by_label)
    places = {label_id: place for place, label_id in enumerate(ids)}
    return {
        "labels": [astuple(label) for label in seen.labels],
        "ids": ids,
        "by_label": [seen.survey.by_label[label_id] for label_id in ids],
        "groups": [_group_row(group, places) for group in seen.survey.groups],
        "days": seen.survey.days,
        "today": seen.survey.today,
        "shape": [seen.shape.delimiter, seen.shape.prefix, seen.shape.can_create_special_use, seen.shape.foreign],
        "folders": [astuple(folder) for folder in seen.shape.folders],
        "quota": seen.quota and astuple(seen.quota),
        "holds_mail": seen.holds_mail,
    }


def seen_of(row: dict[str, Any]) -> Seen:
    """Read the row back.

    Raises:
        KeyError, TypeError, ValueError, IndexError: it is none.
    """
    ids = row["ids"]
    delimiter, prefix, can_create, foreign = row["shape"]
    folders = tuple(ExistingFolder(*folder) for folder in row["folders"])
    groups = tuple(_group(ids, *columns) for columns in row["groups"])
    by_label = dict(zip(ids, row["by_label"], strict=True))
    return Seen(
        labels=tuple(Label(*label) for label in row["labels"]),
        survey=Survey(groups, by_label, tuple(row["days"]), row["today"]),
        shape=MailboxShape(delimiter, prefix, folders, can_create, tuple(foreign)),
        quota=row["quota"] and Quota(*row["quota"]),
        holds_mail=row.get("holds_mail", False),
    )


def _group_row(group: Group, places: dict[str, int]) -> list[Any]:
    labels = sorted(places[label_id] for label_id in group.label_ids)
    return [labels, group.messages, group.age, group.at_least, group.at_most, group.likely]


def _group(ids: Sequence[str], labels: Sequence[int], *numbers: int) -> Group:
    return Group(frozenset(ids[place] for place in labels), *numbers)
