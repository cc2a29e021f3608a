"""Launches over the API: one made here for a customer, or what a panel must know that signs its own."""

from datetime import UTC, datetime

from fastapi import APIRouter, Depends

from web import minted
from web.api.doors import ApiDoors, IdempotencyKey, caller
from web.api.idempotency import once
from web.api.links import to_customer
from web.api.models import LaunchMade, LaunchTerms, LaunchWish, SecretTerms, SignedTerms
from web.api.problems import ALWAYS, Refused, answers
from web.api.tokens import Scope, ServiceToken
from web.askedfirst import AskedFirst
from web.launch import FIELD
from web.launch_token import ALGORITHMS, LONGEST_SECONDS, SECRET_ALGORITHMS, TYPE, Terms

_CLAIMS = ["iss", "aud", "sub", "jti", "iat", "exp", "mailbox"]


def launching_routes(doors: ApiDoors) -> APIRouter:
    """Return the routes below `/launches`."""
    routes = APIRouter(prefix="/launches", tags=["launches"], route_class=AskedFirst)
    caller_of = Depends(caller(doors, Scope.LAUNCH))
    refusals = answers(*ALWAYS, "same-request-under-way", "key-used-otherwise", "password-needed")

    @routes.post("", status_code=201, responses={**refusals, 201: to_customer()})
    def create_launch(wish: LaunchWish, token: ServiceToken = caller_of, key: IdempotencyKey = None) -> LaunchMade:
        """Make a launch that is good once, for a minute: have the customer's browser post it by a form."""
        if wish.password is None and not doors.panel.master_user:
            raise Refused("password-needed")
        return once(doors, token, key, wish.model_dump_json(), LaunchMade, lambda: _made(doors, wish))

    @routes.get("/terms", dependencies=[caller_of], responses=answers(*ALWAYS))
    def read_launch_terms() -> LaunchTerms:
        """Read where launches are posted to, from where, and how a panel signs its own."""
        signed = _signed(doors.panel.terms) if doors.panel.terms else None
        return LaunchTerms(url=doors.launch_url, field=FIELD, origins=sorted(doors.panel.origins), signed=signed)

    return routes


def _made(doors: ApiDoors, wish: LaunchWish) -> LaunchMade:
    code, ends = minted.mint(doors.keys, doors.vault, wish.customer, wish.mailbox, wish.password)
    return LaunchMade(url=doors.launch_url, field=FIELD, code=code, ends_at=datetime.fromtimestamp(int(ends), UTC))


def _signed(terms: Terms) -> SignedTerms:
    return SignedTerms(
        algs=list(ALGORITHMS),
        typ=TYPE,
        iss=terms.issuer,
        aud=terms.audience,
        claims=_CLAIMS,
        longest_seconds=LONGEST_SECONDS,
        secret=_secret(terms),
    )


def _secret(terms: Terms) -> SecretTerms | None:
    if terms.secret_key is None:
        return None
    alg, enc = SECRET_ALGORITHMS
    public = terms.secret_key.as_dict(private=False)
    return SecretTerms(alg=alg, enc=enc, jwk={name: str(public[name]) for name in ("kty", "crv", "x")})
