"""An account looked over without reading a message: which labels messages have, about how large and how old they are.

Listing ids costs 5 units per 500 (Gmail API, "Usage limits"), so every label can be listed; sizes and dates are not
listed, but searches (`larger:`, `after:`, `before:`) say which messages lie between two bounds. What comes out is
summed up: messages with the same labels from the same years are one `Group`, and no message id is left.
"""

import math
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

from tenacity import Retrying

from migrator.asking import asked
from migrator.errors import AnswerDamaged, QuotaExhausted, Transient
from migrator.gmail import MOST_PAGES, Gmail, Listing, Page, Turns
from migrator.labels import Label
from migrator.period import midnight, years_before
from migrator.retry import Patience, Stopped

NO_LABEL = "ARCHIVE"
"""Stands in `Survey.by_label` for messages that have no label which is a place."""

PLACES = ("INBOX", "SENT", "DRAFT", "SPAM", "TRASH", "CHAT")
"""Gmail's own labels that decide where a message goes. The others become flags and keywords, whatever is chosen."""

_BOUNDS = (0, 10_000, 100_000, 1_000_000, 5_000_000, 25_000_000)
_AT_MOST = 50_000_000
_SMALL = 1_000
"""Bytes the smallest mail is taken to have: the lower bound of a likely size."""

_YEARS = (1, 2, 3, 4, 5, 7, 10, 15)
_TRIES = 8
_LONGEST = 60.0


@dataclass(frozen=True, slots=True)
class Group:
    """Messages that a choice treats alike: the same labels (user labels and `PLACES`), arrived in the same years.

    `age` is a place in `Survey.days`: they arrived on that day or later, and before the day before it in that list;
    `len(days)` for those before all days. Sizes in bytes, of all these messages together.
    """

    label_ids: frozenset[str]
    messages: int
    age: int = 0
    at_least: int = 0
    at_most: int = 0
    likely: int = 0


@dataclass(frozen=True, slots=True)
class Survey:
    """All messages of an account, in groups; `by_label` counts those that carry a label, by its id.

    `days` are the days at which groups were parted, the newest first, in UTC and ISO 8601; `today` the day of the
    survey. Sums in bytes: all mail has `at_least` to `at_most`, and `likely` about so many.
    """

    groups: tuple[Group, ...]
    by_label: Mapping[str, int]
    days: tuple[str, ...]
    today: str

    @property
    def messages(self) -> int:
        """All messages."""
        return sum(group.messages for group in self.groups)

    @property
    def at_least(self) -> int:
        """The least bytes they can have."""
        return sum(group.at_least for group in self.groups)

    @property
    def at_most(self) -> int:
        """The most bytes they can have, if none is beyond Gmail's limit for received mail, 50 MB."""
        return sum(group.at_most for group in self.groups)

    @property
    def likely(self) -> int:
        """The bytes they have if sizes lie in the geometric middle of their class, as sizes of mail about do."""
        return sum(group.likely for group in self.groups)


@dataclass(frozen=True, slots=True)
class _Told:
    """What the listings said of each message, by its number; `sets` are label sets as bits, each kept once."""

    numbers: Mapping[int, int]
    sets: list[int]
    sizes: bytearray
    ages: bytearray


def survey(gmail: Gmail, labels: Sequence[Label], patience: Patience, today: date, lanes: int = 2) -> Survey:
    """List an account by label, by size and by year, `lanes` listings at once; reads no message.

    Raises:
        Waiting, Permanent: what Google said; the first of it ends the survey.
        Stopped: the survey was asked to stop.
    """
    places = [*PLACES, *(label.id for label in labels if label.type == "user")]
    days = tuple(years_before(today, years) for years in _YEARS)
    sizes = [Listing(query=f"larger:{bound}") for bound in _BOUNDS[1:]]
    wanted = [Listing(), *(Listing(label_ids=(place,)) for place in places), *sizes, *_spans(days)]
    with ThreadPoolExecutor(lanes, "survey") as pool:
        try:
            listed = pool.map(lambda listing: _ids(gmail, listing, patience), wanted)
            told = _begun(next(listed), oldest=len(days))
            _hear_labels(told, listed, len(places))
            _hear_sizes(told, listed, len(sizes))
            _hear_ages(told, listed, len(days))
        except BaseException:
            patience.stop()
            raise
    return Survey(*_summed(told, places), days, today.isoformat())


def _spans(days: Sequence[str]) -> Iterator[Listing]:
    """Yield the listing of each span between two days, the newest first."""
    before = ""
    for day in days:
        yield Listing(query=f"after:{midnight(day)}{before}")
        before = f" before:{midnight(day)}"


def _ids(gmail: Gmail, listing: Listing, patience: Patience) -> "array[int]":
    tries = patience.retrying(Transient, QuotaExhausted, tries=_TRIES, longest=_LONGEST)
    found = array("Q")
    for ids in _pages(gmail, listing, patience, tries):
        found.extend(int(message_id, 16) for message_id in ids)
    return found


def _pages(gmail: Gmail, listing: Listing, patience: Patience, tries: Retrying) -> Iterator[tuple[str, ...]]:
    """Yield page after page; a page that fails is asked for again, and not those before it."""

    def page_at(token: str | None) -> Page:
        if patience.stopped:
            raise Stopped
        return asked(gmail, patience, lambda: gmail.page(listing, token), tries)

    token, turns = None, Turns(MOST_PAGES)
    while turns.may_ask(token):
        page = page_at(token)
        yield page.ids
        token = page.next_token
        if token is None:
            return
    raise AnswerDamaged("endless")


def _begun(ids: "array[int]", oldest: int) -> _Told:
    numbers = {message_id: number for number, message_id in enumerate(dict.fromkeys(ids))}
    count = len(numbers)
    return _Told(numbers, [0] * count, bytearray(count), bytearray([oldest]) * count)


def _hear_labels(told: _Told, listed: Iterator["array[int]"], count: int) -> None:
    known: dict[int, int] = {}
    for bit in range(count):
        for number in _numbers(told, next(listed)):
            labels = told.sets[number] | 1 << bit
            told.sets[number] = known.setdefault(labels, labels)


def _hear_sizes(told: _Told, listed: Iterator["array[int]"], count: int) -> None:
    for above in range(1, count + 1):
        for number in _numbers(told, next(listed)):
            told.sizes[number] = above


def _hear_ages(told: _Told, listed: Iterator["array[int]"], count: int) -> None:
    for age in range(count):
        for number in _numbers(told, next(listed)):
            told.ages[number] = age


def _numbers(told: _Told, ids: Iterable[int]) -> Iterator[int]:
    """Yield the numbers of ids; what arrived since the first listing has none, and is left to the import."""
    return (told.numbers[message_id] for message_id in ids if message_id in told.numbers)


def _summed(told: _Told, places: Sequence[str]) -> tuple[tuple[Group, ...], dict[str, int]]:
    counts: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0] * len(_BOUNDS))
    for labels, size, age in zip(told.sets, told.sizes, told.ages, strict=True):
        counts[labels, age][size] += 1
    by_label: dict[str, int] = defaultdict(int)
    groups = []
    for (labels, age), sizes in sorted(counts.items()):
        label_ids = frozenset(place for bit, place in enumerate(places) if labels >> bit & 1)
        groups.append(_group(label_ids, age, sizes))
        for place in label_ids or {NO_LABEL}:
            by_label[place] += sum(sizes)
    return tuple(groups), dict(by_label)


def _group(label_ids: frozenset[str], age: int, sizes: Sequence[int]) -> Group:
    classes = list(zip(sizes, _BOUNDS, (*_BOUNDS[1:], _AT_MOST), strict=True))
    return Group(
        label_ids=label_ids,
        messages=sum(sizes),
        age=age,
        at_least=sum(count * low for count, low, _ in classes),
        at_most=sum(count * high for count, _, high in classes),
        likely=sum(count * math.isqrt(max(low, _SMALL) * high) for count, low, high in classes),
    )
