"""The rooms behind the pages after the end: receipts read, mailboxes entered, undos handed over to the workers."""

from functools import cache, partial

import structlog
from redis import Redis

from app.config import Config
from app.entering import allowed_hosts, login_of
from app.receipts import signing_key
from app.stores import Stores
from app.wizard import Wizard, mailbox_of, wizard_of
from jobs import undos
from jobs.erasing import erase
from jobs.kept import Where
from jobs.launch import wanted_of
from jobs.migration import part_key
from jobs.overview import held_of
from migrator.mailbox import Credentials, Password
from migrator.receipt import Receipt
from migrator.signing import ReceiptError, verify
from migrator.signingkeys import public_keys
from web.afterdoors import Afterwards
from web.launch import login_name
from web.limits import seconds_to_wait
from web.pools import Pools
from web.views.host import Host
from web.visitor import Owned

_log = structlog.get_logger()


def afterwards_doors(config: Config, stores: Stores, host: Host, pools: Pools) -> Afterwards:
    """Return what the pages after the end may do in this installation.

    Raises:
        ConfigError, click.ClickException: a file that the configuration names cannot be read.
    """
    state, vault = stores.state, stores.vault

    @cache
    def keys() -> dict[str, object]:
        return public_keys(signing_key(config), config.receipts.retired_keys_file)

    def receipt(migration: str) -> Receipt | None:
        text = signed_receipt(state, migration)
        try:
            return verify(text, keys()) if text else None
        except ReceiptError as error:
            _log.error("receipt-unreadable", migration=migration, error=error)
            return None

    return Afterwards(
        state=state,
        host=host,
        signed=partial(signed_receipt, state),
        receipt=receipt,
        held=partial(held_of, {Where.STATE: state, Where.KEYS: stores.keystores}),
        erase=partial(erase, state, vault),
        enter=partial(credentials_for, wizard_of(config, stores)),
        undo=partial(undos.ask, state, stores.keystores, vault),
        seconds_to_wait=lambda limit, name: seconds_to_wait(state, limit, vault.pseudonyms(name)[0]),
        pools=pools,
    )


def signed_receipt(state: Redis, migration: str) -> str:
    """Return the signed receipt of an import; empty where there is none."""
    blob = state.get(part_key(migration, "receipt"))
    return blob.decode() if isinstance(blob, bytes) else ""


def credentials_for(wizard: Wizard, owned: Owned, address: str, password: str) -> Credentials | None:
    """Return what the mailbox of an ended import is entered with; None where a password is still to be typed.

    Args:
        wizard: knows the master user, and what the session's way in has brought along.
        owned: the import and its session.
        address: of the mailbox, as typed; the session's own goes first.
        password: as typed; empty where none was.
    """
    known = mailbox_of(wizard, owned.session)
    address = owned.session.entered.mailbox or address
    if known or not (address and password):
        return known
    if wanted_of(wizard.stores.state, owned.migration.id).domain:
        return login_of(allowed_hosts(wizard.config), address, password)
    return Password(login_name(address, wizard.config.panel.login), password)
