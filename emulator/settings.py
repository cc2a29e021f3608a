"""What can be switched on the stand-in, at start and while it runs."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Settings:
    """All switches; each has the value of a small, friendly Google with no limits.

    quota           "off", "new" or "legacy": the profile of `emulator.quota`; "off" meters nothing at all
    scale           factor on the units per minute
    quota_status    HTTP status of a refusal for units, 429 or 403 (Google uses both)
    concurrency     requests of one account that may run at once; 0 = any number
    bandwidth_bytes bytes one account may be sent before it is parked; 0 = any number
    bandwidth_pause seconds an account is parked then ("Retry after T")
    latency_ms      delay of every Gmail answer; jitter_ms more, at random, at most
    token_seconds   life of an access token; code_seconds that of an authorization code
    granted_scopes  scopes a consent really grants, in place of those asked for; empty = those asked for
    """

    quota: str = "off"
    scale: float = 1.0
    quota_status: int = 429
    concurrency: int = 10
    bandwidth_bytes: int = 2_500_000_000
    bandwidth_pause: float = 3600.0
    latency_ms: float = 0.0
    jitter_ms: float = 0.0
    token_seconds: float = 3600.0
    code_seconds: float = 600.0
    granted_scopes: tuple[str, ...] = ()


def changed(settings: Settings, changes: Mapping[str, object]) -> Settings:
    """Return the settings with `changes` made.

    Raises:
        ValueError: a name is unknown, or a value does not have the setting's type.
    """
    known = {field.name for field in fields(Settings)}
    unknown = set(changes) - known
    if unknown:
        raise ValueError(f"unknown settings: {sorted(unknown)}")
    new = replace(settings, **{name: _like(getattr(settings, name), value) for name, value in changes.items()})  # type: ignore[arg-type]
    if new.quota not in {"off", "new", "legacy"} or new.quota_status not in {403, 429}:
        raise ValueError("quota is off, new or legacy; quota_status is 403 or 429")
    return new


def _like(old: object, value: object) -> object:
    if isinstance(old, tuple) and isinstance(value, list | tuple):
        return tuple(str(item) for item in value)
    if isinstance(old, int) and isinstance(value, int):
        return value
    if isinstance(old, float) and isinstance(value, int | float):
        return float(value)
    if isinstance(old, str) and isinstance(value, str):
        return value
    raise ValueError(f"{value!r} is not of the type of {old!r}")
