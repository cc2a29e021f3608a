"""The receipts of this installation: who issues them, and with which key they are signed."""

from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version

import click
from redis import Redis

from app.config import Config
from jobs.migration import State
from jobs.statement import Issuer, statement_of
from migrator.receipt import Policy, Software
from migrator.signing import sign
from migrator.signingkeys import KeyUnusable, SigningKey
from oauth.grant import SCOPE

_NAME = "gmail-migrator"


def receipt_maker(config: Config) -> Callable[[Redis, str, State], str]:
    """Return the function that makes and signs the receipt of a migration that ends in a state.

    Raises:
        click.ClickException: the signing key cannot be used; the text says what to do.
    """
    key, issuer = signing_key(config), _issuer(config)

    def make(redis: Redis, migration_id: str, end: State) -> str:
        return sign(statement_of(redis, migration_id, end, issuer), key)

    return make


def signing_key(config: Config) -> SigningKey:
    """Read the signing key; where no file is named, the first start makes one."""
    path = config.receipt_key_path
    try:
        if config.receipts.signing_key_file is None and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with suppress(FileExistsError):  # another process of ours was quicker
                return SigningKey.make(path)
        return SigningKey.read(path)
    except KeyUnusable as error:
        raise click.ClickException(f"receipts.signing_key_file: {error}") from None
    except OSError as error:
        raise click.ClickException(f"receipts.signing_key_file: cannot read {path}: {error.strerror}.") from None


def _issuer(config: Config) -> Issuer:
    said, host = config.receipts, config.mailbox
    policy = Policy(said.policy_version, said.policy_url)
    return Issuer(said.issuer, policy, Software(_NAME, version(_NAME)), f"{host.host}:{host.port}", SCOPE)
