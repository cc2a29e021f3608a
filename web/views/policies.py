"""What becomes of messages with several labels: the policies to choose from, each with what it stores."""

from dataclasses import dataclass

from migrator.preview import StorageEffect
from web.views.language import _
from web.views.wording import messages, size


@dataclass(frozen=True, slots=True)
class Policy:
    """One way to treat messages with several labels, with what it stores; `fits` empty where nobody knows."""

    value: str
    title: str
    words: str
    storage: str
    fits: str
    chosen: bool


def policies(effect: StorageEffect, free: int | None, chosen: str) -> tuple[Policy, ...]:
    """Return both policies with their storage; `free` in bytes, None where unknown; `chosen` is the policy ticked."""
    rows = (
        (
            "one-copy",
            _("One copy of each message"),
            _(
                "It lies in the folder of its most telling label; its other labels become tags, where your mail "
                "program shows tags."
            ),
            effect.one_copy_messages,
            effect.one_copy_bytes,
        ),
        (
            "copy-per-label",
            _("A copy in the folder of each label"),
            _("As Gmail shows it: the same message in every folder. Each copy counts against your space."),
            effect.copy_per_label_messages,
            effect.copy_per_label_bytes,
        ),
    )
    return tuple(
        Policy(
            value,
            title,
            words,
            _("{messages}, about {size}").format(messages=messages(count), size=size(octets)),
            _fits(octets, free),
            value == chosen,
        )
        for value, title, words, count, octets in rows
    )


def _fits(octets: int, free: int | None) -> str:
    if free is None:
        return ""
    words = _("fits into your {size} of free space") if octets <= free else _("more than your {size} of free space")
    return words.format(size=size(free))
