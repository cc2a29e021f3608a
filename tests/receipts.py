"""Receipts for tests: one that says a bit of everything, and a key to sign it with."""

import base64
import json
from pathlib import Path
from typing import Any

from migrator.receipt import (
    CONFIRMED_HOW,
    LIMITS,
    Access,
    Audit,
    Discarded,
    Policy,
    Read,
    Receipt,
    Retained,
    Software,
    StaffAct,
    Written,
    moment,
)
from migrator.signingkeys import SigningKey

BEGAN = 1_780_000_000.0


def sample(**changes: Any) -> Receipt:
    """Return a receipt; keywords replace its values."""
    values: dict[str, Any] = {
        "format": 1,
        "receipt": "b" * 32,
        "migration": "a" * 32,
        "issuer": "https://mail.example",
        "issued": moment(BEGAN + 3600),
        "end": "done",
        "began": moment(BEGAN),
        "ended": moment(BEGAN + 3600),
        "read": Read("https://www.googleapis.com/auth/gmail.readonly", {"users.messages.get": 312}),
        "written": Written(
            mailbox="imap.example:993",
            tls="TLSv1.3 TLS_AES_256_GCM_SHA384",
            messages=312,
            outcomes={"copied": 300, "skipped (chat)": 12},
            without_outcome=0,
            folders={"INBOX": 200, "Büro/2019 alt": 100},
            bytes=4_000_000,
            verified={"found": 300, "identical": 300, "altered": 0, "missing": 0},
        ),
        "contacted": ("gmail.googleapis.com:443", "imap.example:993"),
        "access": Access("confirmed", CONFIRMED_HOW, moment(BEGAN + 3590), 1, advice=""),
        "discarded": Discarded(moment(BEGAN + 3595), moment(BEGAN + 3596), moment(BEGAN + 3597), ("the grant",)),
        "staff_access": (StaffAct(moment(BEGAN + 60), "looked", "support-case"),),
        "retained": (Retained("the signed receipt", "to fetch it", "the customer", moment(BEGAN + 90_000)),),
        "policy": Policy("2026-10", "https://mail.example/privacy"),
        "software": Software("gmail-migrator", "0.1.0"),
        "audit": Audit(f"17:{'c' * 64}"),
        "limits": LIMITS,
    }
    return Receipt(**{**values, **changes})


def new_key(folder: Path, name: str = "receipt.key") -> SigningKey:
    """Return a fresh key, written into the folder."""
    return SigningKey.make(folder / name)


def part(text: str, number: int) -> bytes:
    """Return one part of a signed receipt, decoded."""
    piece = text.split(".")[number]
    return base64.urlsafe_b64decode(piece + "=" * (-len(piece) % 4))


def coded(blob: bytes | dict[str, Any]) -> str:
    """Return bytes, or a dictionary as JSON, as one part of a signed receipt."""
    blob = blob if isinstance(blob, bytes) else json.dumps(blob, ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(blob).rstrip(b"=").decode()
