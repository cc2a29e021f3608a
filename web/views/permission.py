"""What a customer lets the support see of one import, for a day: offered, in force, and who has used it when."""

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.migration import Migration
from jobs.permission import Field, Permission, Question, Use
from web.views.host import Frame, Host
from web.views.language import N_, _
from web.views.wording import Text, moment, name, text

FIELDS: dict[Field, str] = {
    Field.REPORT: N_("How many messages were copied, left out or failed"),
    Field.FOLDER_NAMES: N_("The names of your folders"),
    Field.FAILURE_WORDS: N_("Why messages were not copied"),
    Field.HISTORY: N_("When the import was in which state"),
}
"""Everything that can be allowed, in a customer's words."""

_NAMED = 6
"""Letters of a member's opaque name that tell one from another."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Something that may be shown to the support, and whether it is ticked."""

    field: str
    words: str
    ticked: bool


@dataclass(frozen=True, slots=True)
class Allowed:
    """A permission in force: for what, and sentences of since when and until when."""

    what: tuple[str, ...]
    since: Text
    until: Text


@dataclass(frozen=True, slots=True)
class Asking:
    """The page. `allowed` is None while nothing is; `problem` is empty unless nothing was ticked.

    `asked` says until when the support asks for what is ticked; empty where it does not.
    """

    frame: Frame
    migration: str
    allowed: Allowed | None
    asked: Text
    offers: tuple[Offer, ...]
    uses: tuple[Text, ...]
    problem: str


def permission(
    host: Host,
    migration: Migration,
    held: Permission | None,
    uses: Sequence[Use],
    now: float,
    *,
    empty: bool = False,
    question: Question | None = None,
) -> Asking:
    """Return the page.

    Args:
        host: who offers the import.
        migration: the record.
        held: the permission in force, None where there is none.
        uses: every use of a permission for this import, oldest first.
        now: seconds since the epoch.
        empty: a permission for nothing was asked for.
        question: what the support asks for, None where it asks for nothing.
    """
    return Asking(
        frame=Frame(host),
        migration=migration.id,
        allowed=_allowed(held, now) if held else None,
        asked=_asked(question, now) if question else (),
        offers=tuple(Offer(str(field), _(words), _ticked(held, question, field)) for field, words in FIELDS.items()),
        uses=tuple(_used(use, now) for use in uses),
        problem=_("Tick what the support may see.") if empty else "",
    )


def _allowed(held: Permission, now: float) -> Allowed:
    what = tuple(_(words) for field, words in FIELDS.items() if field in held.fields)
    return Allowed(
        what,
        since=text(_("Since {time}."), time=moment(held.given_at, now)),
        until=text(
            _("It ends by itself when your case is resolved, at the latest at {time}."),
            time=moment(held.until, now),
        ),
    )


def _asked(question: Question, now: float) -> Text:
    return text(_("You need not answer: the question goes away by itself at {time}."), time=moment(question.until, now))


def _ticked(held: Permission | None, question: Question | None, field: Field) -> bool:
    named = held or question
    return field in named.fields if named else field is not Field.FOLDER_NAMES


def _used(use: Use, now: float) -> Text:
    """Return when who looked at what; a member of the staff has an opaque name."""
    return text(
        _("{time}: {what} (member of the support: {who})"),
        time=moment(use.at, now),
        what=_(FIELDS[Field(use.field)]),
        who=name(use.staff.partition(":")[2][:_NAMED]),
    )
