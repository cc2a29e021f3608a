"""Who may act is asked before anything of a form is read: nobody here sends the body he promises."""

import http.client
from urllib.parse import urlsplit

import pytest
from front_desk import FORM, Visitor, enlist, seated

from app.stores import Stores
from web.operator.rights import Role
from web.operator.session import Stage

IMPORT = f"/imports/{'0' * 32}"


def answer_without_a_body(visitor: Visitor, path: str) -> tuple[int, str]:
    """Say that a form of 60 KB follows, send none, and return what is answered all the same."""
    connection = http.client.HTTPConnection(urlsplit(visitor.url).netloc, timeout=10)
    try:
        connection.putrequest("POST", path)
        sent = {"Sec-Fetch-Site": "same-origin", "Content-Type": FORM, "Content-Length": "60000"}
        sent |= {"Cookie": "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())}
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.getheader("location") or ""
    finally:
        connection.close()


@pytest.mark.parametrize(
    "path",
    [
        *("/people", "/people/x/role", f"{IMPORT}/act", "/imports/bulk", "/step-up", "/step-up/sso"),
        *("/signin/code", "/audit/verify"),
    ],
)
def test_nobody_is_sent_to_sign_in_before_the_form_is_read(path: str, stores: Stores, url: str) -> None:
    _ = stores
    assert answer_without_a_body(Visitor(url), path) == (303, "/signin")


def test_who_is_halfway_in_or_may_only_look_gets_no_further(stores: Stores, url: str) -> None:
    ann = enlist(stores, "ann", Role.VIEWER)
    assert answer_without_a_body(seated(stores, url, ann, Stage.HALFWAY), "/people") == (303, "/signin/code")
    assert answer_without_a_body(seated(stores, url, ann), "/people") == (403, "")
