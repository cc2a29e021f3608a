"""The console and the metrics under the stores' users for them: deploy/redis says what these may do."""

from pathlib import Path

import pytest
from audit_keeping import keep
from front_desk import Visitor, config_of, enlist, open_console, seated
from night import Night, populate
from servers.guarded import Guarded

from app.config import Store
from app.metrics import Installation, text_of
from app.stores import Stores
from app.storeurls import configured_urls
from jobs.migration import State, part_key
from jobs.permission import Field, give
from jobs.requests import read
from jobs.slice import wait
from migrator.hold import FAILED_MESSAGES
from migrator.outcome import Mark
from web.operator.rights import Role

PAGES = ("/", "/overview/live", "/imports", "/imports/live", "/audit", "/data", "/data/live", "/people")


@pytest.fixture
def guarded_by_role(guarded: Guarded) -> Stores:
    urls = configured_urls(Store.model_validate(guarded.settings("console")))
    return Stores(urls, guarded.secrets / "master.key")


def test_every_page_and_act_of_the_console_works_under_its_user(
    guarded: Guarded, guarded_by_role: Stores, tmp_path: Path
) -> None:
    stores = guarded_by_role
    with guarded.client("admin") as admin, open_console(config_of(stores, tmp_path), stores) as url:
        ids = with_failures(Night(admin))
        ann = seated(stores, url, enlist(stores, "ann", Role.ADMIN))
        for page in (*PAGES, *(f"/imports/{one}{live}" for one in ids.values() for live in ("", "/live"))):
            assert ann.get(page).status == 200, (page, guarded.refusals())
        acts_of(guarded, ann, ids)
        give(admin, ids["copying"], tuple(Field))
        assert ann.post(f"/imports/{ids['copying']}/look").status == 200, guarded.refusals()
        assert read(admin, ids["ready"]).state is State.PAUSED
        assert read(admin, ids["refused"]).state is State.COPYING
        assert read(admin, ids["full"]).phase is State.FINISHING
        assert admin.exists(part_key(ids["refused too"], "retry"), part_key(ids["held"], "finish")) == 2
    assert guarded.refusals() == []


def with_failures(night: Night) -> dict[str, str]:
    """Fill the store, messages that failed among it, and with an import that is held because of some."""
    ids = populate(night)
    ids["held"] = night.step(night.copying(customer="c-86"), wait(night.now + 3600, FAILED_MESSAGES))
    for name in ("refused too", "held"):
        night.filed(ids[name], {"INBOX": 4}, {Mark.COPIED: 4, Mark.FAILED_REFUSED: 2})
    return ids


def acts_of(guarded: Guarded, ann: Visitor, ids: dict[str, str]) -> None:
    """Press what there is to press."""
    acts = {"ready": "pause", "refused": "resume", "full": "cancel", "quota": "expire"}
    acts |= {"refused too": "retry", "held": "finish"}
    pressed = [(f"/imports/{ids[name]}/act", {"what": what}) for name, what in acts.items()]
    pressed += [
        (f"/imports/{ids['rests']}/ask", {"field": "folder-names"}),
        ("/imports/bulk", {"what": "resume", "ids": ids["reconnect"]}),
        ("/people", {"name": "ben", "role": "viewer"}),
        ("/audit/verify", {}),
    ]
    for path, form in pressed:
        assert ann.post(path, **form).status in {200, 303}, (path, guarded.refusals())


def test_the_exporter_tells_everything_under_its_user(guarded: Guarded, tmp_path: Path) -> None:
    with guarded.client("admin") as admin, guarded.client("keeper") as keeper:
        populate(Night(admin))
        keep(keeper, tmp_path)
    with guarded.client("metrics") as state, guarded.client("metrics", database=1) as broker:
        told = text_of(Installation(state, broker, "default"))
    assert b"migrator_audit_whole 1.0" in told
    assert guarded.refusals() == []
