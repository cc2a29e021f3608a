"""What a panel asks of a migration over the API; written down in the audit log before it is done."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from jobs.acts import NEEDS_CUSTOMER, What, carry_out
from web import owned
from web.api.doors import ApiDoors, IdempotencyKey, caller
from web.api.idempotency import once
from web.api.models import CustomerId, MigrationDetail, MigrationId
from web.api.problems import ALWAYS, Refused, answers
from web.api.reading import detail_of
from web.api.tokens import Scope, ServiceToken
from web.askedfirst import AskedFirst

_KEYED = ("same-request-under-way", "key-used-otherwise")
_Customer = Annotated[CustomerId, Path()]
_Migration = Annotated[MigrationId, Path()]


def asking_routes(doors: ApiDoors) -> APIRouter:
    """Return the routes below `/customers/{customer}/migrations/{migration}` that change something."""
    routes = APIRouter(
        prefix="/customers/{customer}/migrations/{migration}",
        tags=["migrations"],
        route_class=AskedFirst,
        responses=answers(*ALWAYS, *_KEYED, "not-found", "not-possible-now", "customer-needed", "audit-away"),
    )
    caller_of = Depends(caller(doors, Scope.WRITE))

    def ask(what: What, token: ServiceToken, customer: str, migration: str, key: str | None) -> MigrationDetail:
        request = f"{what} {customer} {migration}"
        return once(doors, token, key, request, MigrationDetail, lambda: _carried_out(doors, what, customer, migration))

    @routes.post("/pause")
    def pause_migration(
        customer: _Customer, migration: _Migration, token: ServiceToken = caller_of, key: IdempotencyKey = None
    ) -> MigrationDetail:
        """Let a migration rest until it is resumed. A slice that runs comes to its end first."""
        return ask("pause", token, customer, migration, key)

    @routes.post("/resume")
    def resume_migration(
        customer: _Customer, migration: _Migration, token: ServiceToken = caller_of, key: IdempotencyKey = None
    ) -> MigrationDetail:
        """Go on with a paused, waiting or failed migration; one that never started is its customer's to start."""
        return ask("resume", token, customer, migration, key)

    @routes.post("/retry")
    def retry_migration(
        customer: _Customer, migration: _Migration, token: ServiceToken = caller_of, key: IdempotencyKey = None
    ) -> MigrationDetail:
        """Have the messages that failed tried again; one that is held (code `failed-messages`) goes on at once."""
        return ask("retry", token, customer, migration, key)

    @routes.post("/finish")
    def finish_migration(
        customer: _Customer, migration: _Migration, token: ServiceToken = caller_of, key: IdempotencyKey = None
    ) -> MigrationDetail:
        """Let a migration that is held (code `failed-messages`) finish without the messages that failed."""
        return ask("finish", token, customer, migration, key)

    @routes.post("/cancel")
    def cancel_migration(
        customer: _Customer, migration: _Migration, token: ServiceToken = caller_of, key: IdempotencyKey = None
    ) -> MigrationDetail:
        """End a migration: what was copied stays, access is given back, the rest is discarded."""
        return ask("cancel", token, customer, migration, key)

    return routes


def _carried_out(doors: ApiDoors, what: What, customer: str, migration_id: str) -> MigrationDetail:
    before = owned.migration_of(doors.state, customer, migration_id)
    if what == "resume" and before.reason in NEEDS_CUSTOMER:
        raise Refused("customer-needed")
    return detail_of(doors, carry_out(doors.state, migration_id, what, doors.actor))
