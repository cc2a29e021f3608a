"""An import whose stores are reached by TLS, under users that may do no more than their role needs."""

from pathlib import Path

from servers.guarded import Guarded
from stand_in import Google
from story.house import house
from story.layouts import Layout

from app.config import Store
from app.storeurls import configured_urls
from emulator.servers.instance import Server
from jobs.migration import State
from jobs.reach import open_store


def test_a_whole_import_runs_under_the_worker_s_user(
    guarded: Guarded, small: Layout, dovecot_server: Server, tmp_path: Path
) -> None:
    with (
        Google(seed_dir=small.folder, layout=small.rows) as google,
        house(tmp_path, google, dovecot_server, store=guarded.settings("worker"), audit=guarded.keeper()) as home,
    ):
        urls = configured_urls(Store.model_validate(guarded.settings("web")))
        home.use(open_store(urls.state, 10), open_store(urls.keys, 10), guarded.secrets / "master.key")
        home.start_worker()
        migration = home.launch(dovecot_server.new_user())
        assert home.wait(migration, seconds=90).state is State.DONE
        assert home.report(migration).adds_up
        assert guarded.refusals() == []
        home.use(guarded.client("admin"), guarded.client("admin", store="keys"), home.master)
