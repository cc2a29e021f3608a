"""What can go wrong between the customer's consent and the end of the grant.

GrantError
├── ConsentDenied        the customer pressed "Cancel" at Google
├── ConsentNotOurs       no such consent was begun here, by this session, within its time; or it was answered before
├── ScopeMismatch        Google granted more or less than was asked for (it was given back)
├── NoRefreshToken       Google granted access for an hour only (it was given back)
├── WrongAccount         another Google account than the expected one
├── NotGivenBack         what must not be kept could not be given back: Google did not confirm it
├── GiveBackPending      what must not be kept is given back once it is known whose account it is
├── AnswerLost           Google's answer to the code was lost: nobody knows whether anything was granted
├── AnswerPending        no answer to the code yet that can be understood; it is asked again
├── AccessForbidden      the account's administrator, or Google, does not allow the access
├── ClientUnusable       Google does not accept the host's OAuth client
├── CodeRefused          Google did not take the code (used twice, expired, another consent's verifier)
├── GoogleSilent         Google could not be reached to exchange the code
├── NotConnected         nothing was kept; `code` is that of Google's refusal, or the log tells more
├── GrantUnreadable      a grant file without a refresh token
├── KeyLost              the migration's key is gone, so a new grant cannot be sealed for it
├── MasterKeyUnusable    the file of master keys cannot be read, or holds something else
├── WorkersKeyUnusable   a file of the workers' keys cannot be read, is not there, or holds something else
└── SealBroken           a sealed value cannot be opened: its key is gone or it was moved
"""


class GrantError(Exception):
    """Root of the tree; the text never holds a token, a code or an address."""

    code = "grant"

    def __init__(self, word: str = "") -> None:
        super().__init__(word)
        self.word = word
        """Google's own word for it, where it has one (`oauth.token_errors`); never other text."""

    def __str__(self) -> str:
        return self.code

    @property
    def told(self) -> str:
        """The code for a log: Google's word follows a colon."""
        return f"{self.code}:{self.word.replace('-', '_')}" if self.word else self.code


class ConsentDenied(GrantError):
    """The customer said no at Google."""

    code = "consent-denied"


class ConsentNotOurs(GrantError):
    """The answer does not belong to a consent that is waited for here."""

    code = "consent-not-ours"


class ScopeMismatch(GrantError):
    """What was granted is not exactly `gmail.readonly`; Google has taken it back."""

    code = "scope-mismatch"


class NoRefreshToken(GrantError):
    """Google gave no refresh token; it has taken back what it gave."""

    code = "no-refresh-token"


class WrongAccount(GrantError):
    """The account that consented is not the one this migration is for."""

    code = "wrong-account"


class NotGivenBack(GrantError):
    """Something was granted that must not be kept, and Google did not confirm that it took it back."""

    code = "not-given-back"


class GiveBackPending(GrantError):
    """Google did not say whose account it is, and giving the access back might end somebody's import of it."""

    code = "give-back-pending"


class AnswerLost(GrantError):
    """The code is used up and its answer was lost: only the customer can see whether anything was granted."""

    code = "answer-lost"


class AnswerPending(GrantError):
    """Google's answers to the code were lost, or none that can be understood; it is asked again later."""

    code = "answer-pending"


class AccessForbidden(GrantError):
    """The account's administrator, or Google, does not allow this client to read Gmail; nothing was granted."""

    code = "google-refused"


class ClientUnusable(GrantError):
    """Google does not accept the host's OAuth client: deleted, disabled, or with another secret or address."""

    code = "google-client-refused"


class CodeRefused(GrantError):
    """Google refused to exchange the code for tokens."""

    code = "code-refused"


class GoogleSilent(GrantError):
    """Google could not be reached, or has no time now; nothing was granted."""

    code = "google-silent"


class NotConnected(GrantError):
    """The process that exchanges failed, or Google did not say whose account it is: then `code` is its refusal's."""

    code = "not-connected"

    def __init__(self, code: str) -> None:
        super().__init__()
        self.code = code


class GrantUnreadable(GrantError):
    """A grant file cannot be read, or holds no refresh token."""

    code = "grant-unreadable"


class KeyLost(GrantError):
    """The migration's key is gone: neither a new grant nor the mailbox's password can be had for it."""

    code = "key-lost"


class MasterKeyUnusable(GrantError):
    """The file of master keys is missing or damaged."""

    code = "master-key-unusable"


class WorkersKeyUnusable(GrantError):
    """A file of the workers' keys is missing or damaged, or this process is not meant to have it."""

    code = "workers-key-unusable"


class SealBroken(GrantError):
    """A sealed value cannot be opened."""

    code = "seal-broken"
