"""Which mailbox an import goes into, by an opaque name: nobody's later credentials lead it, or its undo, into another.

The name is the key `mig:{<id>}:mailbox`. It is made with the master key, so it outlives the import's own.
"""

from typing import cast

from redis import Redis

from jobs.errors import JobError
from jobs.migration import part_key
from jobs.retention import UNFINISHED_SECONDS
from migrator.addresses import mailbox_key
from migrator.mailbox import Credentials, MasterUser
from oauth.vault import Vault


class OtherMailbox(JobError):
    """The credentials are for another mailbox than the one the import goes into."""

    code = "other-mailbox"

    def __init__(self) -> None:
        super().__init__("the import goes into another mailbox")


def remember(redis: Redis, vault: Vault, migration_id: str, credentials: Credentials) -> None:
    """Note the mailbox of an import that begins; `jobs.launch` calls it."""
    redis.set(part_key(migration_id, "mailbox"), vault.pseudonyms(_name(credentials))[0], ex=UNFINISHED_SECONDS)


def check(redis: Redis, vault: Vault, migration_id: str, credentials: Credentials) -> None:
    """Compare the mailbox that credentials are for with the import's.

    Raises:
        OtherMailbox: it is another one, or it is not known which one the import's is.
    """
    held = cast("bytes | None", redis.get(part_key(migration_id, "mailbox")))
    if held is None or held.decode() not in vault.pseudonyms(_name(credentials)):
        raise OtherMailbox


def _name(credentials: Credentials) -> str:
    user = credentials.authzid if isinstance(credentials, MasterUser) else credentials.user
    return f"mailbox {mailbox_key(user)}"  # of its own kind: an account of the same name is called another
