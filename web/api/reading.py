"""A customer's migrations read over the API: all of them, one with its sums, the newest as a card."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from jobs.errors import UnknownMigration
from jobs.migration import ENDS, Migration, State
from jobs.report import Report, report_on
from jobs.webhooks import needs_attention
from web import owned
from web.api.doors import ApiDoors, caller
from web.api.links import to_migration, to_more
from web.api.models import (
    Card,
    CardState,
    CustomerId,
    Messages,
    MigrationDetail,
    MigrationId,
    MigrationList,
    MigrationSummary,
    megabytes,
    summary_fields,
)
from web.api.problems import ALWAYS, answers
from web.api.tokens import Scope


def reading_routes(doors: ApiDoors) -> APIRouter:
    """Return the routes below `/customers/{customer}` that change nothing."""
    allowed = Depends(caller(doors, Scope.READ))
    routes = APIRouter(
        prefix="/customers/{customer}",
        tags=["migrations"],
        dependencies=[allowed],
        responses=answers(*ALWAYS, "not-found"),
    )

    @routes.get("/migrations", responses={200: to_more("/next")})
    def list_migrations(
        customer: Annotated[CustomerId, Path()],
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
        after: Annotated[MigrationId | None, Query(description="`next` of the answer before.")] = None,
    ) -> MigrationList:
        """List a customer's migrations, the newest first. A customer nobody knows has none.

        Where `after` is gone meanwhile the answer is 404: begin again.
        """
        found = owned.migrations_of(doors.state, customer)
        begin = _place_after(after, found)
        some = found[begin : begin + limit]
        more = some[-1].id if found[begin + limit :] else None
        return MigrationList(migrations=[summary_of(doors, one) for one in some], next=more)

    @routes.get("/migrations/{migration}", responses={200: to_migration("/id")})
    def read_migration(
        customer: Annotated[CustomerId, Path()], migration: Annotated[MigrationId, Path()]
    ) -> MigrationDetail:
        """Read one migration with its sums."""
        return detail_of(doors, owned.migration_of(doors.state, customer, migration))

    @routes.get("/card", responses={200: to_migration("/migration")})
    def read_card(customer: Annotated[CustomerId, Path()]) -> Card:
        """Read the customer's newest migration in one line, for a card in the panel."""
        found = owned.migrations_of(doors.state, customer)
        return _card(doors, found[0]) if found else Card(state=CardState.NONE)

    return routes


def _place_after(after: str | None, found: Sequence[Migration]) -> int:
    """Return where a page begins; raises `UnknownMigration` where its predecessor's end is not in the list."""
    if after is None:
        return 0
    places = [place + 1 for place, one in enumerate(found) if one.id == after]
    if not places:
        raise UnknownMigration
    return places[0]


def summary_of(doors: ApiDoors, migration: Migration) -> MigrationSummary:
    """Return what is told of a migration in a list."""
    return MigrationSummary(**summary_fields(migration, doors.sentence(migration.reason)))


def detail_of(doors: ApiDoors, migration: Migration) -> MigrationDetail:
    """Return what is told of one migration."""
    report = report_on(doors.state, migration.id)
    return MigrationDetail(
        **summary_fields(migration, doors.sentence(migration.reason)),
        messages=Messages.of(report.outcomes, report.open),
        megabytes=megabytes(report.bytes),
    )


def _card(doors: ApiDoors, migration: Migration) -> Card:
    told = summary_of(doors, migration)
    return Card(
        state=card_state(migration),
        migration=told.id,
        code=told.code,
        sentence=told.sentence,
        percent=_percent(report_on(doors.state, migration.id)),
        goes_on_at=told.goes_on_at,
    )


def card_state(migration: Migration) -> CardState:
    """Return a migration's state in the few words of a card."""
    if migration.state in ENDS:
        return CardState.ENDED
    if migration.reason == "not-started":
        return CardState.NOT_STARTED
    if needs_attention(migration.state, migration.reason):
        return CardState.NEEDS_ATTENTION
    return {State.WAITING: CardState.WAITING, State.PAUSED: CardState.PAUSED}.get(migration.state, CardState.RUNNING)


def _percent(report: Report) -> int | None:
    """Return the share of messages that have an outcome, rounded down: 100 is said of a whole account alone."""
    return (report.total - report.open) * 100 // report.total if report.total else None
