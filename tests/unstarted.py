"""An import that is connected and waits for its start, as the wizard leaves one."""

import json

from redis import Redis
from stand_in import Google

from emulator.servers.instance import User
from jobs import accounts, requests
from jobs.launch import Import, prepare
from jobs.migration import new_id
from migrator.mailbox import Password
from oauth.grant import Grant
from oauth.sealing import closed
from oauth.vault import Sealer, Vault, label_of, put


def unstarted(google: Google, state: Redis, vault: Vault, user: User, account: str, customer: str = "c1") -> str:
    """Return the id of one whose account is there at Google."""
    migration = new_id()
    accounts.claim(state, vault, migration, account)
    sealer = Sealer(state, migration, vault.make(migration))
    sealer.seal(grant=Grant(google.grant(account=account)["refresh_token"]).to_bytes())
    shown = json.dumps({"account": account, "mailbox": user.name}).encode()
    label = label_of(migration, "addresses")
    put(state, migration, {"addresses": closed(vault.shown_key(migration), shown, label)})
    prepare(state, vault, migration, Import(customer, Password(user.name, user.password)))
    requests.create(state, customer, migration_id=migration, start=False)
    return migration
