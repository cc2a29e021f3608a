"""A Gmail request read into a value: which method is meant, by whom, about what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote

from emulator.errors import refusal

Query = Mapping[str, Sequence[str]]

# Path below users/{userId}, with * for an id, to the method's name in the discovery document.
_METHODS: Mapping[tuple[str, ...], str] = {
    ("profile",): "getProfile",
    ("messages",): "messages.list",
    ("messages", "*"): "messages.get",
    ("labels",): "labels.list",
    ("labels", "*"): "labels.get",
    ("history",): "history.list",
    ("settings", "filters"): "settings.filters.list",
}
_PREFIX = ("gmail", "v1", "users")
_ID_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `method` is empty for what the stand-in does not offer; `id` is the message's or label's id."""

    verb: str
    path: str
    method: str
    user: str
    id: str
    query: Query
    token: str = field(repr=False)
    gzip: bool
    damage: str = ""

    @property
    def reads(self) -> bool:
        """Whether the request only reads; batches and uploads are POSTs and so don't."""
        return self.verb in {"GET", "HEAD", "OPTIONS"}


def read_call(verb: str, path: str, query: bytes, headers: Mapping[bytes, bytes]) -> Call:
    """Return the call an HTTP request stands for; `path` is percent-encoded, header names are lower-case."""
    parts = tuple(unquote(part) for part in path.strip("/").split("/"))
    user, rest = (parts[3], parts[4:]) if parts[:3] == _PREFIX and len(parts) > len(_PREFIX) else ("", ())
    pattern = (rest[0], "*") if len(rest) == 2 and rest[0] in {"messages", "labels"} else rest  # noqa: PLR2004
    return Call(
        verb=verb,
        path=path,
        method=_METHODS.get(pattern, "") if verb == "GET" else "",
        user=user,
        id=rest[1] if "*" in pattern else "",
        query=parse_qs(query.decode("latin-1"), keep_blank_values=True),
        token=_bearer(headers.get(b"authorization", b"")),
        # Google compresses only for clients that say "gzip" twice (performance page of the Gmail API).
        gzip=b"gzip" in headers.get(b"accept-encoding", b"") and b"gzip" in headers.get(b"user-agent", b"").lower(),
    )


def _bearer(header: bytes) -> str:
    kind, _, token = header.decode("latin-1").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def one(query: Query, name: str, default: str = "") -> str:
    """Return a parameter's value; the last one counts."""
    return query[name][-1] if query.get(name) else default


def flag(query: Query, name: str) -> bool:
    """Return a boolean parameter. Raises Refused 400 for anything but true and false."""
    value = one(query, name, "false").lower()
    if value not in {"true", "false"}:
        raise refusal("invalidArgument", f"Invalid value for {name}")
    return value == "true"


def page_size(query: Query) -> int:
    """Return maxResults: 100 if not given, 500 at most, as messages.list and history.list document."""
    value = one(query, "maxResults", "100")
    if not value.isdecimal() or int(value) < 1:
        raise refusal("invalidArgument", "Invalid maxResults")
    return min(int(value), 500)


def message_number(text: str) -> int:
    """Return a message id as an integer.

    Raises:
        Refused: 400 when it is not hexadecimal; 404 when it begins with a zero, for no id of Gmail's does.
    """
    if not 0 < len(text) <= _ID_DIGITS or any(digit not in "0123456789abcdef" for digit in text):
        raise refusal("invalidArgument", "Invalid id value")
    if text.startswith("0"):
        raise refusal("notFound")
    return int(text, 16)
