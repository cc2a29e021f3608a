"""What operators do to imports: which acts there are, what each means, and why one was not done."""

from typing import get_args

from jobs.acts import What, helps
from jobs.migration import Migration

ACT_NAMES: tuple[What, ...] = get_args(What)

MEANINGS: dict[str, str] = {
    "resume": "Each goes on where it stopped, as soon as a worker is free. What held it up is tried again.",
    "pause": "Each rests until somebody resumes it; messages under way are finished first. After 71 hours without "
    "progress it is ended.",
    "cancel": "Each is brought to its end: Google's access is given back and the key destroyed. What was copied stays. "
    "This can't be taken back; a customer may begin again, and nothing comes twice.",
    "expire": "Each is ended as if its 71 hours without progress were over: Google's access is given back and the key "
    "destroyed. What was copied stays. This can't be taken back.",
    "retry": "Messages that failed are opened again, and each import goes on with them.",
    "finish": "Each import that is held because messages failed finishes without them: Google's access is given back. "
    "The messages stay in Gmail. This can't be taken back; a customer may begin again, and nothing comes twice.",
}

WHY_NOT: dict[str, str] = {
    "not-now": "Its state does not allow it, or it would change nothing.",
    "unknown": "There is no such import any more.",
    "audit-broken": "The audit log is damaged, so nothing is done. Verify it on the page Audit.",
    "audit-busy": "The audit log was too busy, so nothing was done. Try again.",
}


def helpful(migration: Migration) -> tuple[What, ...]:
    """Return the acts that would change something, as buttons offer them."""
    return tuple(name for name in ACT_NAMES if helps(migration, name))


def why_not(code: str) -> str:
    """Return why an act was not done, in a sentence."""
    return WHY_NOT.get(code, code)
