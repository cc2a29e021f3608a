"""The consent page, and the plain error page Google shows when a request for consent is wrong."""

from collections.abc import Iterable, Mapping
from html import escape

_MEANING = {
    "https://www.googleapis.com/auth/gmail.readonly": "View your email messages and settings",
    "https://www.googleapis.com/auth/gmail.metadata": "View your email message metadata such as labels and headers, "
    "but not the email body",
    "https://mail.google.com/": "Read, compose, send, and permanently delete all your email from Gmail",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 sans-serif; max-width: 32rem; margin: 3rem auto; padding: 0 1rem; color: #1f1f1f; }}
main {{ border: 1px solid #747775; border-radius: 8px; padding: 1.5rem 2rem; }}
button {{ font: inherit; padding: .5rem 1.5rem; margin-right: 1rem; }}
small {{ color: #444746; overflow-wrap: anywhere; }}
</style>
</head>
<body><main>
{body}
</main></body>
</html>
"""


def consent_page(
    client: str, accounts: Iterable[str], chosen: str, scopes: Iterable[str], query: Mapping[str, str]
) -> str:
    """Return the page that asks for consent: a plain form with Allow and Deny.

    `chosen` is the account selected beforehand; `query` is carried along unchanged.
    """
    hidden = "\n".join(_hidden(name, value) for name, value in query.items())
    choice = "\n".join(_choice(address, checked=address == chosen) for address in accounts)
    asked = "\n".join(
        f"<li>{escape(_MEANING.get(scope, scope))}<br><small>{escape(scope)}</small></li>" for scope in scopes
    )
    body = f"""<p><small>This is the local stand-in for Google. No real account is involved.</small></p>
<h1>{escape(client)} wants access to your Google Account</h1>
<form method="post">
{hidden}
<fieldset><legend>Account</legend>
{choice}
</fieldset>
<p>This will allow <strong>{escape(client)}</strong> to:</p>
<ul>
{asked}
</ul>
<button type="submit" name="decision" value="deny">Deny</button>
<button type="submit" name="decision" value="allow">Allow</button>
</form>"""
    return _PAGE.format(title="Sign in - stand-in for Google", body=body)


def error_page(error: str, status: int) -> str:
    """Return the page for a request that may not be sent back to the application."""
    body = f"<h1>Access blocked</h1>\n<p>Error {status}: {escape(error)}</p>"
    return _PAGE.format(title="Error", body=body)


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'


def _choice(address: str, *, checked: bool) -> str:
    mark = " checked" if checked else ""
    box = f'<input type="radio" name="account" value="{escape(address)}"{mark} required>'
    return f"<p><label>{box} {escape(address)}</label></p>"
