"""Which mail server an import goes to: the configured one, or that of the domain whose customers sign in there."""

from redis import Redis

from app.config import Config
from jobs.launch import domain_of
from migrator.errors import UnknownHost
from migrator.hostnames import host_key


def config_at(config: Config, domain: str) -> Config:
    """Return the configuration with the mail server of a domain in the place of the general one.

    Args:
        config: of this installation.
        domain: one of `signin.hosts`; empty leaves the configuration as it is.

    Raises:
        UnknownHost: the domain is none of the host's (any more); a customer names no server.
    """
    if not domain:
        return config
    there = config.signin.hosts.get(host_key(domain))
    if there is None:
        raise UnknownHost
    return config.model_copy(update={"mailbox": there})


def config_for(config: Config, state: Redis, migration: str) -> Config:
    """Return the configuration whose `target` is the mail server of an import; raises as `config_at`."""
    return config_at(config, domain_of(state, migration))
