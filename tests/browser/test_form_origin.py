"""Browsers without Fetch Metadata are known by the Origin of their forms, so our pages have to let them send it.

A page's Referrer-Policy of `no-referrer` makes it `null` (Fetch Standard, "append a request Origin header").
"""

from conftest import OpenWindow
from premises import Premises
from walk import sign_in


def test_a_form_says_which_site_it_is_from(there: Premises, open_window: OpenWindow) -> None:
    with open_window(*there.origins) as opened:
        page = opened.page()
        with page.expect_request(lambda request: request.method == "POST") as sent:
            sign_in(page, there, there.new_user())
        assert sent.value.all_headers()["origin"] == there.origin
