"""Browsers without Fetch Metadata are known by the Origin of their forms, so our pages have to let them send it.

The same holds for the panel's page, whose Origin a launch must have.

A page's Referrer-Policy of `no-referrer` makes it `null` (Fetch Standard, "append a request Origin header").
"""

import pytest
from chromium import OpenWindow
from premises import QUOTA, Premises
from walk import sign_in


@pytest.mark.parametrize(
    ("policy", "status"), [("no-referrer", 403), ("same-origin", 403), ("strict-origin", 303), ("", 303)]
)
def test_a_panel_may_hide_everything_but_its_origin(
    policy: str, status: int, there: Premises, open_window: OpenWindow
) -> None:
    there.panel.sign(f"{there.new_user().name}@{QUOTA}", "customer-of-a-panel")
    said = f'<meta name="referrer" content="{policy}">' if policy else ""
    with open_window(*there.origins, there.panel.origin) as opened:
        tab = opened.page()
        page = said + there.panel.page
        tab.route(f"{there.panel.origin}/", lambda route: route.fulfill(body=page, content_type="text/html"))
        tab.goto(there.panel.origin)
        with tab.expect_response("**/launch") as caught:
            tab.get_by_role("button").click()
        assert caught.value.status == status


def test_a_form_says_which_site_it_is_from(there: Premises, open_window: OpenWindow) -> None:
    with open_window(*there.origins) as opened:
        page = opened.page()
        with page.expect_request(lambda request: request.method == "POST") as sent:
            sign_in(page, there, there.new_user())
        assert sent.value.all_headers()["origin"] == there.origin
