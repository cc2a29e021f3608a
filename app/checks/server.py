"""One store as it answers: its version, what it says of itself, its settings; or why it cannot be used."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from app.checks.finding import Finding, bad
from app.checks.reaching import reason
from jobs.broker import open_state
from jobs.scripts import decoded

SECONDS = 3.0
"""A store that takes longer to answer is called away."""


@dataclass(frozen=True, slots=True)
class Server:
    """A store that answers.

    Attributes:
        name: `state store`, `broker` or `key store`.
        setting: the setting that names it.
        client: of its database.
        info: its INFO; empty where it may not be asked.
        settings: its CONFIG; None where it may not be asked.
    """

    name: str
    setting: str
    client: Redis
    info: Mapping[str, Any]
    settings: Mapping[str, str] | None

    @property
    def version(self) -> tuple[int, int]:
        """Major and minor version."""
        major, minor, *_ = f"{self._version}.0".split(".")
        return int(major), int(minor)

    @property
    def program(self) -> str:
        """What it is, in words."""
        if not self.info:
            return "answers"
        return f"{str(self.info.get('server_name', 'Redis')).capitalize()} {self._version}"

    @property
    def _version(self) -> str:
        return str(self.info.get("valkey_version") or self.info.get("redis_version") or "0.0")

    def is_same_server(self, other: "Server") -> bool:
        """Tell whether both are one server, as far as that can be told."""
        return bool(self.info) and self.info.get("run_id") == other.info.get("run_id")


def look(name: str, setting: str, url: str) -> Server | Finding:
    """Return the store, or why it cannot be used."""
    try:
        client = open_state(url, SECONDS)
        client.ping()
        return Server(name, setting, client, _info(client), _settings(client))
    except ValueError:
        return bad(name, f"{setting} is no address of a store", f"Write {setting} as redis://, rediss:// or unix://.")
    except (RedisError, OSError) as error:
        return _away(name, setting, error)


def _away(name: str, setting: str, error: Exception) -> Finding:
    if isinstance(error, AuthenticationError):
        way_out = f"Put the user and password that the server knows into {setting}."
        return bad(name, "refuses our user or password", way_out)
    why = reason(error, setting, "store.ca_file")
    if why:
        return bad(name, f"cannot be reached: {why.found}", why.way_out)
    return bad(name, f"cannot be used ({type(error).__name__})", f"Look at the log of the server that {setting} names.")


def _info(client: Redis) -> Mapping[str, Any]:
    try:
        return client.info()
    except NoPermissionError:
        return {}


def _settings(client: Redis) -> Mapping[str, str] | None:
    try:
        row = cast("dict[object, object]", client.config_get("*"))
    except NoPermissionError:
        return None
    return {decoded(name): decoded(value) for name, value in row.items()}
