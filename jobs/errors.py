"""What can go wrong with a migration's record itself, one tree.

    JobError
    ├── IllegalTransition      the table of `jobs.migration` knows no such step
    ├── UnknownMigration       there is no such record, or its time is over
    │   └── UnreadableMigration  there is one, written by another version
    ├── LeaseLost              another slice owns the migration, or nobody does
    ├── AccountBusy            another import of the same Google account has not ended
    ├── ConnectingLapsed       nobody made the record of a connected account in time; its grant is given back
    ├── NotDiscarded           a receipt was asked for too early (jobs.statement)
    ├── AuditBroken            the audit log is damaged (jobs.audit)
    └── AuditBusy              others append to it all the time (jobs.audit)

Texts name states and codes, never a customer or an id.
"""


class JobError(Exception):
    """Root of the tree."""


class IllegalTransition(JobError):
    """A step that the table of transitions does not know; `before` and `after` are the two states."""

    def __init__(self, before: str, after: str) -> None:
        super().__init__(f"a migration that is {before} cannot become {after}")
        self.before = before
        self.after = after


class UnknownMigration(JobError):
    """No migration has this id (any more)."""

    def __init__(self) -> None:
        super().__init__("no migration has this id")


class UnreadableMigration(UnknownMigration):
    """A migration's record lacks a field, or holds a value, that this version knows: another version wrote it."""

    def __init__(self) -> None:
        JobError.__init__(self, "this record was written by another version")


class LeaseLost(JobError):
    """The fencing token is not, or no longer, the migration's."""

    def __init__(self) -> None:
        super().__init__("another slice owns the migration")


class AccountBusy(JobError):
    """Another migration holds this Google account's grant; revoking one would end both. `holder` is its id."""

    code = "account-busy"

    def __init__(self, holder: str = "") -> None:
        super().__init__("another import of this account has not ended")
        self.holder = holder


class ConnectingLapsed(JobError):
    """What was written down of a grant before its import's record was made is over: a worker gives the grant back."""

    def __init__(self) -> None:
        super().__init__("connecting the account took too long")
