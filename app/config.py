"""The configuration: one typed value, read once, by the composition roots alone.

`config.example.toml` shows every setting with its default; a test holds the two together.
"""

import os
import tomllib
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

import click
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from migrator.hostnames import host_key
from migrator.labels import Choices
from migrator.mailbox import Target
from migrator.period import day_of
from migrator.plan import Order
from migrator.quota import ProfileName
from migrator.summary import sender
from oauth.grant import Client, is_plain_loopback
from web.clients import FORWARDED_FOR, LISTS, Proxies
from web.origins import origin_of, url_of

# TOML has no word for "none": an empty path is none.
OptionalPath = Annotated[Path | None, BeforeValidator(lambda value: value or None)]


def _period(value: str) -> str:
    try:
        day_of(value, datetime.now(UTC).date())
    except ValueError:
        raise ValueError('must be "all", "1y", "3y", "5y", or a day such as "2020-01-31"') from None
    return value


def _sender(value: str) -> str:
    return sender(value) if value else ""


def _google_address(value: str) -> str:
    """Take https, and http for a stand-in on this machine: tokens never travel in the clear."""
    where = urlsplit(value)
    if where.scheme != "https" and not is_plain_loopback(value):
        raise ValueError("must begin with https:// (http:// only for 127.0.0.1, [::1] or localhost)")
    if not where.hostname:
        raise ValueError("must name a host")
    return value


GoogleAddress = Annotated[str, AfterValidator(_google_address)]


def _origin(value: str) -> str:
    return origin_of(value.strip().rstrip("/"))


Origin = Annotated[str, AfterValidator(_origin)]
"""An address of scheme, host and port alone, in the one spelling that browsers have."""


def _own_origin(value: str) -> str:
    try:
        return _origin(value) if value.strip() else ""
    except ValueError as error:
        raise ValueError(f"{error}; pages and console each need a host name of their own") from None


OwnOrigin = Annotated[str, AfterValidator(_own_origin)]
"""An origin of ours; empty where it is not served."""

OptionalUrl = Annotated[str, AfterValidator(lambda value: url_of(value) if value.strip() else "")]

MailServer = Annotated[str, AfterValidator(lambda value: host_key(value).strip("[]"))]
"""A mail server's name, as it is looked up and as its certificate has it, or its IP address."""

Login = Literal["address", "local-part"]
"""What a mail server calls a mailbox's user: the whole address, or its part before the @."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Google(_Section):
    """The host's Google project and Google's addresses."""

    client_id: str = ""
    client_secret_file: OptionalPath = None
    project: str = "default"
    profile: ProfileName = "new"
    fetchers: int = Field(default=0, ge=0, le=16)
    api: GoogleAddress = "https://gmail.googleapis.com"
    auth_uri: GoogleAddress = "https://accounts.google.com/o/oauth2/v2/auth"
    token_uri: GoogleAddress = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
    revoke_uri: GoogleAddress = "https://oauth2.googleapis.com/revoke"

    @property
    def client_secret_path(self) -> Path | None:
        """The file of the client's secret: the one that is named, else the one systemd or Docker provides."""
        return self.client_secret_file or _provided("migrator-client-secret")


class Store(_Section):
    """Where state lives: an embedded server under `directory`, or Redis by URL."""

    directory: Path = Path("var/state")
    run_directory: OptionalPath = None
    url: str = ""
    broker_url: str = ""
    keys_url: str | tuple[str, ...] = ""
    ca_file: OptionalPath = None
    password_file: OptionalPath = None
    keys_password_file: OptionalPath = None
    sentinel_password_file: OptionalPath = None
    master_key_file: OptionalPath = None
    workers_key_file: OptionalPath = None
    workers_public_key_file: OptionalPath = None

    @property
    def keys_urls(self) -> tuple[str, ...]:
        """Where the key stores are, the one for new imports first; empty where none is named."""
        named = (self.keys_url,) if isinstance(self.keys_url, str) else self.keys_url
        return tuple(url for url in named if url)

    @property
    def password(self) -> str:
        """The password of the state store's user; empty where none is named (`ConfigError`: its file is unreadable)."""
        return _password("store.password_file", self.password_file, "migrator-store-password")

    @property
    def keys_password(self) -> str:
        """The password of the key store's user; see `password`."""
        return _password("store.keys_password_file", self.keys_password_file, "migrator-keys-password")

    @property
    def sentinel_password(self) -> str:
        """The password of the Sentinels' user; see `password`."""
        return _password("store.sentinel_password_file", self.sentinel_password_file, "migrator-sentinel-password")

    @property
    def secret_files(self) -> tuple[Path | None, ...]:
        """The files with the stores' passwords, the master keys and the workers', as far as there are any."""
        return (
            self.master_key_path,
            self.workers_key_path,
            self.password_file or _provided("migrator-store-password"),
            self.keys_password_file or _provided("migrator-keys-password"),
            self.sentinel_password_file or _provided("migrator-sentinel-password"),
            *(self.directory / name / "users.json" for name in ("redis", "keys")),
        )

    @property
    def master_key_path(self) -> Path:
        """The file of master keys: the one that is named, else the one systemd or Docker provides, else our own."""
        return self.master_key_file or _provided("migrator-master-key") or self.directory / "master.key"

    @property
    def workers_key_path(self) -> Path:
        """The file of the workers' private keys: named, or provided, or beside the master keys."""
        provided = _provided("migrator-workers-key")
        return self.workers_key_file or provided or self.master_key_path.with_name("workers.key")

    @property
    def workers_public_key_path(self) -> Path:
        """The file of the workers' public key: named, or provided, or beside the master keys."""
        provided = _provided("migrator-workers-public-key")
        return self.workers_public_key_file or provided or self.master_key_path.with_name("workers.pub")

    @property
    def makes_workers_keys(self) -> bool:
        """True if the workers' key pair is made at the first start: nobody names or provides its files."""
        own = self.directory / "workers.key", self.directory / "workers.pub"
        return (self.workers_key_path, self.workers_public_key_path) == own


class MailboxHost(_Section):
    """The host's IMAP server."""

    host: MailServer = ""
    port: int = Field(default=993, ge=1, le=65535)
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    ca_file: OptionalPath = None


class Work(_Section):
    """How much one worker does at once."""

    threads: int = Field(default=4, ge=1, le=64)
    slice_seconds: float = Field(default=20, ge=1, le=120)
    lease_seconds: float = Field(default=10, ge=2, le=60)
    memory_mib: int = Field(default=400, ge=128)
    require_kernel_walls: bool = False


class Migrations(_Section):
    """What an import does unless the customer chooses otherwise."""

    policy: Literal["one-copy", "copy-per-label"] = "one-copy"
    order: Order = "newest-first"
    spam: bool = False
    trash: bool = False
    categories: Literal["keyword", "none"] = "keyword"
    sent_first: bool = False
    period: Annotated[str, AfterValidator(_period)] = "all"
    summary_from: Annotated[str, AfterValidator(_sender)] = ""
    verify: Literal["size", "digest"] = "size"

    @property
    def choices(self) -> Choices:
        """The choices an import begins with."""
        return Choices(
            policy=self.policy,
            spam=self.spam,
            trash=self.trash,
            categories=self.categories,
            sent_first=self.sent_first,
            since=day_of(self.period, datetime.now(UTC).date()),
        )


class Receipts(_Section):
    """Who signs the receipts, and what they refer to."""

    signing_key_file: OptionalPath = None
    retired_keys_file: OptionalPath = None
    issuer: str = ""
    policy_version: str = ""
    policy_url: str = ""


class Audit(_Section):
    """Who keeps the audit log, and where its closed days are."""

    keep: bool = True
    folder: OptionalPath = None
    key_file: OptionalPath = None
    password_file: OptionalPath = None


class Served(_Section):
    """A site: where it listens, under which address browsers find it, and how proxies say from where somebody asks."""

    url: OwnOrigin = ""
    host: str = "127.0.0.1"
    port: int = Field(ge=1, le=65535)
    client_header: str = ""
    trusted_proxies: Annotated[int, Field(ge=0, le=16)] | tuple[IPv4Network | IPv6Network, ...] = 0
    process_seconds: int = Field(default=600, ge=1)

    @model_validator(mode="after")
    def _lists_have_an_end(self) -> Self:
        if self.client_header.lower() in LISTS and not self.trusted_proxies:
            raise ValueError(
                f"client_header: {self.client_header} is a list that browsers can begin. Have the proxy overwrite "
                'X-Real-IP (deploy/proxy/ has files) and write client_header = "X-Real-IP", or say how many proxies of '
                "yours append to the list: trusted_proxies = 1"
            )
        return self

    @property
    def proxies(self) -> Proxies:
        """The proxies, as those who count tries take them."""
        given = self.trusted_proxies
        header = self.client_header.lower() or (FORWARDED_FOR if given else "")
        return Proxies(header, given or 1) if isinstance(given, int) else Proxies(header, networks=given)


class Web(Served):
    """The web part: the customers' pages."""

    port: int = Field(default=8080, ge=1, le=65535)
    name: str = ""
    support_url: str = ""
    signins_at_once: int = Field(default=8, ge=1, le=64)
    consents_at_once: int = Field(default=16, ge=1, le=64)


class Panel(_Section):
    """The host's panel, from whose pages customers are launched."""

    origins: tuple[Origin, ...] = ()
    issuer: str = ""
    audience: str = ""
    keys_file: OptionalPath = None
    secret_key_file: OptionalPath = None
    master_user: str = ""
    master_password_file: OptionalPath = None
    login: Login = "address"
    test_mode: bool = False


class SignInHost(MailboxHost):
    """The mail server of one domain, and whether its users log in by their address or by the part before the @."""

    login: Login = "address"


def _by_domain(hosts: dict[str, SignInHost]) -> dict[str, SignInHost]:
    found = {host_key(domain): there for domain, there in hosts.items()}
    if len(found) != len(hosts):
        raise ValueError("names a domain twice, in two spellings: leave one of them")
    return found


class SignIn(_Section):
    """The way in without a panel: by the mailbox's own address and password."""

    hosts: Annotated[dict[str, SignInHost], AfterValidator(_by_domain)] = Field(default_factory=dict)


class Api(_Section):
    """The API for the host's panel."""

    tokens_file: OptionalPath = None


class Hook(_Section):
    """Where the host's panel is told that an import ended, or needs somebody."""

    url: OptionalUrl = ""
    secret_file: OptionalPath = None
    ca_file: OptionalPath = None


class SingleSignOn(_Section):
    """Who signs the host's people in to the console, and how his tokens are read."""

    issuer: str = ""
    client_id: str = ""
    client_secret_file: OptionalPath = None
    ca_file: OptionalPath = None
    amr: tuple[str, ...] = ("mfa",)
    acr: str = ""
    role_claim: str = "groups"
    viewers: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    admins: tuple[str, ...] = ()


class OperatorsConsole(Served):
    """The console of the host's own people."""

    port: int = Field(default=8081, ge=1, le=65535)
    sso: SingleSignOn = SingleSignOn()


class Metrics(_Section):
    """Where `migrator metrics` serves numbers to Prometheus."""

    host: str = "127.0.0.1"
    port: int = Field(default=9464, ge=1, le=65535)


class Logs(_Section):
    """What the worker and the web server log."""

    level: Literal["debug", "info", "warning", "error", "critical"] = "info"


class Config(_Section):
    """Everything that can be set."""

    google: Google = Google()
    store: Store = Store()
    mailbox: MailboxHost = MailboxHost()
    worker: Work = Work()
    migrations: Migrations = Migrations()
    receipts: Receipts = Receipts()
    audit: Audit = Audit()
    web: Web = Web()
    panel: Panel = Panel()
    signin: SignIn = SignIn()
    api: Api = Api()
    hook: Hook = Hook()
    console: OperatorsConsole = OperatorsConsole()
    metrics: Metrics = Metrics()
    logs: Logs = Logs()

    @property
    def receipt_key_path(self) -> Path:
        """The file of the key that signs receipts: the one that is named, else a provided one, else our own."""
        return (
            self.receipts.signing_key_file or _provided("migrator-receipt-key") or self.store.directory / "receipt.key"
        )

    @property
    def audit_folder(self) -> Path:
        """The folder of the audit log's files."""
        return self.audit.folder or self.store.directory / "audit"

    @property
    def audit_key_path(self) -> Path:
        """The file of the audit log's key: the one that is named, else a provided one, else our own."""
        return self.audit.key_file or _provided("migrator-audit-key") or self.store.directory / "audit.key"

    @property
    def audit_password_path(self) -> Path | None:
        """The file with the store's user and password of the log's keeper; None where it has none of its own."""
        return self.audit.password_file or _provided("migrator-audit-password")

    @property
    def audit_password(self) -> str:
        """What is in that file; empty where there is none (`ConfigError`: it is unreadable)."""
        path = self.audit_password_path
        return _secret("audit.password_file", path) if path else ""

    @property
    def secret_files(self) -> tuple[str, ...]:
        """The files that no process of a slice needs, and none may read."""
        others = (
            *(self.receipt_key_path, self.audit_key_path, self.audit_password_path),
            *(self.panel.master_password_file, self.console.sso.client_secret_file),
        )
        return tuple(str(path) for path in (*self.store.secret_files, *others) if path)

    @property
    def without_stores(self) -> "Config":
        """The same for a process that must not know where the stores are."""
        store = self.store.model_copy(update={"url": "", "broker_url": "", "keys_url": ""})
        return self.model_copy(update={"store": store})

    @property
    def target(self) -> Target:
        """The mailbox host as the mailbox door takes it."""
        host = self.mailbox
        return Target(host.host, host.port, host.tls, host.ca_file)

    @property
    def client(self) -> Client:
        """The OAuth client; its secret is read from its file (`ConfigError` where that cannot be read)."""
        path = self.google.client_secret_path
        return self._client(_secret("google.client_secret_file", path) if path else "")

    @property
    def client_as_of_now(self) -> Client:
        """The OAuth client for work that is under way: a secret that cannot be read is as good as a wrong one.

        Google refuses the client then, which is told and waited for like any other refusal of it.
        """
        try:
            return self.client
        except ConfigError:
            return self._client("")

    def _client(self, secret: str) -> Client:
        google = self.google
        return Client(google.client_id, secret, google.auth_uri, google.token_uri, google.revoke_uri)

    @property
    def return_address(self) -> str:
        """Where Google sends customers back to, as it must be entered there; empty without `web.url`."""
        return f"{self.web.url}/consent/return" if self.web.url else ""

    @property
    def sso_secret(self) -> str:
        """The console's secret at the single sign-on (`ConfigError` where its file cannot be read)."""
        file = self.console.sso.client_secret_file or _provided("migrator-sso-secret")
        return _secret("console.sso.client_secret_file", file) if file else ""

    @property
    def hook_secret(self) -> str:
        """What is shared with the receiver of webhooks, `whsec_...` (`ConfigError` where its file cannot be read)."""
        return _secret("hook.secret_file", self.hook.secret_file) if self.hook.secret_file else ""


class ConfigError(click.ClickException):
    """The configuration cannot be used; the text says which setting and what to do."""


def load(path: Path | None) -> Config:
    """Read the configuration file; without one, `$MIGRATOR_CONFIG`, else all defaults.

    Raises:
        ConfigError: not found, not TOML, or a setting that is unknown or out of range.
    """
    named = path or (Path(os.environ["MIGRATOR_CONFIG"]) if "MIGRATOR_CONFIG" in os.environ else None)
    if named is None:
        return Config()
    try:
        return Config.model_validate(tomllib.loads(named.read_text()))
    except OSError as error:
        raise ConfigError(
            f"cannot read {named}: {error.strerror}. Copy config.example.toml there and edit it."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{named} is not valid TOML: {error}.") from None
    except ValidationError as error:
        lines = (f"  {'.'.join(map(str, e['loc']))}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors())
        raise ConfigError(f"{named} cannot be used:\n" + "\n".join(lines) + "\nSee config.example.toml.") from None


def _provided(name: str) -> Path | None:
    """Return the file of a systemd credential or Docker secret of this name, if there is one."""
    folders = (os.environ.get("CREDENTIALS_DIRECTORY"), "/run/secrets")
    return next((path for folder in folders if folder and (path := Path(folder) / name).is_file()), None)


def _password(setting: str, named: Path | None, credential: str) -> str:
    path = named or _provided(credential)
    return _secret(setting, path) if path else ""


def _secret(setting: str, path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise ConfigError(f"{setting}: cannot read {path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{setting}: {path} is not a text file.") from None
