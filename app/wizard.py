"""What stands behind the pages of the wizard: consents, an import prepared and looked over, and its start."""

from dataclasses import dataclass

from app import surveying
from app.addresses import addresses_of, remember
from app.config import Config
from app.connecting import Connected, connect
from app.master_user import master_password
from app.newkey import Anew, has_lost_key
from app.stores import Stores
from jobs import audit, mailboxes, requests
from jobs.audit import CUSTOMER, Act
from jobs.durable import wait_for_disk
from jobs.errors import ConnectingLapsed, IllegalTransition
from jobs.launch import Import, choose, prepare, wanted_of
from jobs.mailboxes import OtherMailbox
from jobs.migration import new_id
from jobs.spawning import try_to_start
from migrator.labels import Choices
from migrator.mailbox import Credentials, MasterUser
from oauth import pending
from oauth.errors import NotConnected, SealBroken
from oauth.grant import Client
from oauth.pending import Purpose
from web import entrusted
from web.doors import Addresses, Consents, LookOver, MailboxForgotten
from web.launch import login_name
from web.session import Session


@dataclass(frozen=True)
class Wizard:
    """What its steps share: the installation, its OAuth client, the master user's password (empty without one)."""

    config: Config
    stores: Stores
    client: Client
    master_password: str

    def __repr__(self) -> str:
        return "Wizard()"


def wizard_of(config: Config, stores: Stores) -> Wizard:
    """Put it together; raises `ConfigError` or `click.ClickException` where a file cannot be read."""
    return Wizard(config, stores, config.client, master_password(config))


def consents_of(wizard: Wizard) -> Consents:
    """Return the way to Google and back."""
    return Consents(
        ready=lambda session: mailbox_of(wizard, session) is not None,
        begin=lambda session, account: _begun(wizard, session, Purpose(new_id(), expected=account)),
        reconnect=lambda session, migration: _begun_again(wizard, session, migration),
        connect=lambda session, answer: _connected(wizard, session, answer),
    )


def look_over_of(wizard: Wizard) -> LookOver:
    """Return an account's look-over before its import starts."""
    config, stores = wizard.config, wizard.stores
    return LookOver(
        begin=lambda migration: surveying.begin(stores, migration),
        found=lambda migration: surveying.found(stores, migration),
        counted=surveying.counted,
        usual=lambda found: surveying.usual(found, config.migrations.choices),
        looked=surveying.looked,
    )


def addresses_for(wizard: Wizard, migration: str) -> Addresses | None:
    """Return both addresses of an import; None when its key is gone."""
    return addresses_of(wizard.stores, migration)


def start(wizard: Wizard, migration: str, choices: Choices) -> None:
    """Start a connected import under these choices.

    Raises:
        IllegalTransition: it has been started before.
        SealBroken: its key is lost, and the grant with it.
    """
    state = wizard.stores.state
    record = requests.read(state, migration)
    if record.reason != "not-started":
        raise IllegalTransition(record.state, record.phase)
    if not wizard.stores.vault.holds(migration):
        raise SealBroken
    choose(state, migration, choices)
    audit.append(state, CUSTOMER, Act.STARTED, migration)
    requests.resume(state, migration)
    wait_for_disk(state)


def mailbox_of(wizard: Wizard, session: Session) -> Credentials | None:
    """Return what the session's mailbox is entered with; None when the customer has to come in again."""
    entered, panel = session.entered, wizard.config.panel
    if entered.entrusted:
        return entrusted.entrusted(wizard.stores.keystores, wizard.stores.vault, entered.entrusted)
    if not entered.customer or entered.domain or not wizard.master_password:
        return None
    user = login_name(entered.mailbox, panel.login)
    return MasterUser(user, panel.master_user, wizard.master_password)


def _begun(wizard: Wizard, session: Session, purpose: Purpose) -> str:
    """Begin a consent, and let the credentials last until its answer."""
    entrusted.prolong(wizard.stores.keystores, session.entered.entrusted)
    back, stores = wizard.config.return_address, wizard.stores
    return pending.begin(stores.keystores, stores.vault, wizard.client, back, session.binding, purpose)


def _begun_again(wizard: Wizard, session: Session, migration: str) -> str:
    """Begin a consent for an import that waits for it; one whose key was lost needs its mailbox, too."""
    _anew(wizard, session, migration)
    return _begun(wizard, session, Purpose(migration, reconnect=True))


def _anew(wizard: Wizard, session: Session, migration: str) -> Anew | None:
    """Return what an import whose key was lost is given besides the grant; None for one that has its key.

    Raises:
        MailboxForgotten: the customer has to come in again.
        OtherMailbox: he came in for another mailbox than the import's.
    """
    stores, entered = wizard.stores, session.entered
    if not has_lost_key(stores, requests.read(stores.state, migration)):
        return None
    mailbox = mailbox_of(wizard, session)
    if mailbox is None:
        raise MailboxForgotten
    mailboxes.check(stores.state, stores.vault, migration, mailbox)
    if wanted_of(stores.state, migration).domain != entered.domain:
        raise OtherMailbox
    return Anew(mailbox, lambda account: remember(stores, migration, Addresses(account, entered.mailbox)))


def _connected(wizard: Wizard, session: Session, answer: str) -> str:
    stores = wizard.stores
    try_to_start()  # first: an answer is taken once, and would be lost where no process can exchange it
    taken = pending.take(stores.keystores, stores.vault, session.binding, answer)
    if taken.purpose.reconnect:
        anew = _anew(wizard, session, taken.purpose.migration)
        again = connect(wizard.config, stores, taken, answer, actor=CUSTOMER, anew=anew)
        if anew:
            entrusted.forget(stores.keystores, session.entered.entrusted)
        return again.migration
    mailbox = mailbox_of(wizard, session)
    if mailbox is None:  # before the code is exchanged: nothing is granted then
        raise MailboxForgotten
    made = connect(wizard.config, stores, taken, answer, actor=CUSTOMER, customer=session.entered.customer)
    try:
        _prepared(wizard, session, made, mailbox)
    except (ConnectingLapsed, SealBroken):  # it took a minute, and a worker gives the grant back
        raise NotConnected(NotConnected.code) from None
    surveying.begin(stores, made.migration)
    return made.migration


def _prepared(wizard: Wizard, session: Session, made: Connected, mailbox: Credentials) -> None:
    """Move the mailbox's credentials under the import's key, and make its record.

    A record from now on: a customer who never starts has his access revoked when the record expires.
    """
    stores, usual, entered = wizard.stores, wizard.config.migrations, session.entered
    by_digest = usual.verify == "digest"
    wanted = Import(entered.customer, mailbox, usual.choices, usual.order, by_digest, entered.domain)
    prepare(stores.state, stores.vault, made.migration, wanted)
    remember(stores, made.migration, Addresses(made.address, entered.mailbox))
    requests.create(stores.state, entered.customer, migration_id=made.migration, start=False, connecting=True)
    wait_for_disk(stores.state)
    entrusted.forget(stores.keystores, entered.entrusted)
