"""What can go wrong between the customer's consent and the end of the grant.

GrantError
├── ConsentDenied        the customer pressed "Cancel" at Google
├── ConsentNotOurs       state or verifier do not belong to this consent
├── ScopeMismatch        Google granted more or less than was asked for (the grant was revoked)
├── CodeRefused          Google did not take the code (used twice, expired)
├── GoogleSilent         Google could not be reached to exchange the code
└── SealBroken           a sealed value cannot be opened: its key is gone or it was moved
"""


class GrantError(Exception):
    """Root of the tree; the text never holds a token, a code or an address."""

    code = "grant"

    def __str__(self) -> str:
        return self.code


class ConsentDenied(GrantError):
    """The customer said no at Google."""

    code = "consent-denied"


class ConsentNotOurs(GrantError):
    """The answer does not belong to the consent that was begun here."""

    code = "consent-not-ours"


class ScopeMismatch(GrantError):
    """What was granted is not exactly `gmail.readonly`."""

    code = "scope-mismatch"


class CodeRefused(GrantError):
    """Google refused to exchange the code for tokens."""

    code = "code-refused"


class GoogleSilent(GrantError):
    """Google could not be reached, or broke off."""

    code = "google-silent"


class SealBroken(GrantError):
    """A sealed value cannot be opened."""

    code = "seal-broken"
