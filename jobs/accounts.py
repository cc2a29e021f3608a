"""One grant per Google account at a time: revoking one kills them all, so a second import of an account must wait.

The hold is the key `account:<pseudonym>`: the id of the one migration that may have a grant for this account.
"""

from typing import Any, cast

from redis import Redis

from jobs import exchanges, requests
from jobs.errors import AccountBusy
from jobs.migration import ENDS, part_key
from jobs.retention import UNFINISHED_SECONDS
from jobs.scripts import decoded
from migrator.addresses import account_key
from oauth.vault import Vault

# A hold without a record counts while it is written down that the account is being connected (`jobs.exchanges`).
# KEYS: the account's names, those that count first. ARGV: id, seconds, the ends.
_CLAIM = """
local id, seconds = ARGV[1], tonumber(ARGV[2])
local ended = {}
for i = 3, #ARGV do ended[ARGV[i]] = true end
for _, key in ipairs(KEYS) do
  local holder = redis.call('GET', key)
  if holder and holder ~= id then
    local state = redis.call('HGET', 'mig:{' .. holder .. '}', 'state')
    if state and not ended[state] then return holder end
    if not state and redis.call('HEXISTS', 'jobs:exchanges', holder) == 1 then return holder end
  end
end
redis.call('SET', KEYS[1], id, 'EX', seconds)
redis.call('SET', 'mig:{' .. id .. '}:account', string.sub(KEYS[1], 9), 'EX', seconds)
return ''
"""


def claim(redis: Redis, vault: Vault, migration_id: str, address: str) -> None:
    """Make this migration the one that holds the account's grant.

    Raises:
        AccountBusy: another migration that has not ended, or is being connected, holds it.
    """
    names = [_hold(name) for name in _names(vault, address)]
    client: Any = redis
    ends = [str(state) for state in ENDS]
    holder = client.eval(_CLAIM, len(names), *names, migration_id, UNFINISHED_SECONDS, *ends)
    if holder:
        raise AccountBusy(decoded(holder))


def account_of(redis: Redis, migration_id: str) -> str:
    """Return the opaque name of the migration's Google account; empty when it has none (any more)."""
    held = cast("bytes | None", redis.get(part_key(migration_id, "account")))
    return held.decode() if held else ""


def holds(redis: Redis, vault: Vault, migration_id: str, address: str) -> bool:
    """Tell whether this migration is the one that holds this account's grant."""
    return account_of(redis, migration_id) in _names(vault, address)


def release(redis: Redis, migration_id: str) -> None:
    """Give the account free for another migration; twice is harmless."""
    hold = _hold(account_of(redis, migration_id))
    if redis.get(hold) == migration_id.encode():
        redis.delete(hold)
    redis.delete(part_key(migration_id, "account"))


def _names(vault: Vault, address: str) -> tuple[str, ...]:
    """Return the account's opaque names: of its one spelling, then of this one, by which older holds are known."""
    return (*vault.pseudonyms(account_key(address)), *vault.pseudonyms(address))


def anybody_imports(redis: Redis, but_for: str) -> bool:
    """Tell whether there is any import that has not ended, or is being connected: it may be one of any account."""
    every = requests.read_all(redis, requests.migration_ids(redis))
    if any(migration.state not in ENDS for migration in every):
        return True
    return any(one.is_under_way for one in exchanges.every(redis) if one.id != but_for)


def _hold(name: str) -> str:
    return f"account:{name}"
