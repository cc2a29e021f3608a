"""The console's own people in Chromium: enrolled by a code, signed in, stepped up, looked after."""

import time
from collections.abc import Iterator
from typing import Literal

import idp
import pytest
from axe import faults
from chromium import CLIENT_HEADER, OpenWindow, Window
from consents import emptied, stores_in
from front_desk import PASSWORD, altered, code_now, config_of, enlist, open_console, roster_of
from keyboard import controls, tabbed
from playwright.sync_api import Page
from pyotp import TOTP

from app.stores import Stores
from jobs.audit import TERMINAL
from web.operator import accounts, members
from web.operator.account import Account
from web.operator.rights import STEP_UP_SECONDS, Role
from web.operator.session import COOKIE, Stage, begin

WAYS: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", 1280), ("dark", 320))


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    with stores_in(tmp_path_factory.mktemp("console-stores")) as stores:
        stores.state.config_set("appendfsync", "always")  # so that nobody waits for the disk
        yield stores


@pytest.fixture(scope="module")
def provider() -> Iterator[idp.Provider]:
    with idp.provider() as made:
        made.said = {"groups": ["mail-admins"]}
        yield made


@pytest.fixture(scope="module")
def served(held: Stores, provider: idp.Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("console")
    (folder / "secret").write_text(idp.SECRET)
    sso = {"issuer": provider.url, "client_id": idp.CLIENT, "client_secret_file": folder / "secret"}
    sso |= {"admins": ["mail-admins"]}
    config = config_of(held, folder, client_header=CLIENT_HEADER, sso=sso)
    at = f"http://localhost:{config.console.port}"  # to browsers another site than the provider's
    config = config.model_copy(update={"console": config.console.model_copy(update={"url": at})})
    with open_console(config, held) as url:
        yield url


@pytest.fixture
def stores(held: Stores) -> Stores:
    return emptied(held)


def seat(person: Window, url: str, stores: Stores, name: str = "boss", *, stepped_up: float = 0.0) -> Page:
    """Open a page in a window whose person has signed in as an admin, and stepped up so many seconds ago."""
    account = enlist(stores, name, Role.ADMIN, used_at=time.time())
    session = begin(stores.state, "", Stage.IN, account, stepped_up_at=time.time() - stepped_up)
    person.context.add_cookies(
        [{"name": COOKIE, "value": session.id, "url": url.replace("http:", "https:"), "secure": True}]
    )
    return person.page()


def is_for_everybody(page: Page) -> None:
    """Fail where a page breaks a rule of accessibility, light and wide or dark and narrow, or is wider than a phone."""
    for scheme, width in WAYS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= WAYS[-1][1]
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 800})


def test_somebody_enrols_by_a_code_and_signs_in(served: str, stores: Stores, open_window: OpenWindow) -> None:
    code = members.add(roster_of(stores), TERMINAL, "ann", Role.ADMIN)
    with open_window(served) as person:
        page = person.page()
        page.goto(f"{served}/enrol")
        is_for_everybody(page)
        page.get_by_label("Enrolment code").fill(code)
        page.get_by_role("button", name="Go on").click()
        is_for_everybody(page)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_label("The same again").fill(PASSWORD)
        page.get_by_role("button", name="Go on").click()
        page.get_by_text("Type it instead").click()
        is_for_everybody(page)
        secret = page.locator("details code").inner_text().replace(" ", "")
        page.get_by_label("Code", exact=True).fill(TOTP(secret).now())
        page.get_by_role("button", name="Go on").click()
        page.get_by_role("heading", name="Your recovery codes").wait_for()
        is_for_everybody(page)
        papers = page.locator(".papers code").all_inner_texts()
        page.get_by_role("button", name="Sign out").click()
        sign_in(page, "ann", PASSWORD, papers[0])
        page.goto(f"{served}/people")
        page.get_by_role("heading", name="People").wait_for()
        person.is_clean()


def sign_in(page: Page, name: str, password: str, code: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Sign in").click()


def test_a_wrong_password_and_a_wrong_code_are_said_to_be(served: str, stores: Stores, open_window: OpenWindow) -> None:
    account = enlist(stores, "ann", Role.ADMIN)
    with open_window(served) as person:
        page = person.page()
        page.goto(f"{served}/people")
        page.get_by_label("Name").fill("ann")
        page.get_by_label("Password").fill("some other words")
        page.get_by_role("button", name="Go on").click()
        assert "Not signed in" in page.get_by_role("alert").inner_text()
        is_for_everybody(page)
        sign_in(page, "ann", PASSWORD, "000000")
        assert "Not taken" in page.get_by_role("alert").inner_text()
        is_for_everybody(page)
        page.get_by_label("Code").fill(code_now(account))
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Sign out").wait_for()
        person.is_clean()


def test_an_act_asks_for_the_second_factor_and_is_pressed_again(
    served: str, stores: Stores, open_window: OpenWindow
) -> None:
    with open_window(served) as person:
        page = seat(person, served, stores, stepped_up=STEP_UP_SECONDS + 60)
        ann = enlist(stores, "ann", Role.OPERATOR, used_at=time.time() - 86_400)
        page.goto(f"{served}/people")
        is_for_everybody(page)
        page.get_by_role("link", name="ann").click()
        is_for_everybody(page)
        page.get_by_label("Role", exact=True).select_option("viewer")
        page.get_by_role("button", name="Change").click()
        page.get_by_role("heading", name="Second factor again").wait_for()
        is_for_everybody(page)
        boss = _account(stores, "boss")
        page.get_by_label("Code").fill(code_now(boss))
        page.get_by_role("button", name="Go on").click()
        assert page.url == f"{served}/people/{ann.id}"
        assert _account(stores, "ann").role is Role.OPERATOR, "nothing was done by itself"
        page.get_by_label("Role", exact=True).select_option("viewer")
        page.get_by_role("button", name="Change").click()
        page.get_by_role("heading", name="People").wait_for()
        assert _account(stores, "ann").role is Role.VIEWER
        person.is_clean()


def test_an_admin_adds_resets_and_removes_people(served: str, stores: Stores, open_window: OpenWindow) -> None:
    with open_window(served) as person:
        page = seat(person, served, stores)
        page.goto(f"{served}/people")
        page.get_by_label("Name").fill("eve@example.org")
        page.get_by_label("Role").select_option("operator")
        page.get_by_role("button", name="Add").click()
        page.get_by_role("heading", name="Invitation for eve@example.org").wait_for()
        is_for_everybody(page)
        page.get_by_role("link", name="Done").click()
        page.get_by_role("link", name="eve@example.org").click()
        altered(stores, _account(stores, "eve@example.org"), rests_until=time.time() + 900)
        page.reload()
        page.get_by_role("button", name="Let the person try again").click()
        page.get_by_role("link", name="eve@example.org").click()
        page.get_by_role("button", name="Reset").click()
        page.get_by_role("link", name="Done").click()
        page.get_by_role("link", name="eve@example.org").click()
        page.get_by_role("button", name="Remove").click()
        page.get_by_role("heading", name="People").wait_for()
        assert page.get_by_role("link", name="eve@example.org").count() == 0
        person.is_clean()


def test_a_single_sign_on_leads_out_and_back_and_so_does_stepping_up(
    served: str, stores: Stores, provider: idp.Provider, open_window: OpenWindow
) -> None:
    _ = stores
    provider.said |= {"auth_time": int(time.time()) - STEP_UP_SECONDS - 60}
    with open_window(served, provider.url) as person:
        page = person.page()
        page.goto(f"{served}/signin")
        is_for_everybody(page)
        page.get_by_role("button", name="Sign in by single sign-on").click()
        page.get_by_role("button", name="Sign out").wait_for()
        page.goto(f"{served}/people")
        add(page, "eve")
        provider.said.pop("auth_time")
        page.get_by_role("button", name="Prove it by single sign-on").click()
        page.get_by_role("heading", name="People").wait_for()
        add(page, "eve")
        page.get_by_role("heading", name="Invitation for eve").wait_for()
        person.is_clean()


def add(page: Page, name: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Add").click()


def test_every_control_is_reached_by_keyboard_and_there_are_no_scripts(
    served: str, stores: Stores, open_window: OpenWindow
) -> None:
    with open_window(served) as person:
        page = seat(person, served, stores)
        for path in ("/people", "/step-up"):
            page.goto(f"{served}{path}")
            assert page.locator("script").count() == 0
            assert [one for one in tabbed(page) if 'class="scroll"' not in one] == controls(page)


def _account(stores: Stores, name: str) -> Account:
    found = accounts.by_sign(roster_of(stores), accounts.local(name))
    assert found
    return found
