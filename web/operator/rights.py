"""Who may do what in the console: every route names its need, and whoever does not meet it gets no further.

    @routes.get("/imports")
    def list_(member: Viewer) -> Response: ...

    @routes.post("/imports/{migration}/resume")
    def resume(migration: str, member: Acting) -> Response: ...

A site with a route that names none, or two, is not served (`web.operator.routes`).
"""

import time
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal

from fastapi import Depends, Request

from jobs.audit import Actor, staff

STEP_UP_SECONDS = 300
_SKEW_SECONDS = 5
"""So much the clocks of two consoles may differ; what was entered later than that was before a clock was set back."""
"""A second factor entered so long ago, or less, is good enough for an act."""


class Role(StrEnum):
    """What somebody may do; each may do what those before may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def reaches(self, other: "Role") -> bool:
        """Tell whether this role may do what the other one may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True)
class Member:
    """Somebody of the staff who has signed in with both factors.

    Attributes:
        id: the opaque name, 32 hex digits, by which the audit log knows him.
        name: shown on pages alone.
        role: what he may do.
        via: how he signed in.
        stepped_up_at: when he last entered his second factor, in seconds since the epoch.
    """

    id: str
    name: str
    role: Role
    via: Literal["local", "sso"]
    stepped_up_at: float

    @cached_property
    def actor(self) -> Actor:
        """Who the audit log says has acted."""
        return staff(self.id)

    def is_fresh(self, now: float) -> bool:
        """Tell whether the second factor was entered recently enough for an act."""
        return -_SKEW_SECONDS <= now - self.stepped_up_at <= STEP_UP_SECONDS


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose session a request has: nobody's, that of somebody `halfway` in (password, no second factor), a member's."""

    member: Member | None = None
    halfway: bool = False


class SignInFirst(Exception):
    """Nobody is signed in."""


class CodeFirst(Exception):
    """The password was given, the second factor was not."""


class StepUpFirst(Exception):
    """The second factor was entered too long ago for an act."""


class NotAllowed(Exception):
    """The member's role does not reach that far."""


class SignedInAlready(Exception):
    """A step of signing in was asked for by somebody who has signed in."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a route needs of whoever asks; a FastAPI dependency that returns the member.

    Attributes:
        name: in one word or two, unlike the others'.
        role: the least role; None where none is needed.
        stepped_up: the second factor must have been entered at most `STEP_UP_SECONDS` ago.
        quiet: asking does not put off the end of a session that rests: for what pages fetch by themselves.
        halfway: for somebody who has given the password and not the second factor.
    """

    name: str
    role: Role | None = None
    stepped_up: bool = False
    quiet: bool = False
    halfway: bool = False

    def __call__(self, request: Request) -> Member | None:
        """Let a request through or raise why not."""
        if self.role is None and not self.halfway:
            return None
        identity: Identity = request.app.state.identify(request, quiet=self.quiet)
        return self.admit(identity, time.time())

    def admit(self, identity: Identity, now: float) -> Member | None:
        """Return the member who may pass, or None where it takes no member.

        Raises:
            SignInFirst, CodeFirst, SignedInAlready, NotAllowed, StepUpFirst: whoever asks does not meet the need.
        """
        if self.halfway:
            _check_halfway(identity)
        if self.role is None:
            return None
        member = _a_member(identity)
        if not member.role.reaches(self.role):
            raise NotAllowed
        if self.stepped_up and not member.is_fresh(now):
            raise StepUpFirst
        return member


def _a_member(identity: Identity) -> Member:
    if identity.member is None:
        raise CodeFirst if identity.halfway else SignInFirst
    return identity.member


def _check_halfway(identity: Identity) -> None:
    if identity.member is not None:
        raise SignedInAlready
    if not identity.halfway:
        raise SignInFirst


anybody = Need("anybody")
halfway = Need("halfway", halfway=True)
viewer = Need("viewer", Role.VIEWER)
watcher = Need("watcher", Role.VIEWER, quiet=True)
operator = Need("operator", Role.OPERATOR)
act = Need("act", Role.OPERATOR, stepped_up=True)
admin = Need("admin", Role.ADMIN)
admin_act = Need("admin act", Role.ADMIN, stepped_up=True)

OPEN = Depends(anybody)
"""For `dependencies=[OPEN]`: a route that anybody may ask, and that looks for itself at whom it answers."""

HALFWAY = Depends(halfway)
"""For `dependencies=[HALFWAY]`: between password and second factor."""

Viewer = Annotated[Member, Depends(viewer)]
"""Whoever may look."""

Watcher = Annotated[Member, Depends(watcher)]
"""The same for live parts of pages, which a page fetches by itself: an unattended screen signs out all the same."""

Operator = Annotated[Member, Depends(operator)]
"""Whoever may act on imports, for pages that prepare an act."""

Acting = Annotated[Member, Depends(act)]
"""Whoever acts on imports: the second factor is fresh."""

Admin = Annotated[Member, Depends(admin)]
"""Whoever may look after members."""

AdminActing = Annotated[Member, Depends(admin_act)]
"""Whoever acts on members: the second factor is fresh."""
