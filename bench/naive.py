"""What one writes first: get one message, append it, get the next."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime

from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from imapclient import IMAPClient


def copy(url: str, token: str, ids: Sequence[str], host: str, port: int, user: str, password: str) -> int:
    """Copy messages into the inbox one by one, each library used as its first example shows; return how many."""
    credentials = Credentials(token)  # type: ignore[no-untyped-call] # google-auth has no type hints
    service = build("gmail", "v1", credentials=credentials, static_discovery=True, client_options={"api_endpoint": url})
    with IMAPClient(host, port, ssl=False) as mailbox:
        mailbox.login(user, password)
        for message_id in ids:
            message = service.users().messages().get(userId="me", id=message_id, format="raw").execute()
            raw = base64.urlsafe_b64decode(message["raw"])
            date = datetime.fromtimestamp(int(message["internalDate"]) / 1000, UTC)
            mailbox.append("INBOX", raw, msg_time=date)
    service.close()
    return len(ids)
