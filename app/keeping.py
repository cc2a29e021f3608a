"""A worker keeps the audit log: a thread beside it makes entries of notes, and files of closed days."""

import threading
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import click
import structlog
from redis import Redis
from redis.exceptions import NoPermissionError, RedisError

from app.background import beside
from app.config import Config
from app.stores import Stores, connect
from app.storeurls import keeper_url
from jobs.audit.check import Verdict
from jobs.audit.keeper import Keeper, locked
from jobs.audit.key import AuditKey, AuditKeyUnusable
from jobs.audit.marking import KeptElsewhere

_log = structlog.get_logger()

_EVERY_SECONDS = 2.0
_LOCK_SECONDS = 5.0


def keeping(config: Config, stores: Stores, stop: threading.Event) -> AbstractContextManager[None]:
    """Keep the log while the block runs, or until `stop` is set, unless another worker with the same folder does.

    Raises:
        click.ClickException: the key cannot be used, or the keeper's password cannot be read.
    """
    if not config.audit.keep:
        return nullcontext()
    told = (stop, config, keeper_client(config, stores), audit_key(config))
    return beside("audit", stop, partial(_keep_until, *told))


def keeper_client(config: Config, stores: Stores) -> Redis:
    """Return a client of the state store as the log's keeper, or as everybody where it is no user of its own.

    Raises:
        click.ClickException: its password cannot be read.
    """
    password = config.audit_password
    named = keeper_url(config.store, password) if password and config.store.url else ""
    return connect(named or stores.as_role("keeper").urls.state)


def audit_key(config: Config) -> AuditKey:
    """Read the log's key; where no file is named, the first start makes one.

    Raises:
        click.ClickException: it cannot be used; the text says what to do.
    """
    path = config.audit_key_path
    own = config.audit.key_file is None
    try:
        return AuditKey.read_or_make(path) if own else AuditKey.read(path)
    except AuditKeyUnusable as error:
        raise click.ClickException(f"audit.key_file: {error}") from None
    except OSError as error:
        raise click.ClickException(f"audit.key_file: cannot read {path}: {error.strerror}.") from None


def _keep_until(stop: threading.Event, config: Config, redis: Redis, key: AuditKey) -> None:
    said: set[str] = set()
    with redis:
        while not stop.is_set():
            try:
                with locked(config.audit_folder) as is_ours:
                    if is_ours:
                        _look_until(stop, Keeper(redis, config.audit_folder, key), said)
            except NoPermissionError as error:  # the keeper is no user of its own, and this one may only append
                _log.error("look-failed", error=error)
            except RedisError:  # said by the worker, which needs the store too
                pass
            except KeptElsewhere:
                if "audit-elsewhere" not in said:
                    _log.warning("audit-elsewhere")
                    said.add("audit-elsewhere")
            except Exception as error:  # noqa: BLE001 - one look failed; the next may not
                _log.error("look-failed", error=error)
            stop.wait(_LOCK_SECONDS)


def _look_until(stop: threading.Event, keeper: Keeper, said: set[str]) -> None:
    while not stop.is_set():
        verdict = keeper.look()
        said.discard("audit-elsewhere")
        if verdict is not None:
            _tell(verdict, said)
        stop.wait(_EVERY_SECONDS)


def _tell(verdict: Verdict, said: set[str]) -> None:
    """Say what is wrong when it begins, and again when it is something else."""
    words = {f"audit-damaged {flaw.kind} {flaw.number}" for flaw in verdict.flaws}
    for flaw in verdict.flaws:
        if f"audit-damaged {flaw.kind} {flaw.number}" not in said:
            _log.critical("audit-damaged", code=str(flaw.kind), entry=flaw.number)
    said -= {word for word in said if word.startswith("audit-damaged")} - words
    said |= words
