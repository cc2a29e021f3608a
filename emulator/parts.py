"""A message parsed into Gmail's `MessagePart` tree, for the formats `full` and `metadata`."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection
from email.message import Message as Mail
from email.parser import BytesParser
from email.policy import compat32
from typing import Any

Json = dict[str, Any]


def metadata_payload(raw: bytes, wanted: Collection[str]) -> Json:
    """Return the payload of `format=metadata`: the type and the headers, only those in `wanted` if there are any."""
    mail = BytesParser(policy=compat32).parsebytes(raw, headersonly=True)
    names = {name.lower() for name in wanted}
    headers = [header for header in _headers(mail) if not names or header["name"].lower() in names]
    return {"mimeType": mail.get_content_type(), "headers": headers}


def full_payload(raw: bytes) -> Json:
    """Return the payload of `format=full`; every body stands inside (`body.data`), none as an attachment id."""
    return _part(BytesParser(policy=compat32).parsebytes(raw), "")


def snippet(payload: Json) -> str:
    """Return the first 100 characters of the first text part."""
    if payload["mimeType"].startswith("text/"):
        text = urlsafe_b64decode(payload["body"].get("data", "")).decode("utf-8", "replace")
        return " ".join(text.split())[:100]
    return next((snippet(part) for part in payload.get("parts", ())), "")


def _part(mail: "Mail[str, str]", number: str) -> Json:
    part: Json = {
        "partId": number,
        "mimeType": mail.get_content_type(),
        "filename": mail.get_filename() or "",
        "headers": _headers(mail),
    }
    if mail.is_multipart():
        children = mail.get_payload()
        prefix = f"{number}." if number else ""
        part["body"] = {"size": 0}
        part["parts"] = [_part(child, f"{prefix}{at}") for at, child in enumerate(children)]
    else:
        body = mail.get_payload(decode=True)
        data = body if isinstance(body, bytes) else b""
        part["body"] = {"size": len(data), "data": urlsafe_b64encode(data).decode()}
    return part


def _headers(mail: "Mail[str, str]") -> list[dict[str, str]]:
    return [{"name": name, "value": _text(value)} for name, value in mail.raw_items()]


def _text(value: str) -> str:
    # compat32 keeps foreign bytes as surrogates; JSON can't carry those.
    return str(value).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
