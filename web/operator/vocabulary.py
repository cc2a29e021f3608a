"""What the templates of the console say things with: filters and functions, all of them pure."""

from collections.abc import Sequence
from urllib.parse import urlencode

from jobs.audit import Act
from jobs.migration import State
from web.operator import words
from web.operator.acts import ACT_NAMES, MEANINGS
from web.operator.charts import drawing
from web.operator.models import MinuteTold, Wanted
from web.operator.records import Search


def counts_of(minutes: Sequence[MinuteTold], code: str) -> list[int | None]:
    """Return how often a code held imports up, minute by minute."""
    return [minute.codes.get(code, 0) for minute in minutes]


def query_of(wanted: Wanted) -> str:
    """Return a filter as the query of an address; empty where it asks for all."""
    values = {"code": wanted.code, "older": wanted.older, "host": wanted.host}
    rows = [("state", str(state)) for state in wanted.states]
    return urlencode([*rows, *((name, value) for name, value in values.items() if value)])


def search_of(search: Search) -> str:
    """Return a search of the audit log as the query of an address."""
    values = {"migration": search.migration, "act": search.act, "actor": search.actor, "day": search.day}
    return urlencode({name: value for name, value in values.items() if value})


FILTERS = {
    function.__name__: function
    for function in (
        *(words.state_words, words.tone, words.meaning, words.number, words.imports, words.span, words.ago),
        *(words.ahead, words.short, words.size, words.clock, words.stamp, words.share),
    )
}

GLOBALS = {
    "ACTS": words.ACTS,
    "FIELDS": words.FIELDS,
    "MEANINGS": MEANINGS,
    "act_names": ACT_NAMES,
    "audit_acts": tuple(Act),
    "states": tuple(State),
    "drawing": drawing,
    "counts_of": counts_of,
    "query_of": query_of,
    "search_of": search_of,
}
