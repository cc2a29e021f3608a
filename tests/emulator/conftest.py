from collections.abc import Iterator
from pathlib import Path

import pytest
import small_mailbox
from stand_in import Google


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Google, Path, dict[str, object]]]:
    folder = tmp_path_factory.mktemp("mail")
    layout = small_mailbox.write(folder)
    with Google(seed_dir=folder, layout=layout) as google:
        yield google, layout, google.control("settings")


@pytest.fixture
def google(process: tuple[Google, Path, dict[str, object]]) -> Google:
    """The stand-in as if just started: the small mailbox, no limits, no faults, an empty ledger, no grants."""
    google, layout, settings = process
    google.control("grants", {}, verb="DELETE")
    for address in google.control("accounts")["accounts"].keys() - {small_mailbox.ADDRESS}:
        google.control("accounts", {"address": address}, verb="DELETE")
    google.control("settings", settings)
    google.control(
        "accounts", {"address": small_mailbox.ADDRESS, "seed_dir": str(layout.parent), "layout": str(layout)}
    )
    google.control("reset", {})
    return google


@pytest.fixture
def verbatim(google: Google, process: tuple[Google, Path, dict[str, object]]) -> Google:
    """The same, serving the files as they are."""
    layout = process[1]
    wish = {"address": small_mailbox.ADDRESS, "seed_dir": str(layout.parent), "layout": str(layout), "verbatim": True}
    google.control("accounts", wish)
    return google
