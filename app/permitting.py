"""What processes with secrets may ask of the state store, by what they are for; see `jobs.permits`."""

from redis import Redis

from app.config import Config
from app.stores import connect
from jobs import accounts
from jobs.migration import part_key
from jobs.permits import Permit, for_slice, metering, permit, reading_parts, sealing
from jobs.storeproxy import Access
from jobs.tickets import Claim
from migrator.quota import PROFILES, Meter


def slice_permit(config: Config, redis: Redis, claimed: Claim) -> Permit:
    """Return what a slice may ask."""
    return for_slice(claimed.id, claimed.token, account_meter(config, redis, claimed.id))


def for_survey(config: Config, redis: Redis, migration: str) -> Access:
    """Return what the process may ask that looks an account over before its import."""
    meter = account_meter(config, redis, migration)
    parts = reading_parts(migration, "sealed", "account", "choices")
    return Access(redis, permit(parts, scripts=(metering(meter),)))


def for_preview(config: Config, redis: Redis, migration: str) -> Access:
    """Return what a preview's process may ask; `migration`: under whose id the grant lies sealed, if it does."""
    meter = meter_of(config, redis, migration or "preview")
    return Access(redis, permit(reading_parts(migration, "sealed"), scripts=(metering(meter),)))


def exchange_access(config: Config, state_url: str, migration: str, exchange: str) -> Access:
    """Return what the process may ask that exchanges a consent's code: both ids' sealed values, and the disk."""
    redis = connect(state_url)
    meter = meter_of(config, redis, migration, calls=part_key(migration, "calls"))
    asked = (reading_parts(exchange, "sealed"), sealing(exchange), sealing(migration))
    return Access(redis, permit(*asked, scripts=(metering(meter),), waits=True))


def account_meter(config: Config, redis: Redis, migration: str) -> Meter:
    """Return the meter of an import's account, which counts its calls."""
    account = accounts.account_of(redis, migration)
    return meter_of(config, redis, account, calls=part_key(migration, "calls"))


def meter_of(config: Config, redis: Redis, account: str, *, calls: str = "") -> Meter:
    """Return the meter of an account, by its opaque name."""
    google = config.google
    return Meter(redis, f"{google.project}:{account}", PROFILES[google.profile], calls=calls)
