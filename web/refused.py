"""Why a launch was refused, for who builds the button that launches: shown in test mode, and nowhere else.

Customers read one plain notice whatever the reason; the log has the code. With `panel.test_mode` the page names the
code, the part of the launch that it is about, and what that should be. It repeats nothing that was sent.
"""

from http import HTTPStatus

from starlette.responses import Response

from web.launch_token import LEEWAY_SECONDS, LONGEST_SECONDS, SECRET_ALGORITHMS, TYPE, LaunchRefused
from web.notices import shown
from web.views.host import Host
from web.views.notice import notice

WHY: dict[str, tuple[str, str]] = {
    "origin-foreign": (
        "header Origin",
        """It must be one of panel.origins: scheme, host and any port, as browsers send it. They send null from a page
        whose Referrer-Policy is no-referrer or same-origin, and from a sandboxed frame: let the page with the button
        say strict-origin-when-cross-origin.""",
    ),
    "no-navigation": (
        "headers Sec-Fetch-Mode, Sec-Fetch-Dest",
        "A form must post the launch and take the whole tab along; no script's request and no frame.",
    ),
    "token-unreadable": ("field launch", "It must be a compact JWS (RFC 7515 §7.1), or a code made over the API."),
    "token-unexpected": ("field launch", "It is signed, but panel.issuer and panel.keys_file are not set."),
    "algorithm-wrong": ("header alg", "It must be Ed25519, or EdDSA as older libraries call it."),
    "header-wrong": ("headers typ, kid", f"typ must be {TYPE}, and there must be nothing beside alg, typ and kid."),
    "key-unknown": ("header kid", "No key of panel.keys_file has this name."),
    "signature-wrong": ("signature", "It was not made by the key that kid names, or something was changed afterwards."),
    "issuer-wrong": ("claim iss", "It must be panel.issuer."),
    "audience-wrong": ("claim aud", "It must be, or hold, panel.audience; web.url where that is not set."),
    "claim-malformed": (
        "claim {claim}",
        """It is missing or has another form: iat and exp are seconds since 1970, sub has up to 64 letters, digits,
        dots, dashes and underscores, mailbox is an address, jti is 16 to 128 printable characters, secret is a JWE.""",
    ),
    "lifetime-wrong": ("claims iat, exp", f"exp must be after iat, by {LONGEST_SECONDS} seconds at most."),
    "expired": (
        "claims iat, exp",
        f"""It has run out, or begins in the future; clocks may differ by {LEEWAY_SECONDS} seconds. Make the launch when
        the button is pressed, and keep both clocks right (NTP).""",
    ),
    "used-before": ("claim jti", "Each launch is good once: make another one, with a jti of its own, for each press."),
    "code-unknown": ("field launch", "The code was used before, has run out after a minute, or was never made here."),
    "secret-missing": ("claim secret", "Without panel.master_user each launch must bring the mailbox's password."),
    "secret-unexpected": ("claim secret", "panel.secret_key_file is not set, so no secret can be opened."),
    "secret-unreadable": (
        "claim secret",
        f"""It must be a compact JWE ({", ".join(SECRET_ALGORITHMS)}) to the key that /api/v1/launches/terms tells, and
        hold a JSON object with the member password.""",
    ),
}
"""Code -> the part of the launch that it is about, and what that should be."""


def developers_page(host: Host, refused: LaunchRefused) -> Response:
    """Return the page that tells the panel's developer why a launch was refused."""
    about, should = (" ".join(text.format(claim=refused.claim).split()) for text in WHY[refused.code])
    words = f"{refused.code} ({about}): {should} Customers see a plain notice instead when panel.test_mode is off."
    return shown("notice.html", notice(host, "Test mode: this launch was refused", words), HTTPStatus.FORBIDDEN)
