"""The process in which a grant is given back: started anew at the end of an import, for nothing else.

It has read no mail and spoken to no mail server. Of the state store it can read the sealed grant; what it answers is
written down by its worker (`jobs.custody`), so no process that handled mail has a part in what a receipt says of it.
"""

import sys

from redis.exceptions import RedisError

from app.child import ChildConfig
from app.closing import close_doors
from jobs.crashes import store_away
from jobs.discarding import GRANT_ALIVE, GRANT_DEAD, NO_GRANT
from jobs.launch import grant_of
from jobs.slice import Link, SliceEnd, SliceTask
from jobs.storeline import state_store
from jobs.storetrouble import is_away
from oauth.errors import SealBroken
from oauth.grant import Client, Grant
from oauth.revocation import is_gone, revoke
from oauth.vault import Safe


def give_back(task: SliceTask, link: Link) -> SliceEnd:
    """Revoke the grant and ask Google whether it is dead; one of the answers of `jobs.discarding`."""
    given = ChildConfig.of(task)
    try:
        grant = grant_of(Safe(state_store(), task.id, task.key))
    except SealBroken:
        return NO_GRANT
    except RedisError as error:
        if not is_away(error):
            raise
        return store_away()
    client = given.config.client_as_of_now
    close_doors(given.config, link.refused, to_mailbox=False)
    end = GRANT_DEAD if _is_dead(client, grant) else GRANT_ALIVE
    sys.audit("migrator.slice.before", task.phase)
    return end


def _is_dead(client: Client, grant: Grant) -> bool:
    sys.audit("migrator.discard.before", "revoke")
    given_back = revoke(client, grant.refresh_token)
    sys.audit("migrator.discard.before", "prove")
    dead = given_back and is_gone(client, grant)
    sys.audit("migrator.discard.after", "prove")
    return dead
