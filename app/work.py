"""A worker put together: settings from the configuration, the child's function, the stores, whom it tells."""

import threading
from functools import partial

import click
from redis import Redis

from app import exchanging, looking
from app.child import surroundings, work
from app.clientwatch import watching_client
from app.closing import readable_of
from app.config import Config
from app.hosts import config_for
from app.keeping import keeping
from app.kernelwalls import look_at_walls
from app.logs import CHILD_LOGS, configure_logs
from app.receipts import receipt_maker
from app.revoking import give_back
from app.sentences import sentence
from app.settling import settling
from app.stores import Stores
from app.surveyor import surveying
from app.telling import hook_of, telling
from jobs import undoing, worker
from jobs.custody import Custody
from jobs.settings import WorkerSettings
from jobs.undoing import Place
from jobs.undos import Undos
from oauth.errors import WorkersKeyUnusable
from oauth.vault import WorkersVault


def serve(config: Config, stores: Stores, stop: threading.Event) -> bool:
    """Work as a service, whose words are lines of JSON, and tell the host's panel what happens, until `stop` is set.

    Returns False when the worker gave up, as of `jobs.worker`.

    Raises:
        click.ClickException: the panel cannot be told so; said while a person can still read it.
    """
    hook = hook_of(config)
    configure_logs(config.logs.level)  # from here on lines of JSON; before, what a person must know
    with telling(hook, stores.urls.state, stop):
        return run_worker(config, stores, stop)


def run_worker(config: Config, stores: Stores, stop: threading.Event) -> bool:
    """Work until `stop` is set; the children are given the configuration and no secret. Returns as of `jobs.worker`.

    Raises:
        click.ClickException: the kernel's walls are required, and missing; or the workers' private keys are.
    """
    look_at_walls(required=config.worker.require_kernel_walls)
    settings = WorkerSettings(
        threads=config.worker.threads,
        slice_seconds=config.worker.slice_seconds,
        lease_seconds=config.worker.lease_seconds,
        memory_mib=config.worker.memory_mib,
        preload=(CHILD_LOGS, *(one.__name__ for one in (exchanging, looking, undoing)), give_back.__module__),
        readable=readable_of(config),
        surroundings=partial(surroundings, config),
    )
    vault = _opening_vault(stores)
    custody = Custody(vault, receipt_maker(config), give_back)
    undos = Undos(vault, stores.keystores, partial(_place, config))
    with (
        watching_client(config, stores.urls.state, stop),
        settling(config, stores, stop),
        keeping(config, stores, stop),
    ):
        urls, surveys = stores.urls, surveying(config, stores, stop)
        return worker.run_worker(urls.state, urls.broker, work, settings, stop, custody, undos, surveys)


def _place(config: Config, state: Redis, migration: str) -> Place:
    """Return where the mailbox of an import is that is to be undone."""
    return Place(config_for(config, state, migration).target, secrets=config.secret_files)


def _opening_vault(stores: Stores) -> WorkersVault:
    try:
        return stores.opening_vault
    except WorkersKeyUnusable as unusable:
        raise click.ClickException(sentence(unusable.code)) from None
