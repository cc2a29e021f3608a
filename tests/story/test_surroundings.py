"""A long TMPDIR that others clear, and a proxy in the environment: an import does not depend on either."""

import json
import shutil
from pathlib import Path

from story.layouts import Install, Layout

from emulator.servers.instance import Server
from jobs.migration import State


def test_an_import_is_done_with_a_long_tmpdir_that_is_cleared_and_a_proxy_that_does_not_answer(
    install: Install, small: Layout, dovecot_server: Server, tmp_path: Path
) -> None:
    temporary = tmp_path / ("x" * 100)
    temporary.mkdir()
    home = install(small, dovecot_server)
    home.workers[0].terminate()
    home.workers[0].wait(60)
    proxy = "http://127.0.0.1:9"
    home.start_worker(TMPDIR=str(temporary), http_proxy=proxy, HTTPS_PROXY=proxy)
    migration = home.launch(dovecot_server.new_user())
    home.wait(migration, State.COPYING, State.VERIFYING, State.DONE)
    assert list(temporary.iterdir()) == []
    shutil.rmtree(temporary)
    assert home.wait(migration).state is State.DONE
    said, *lines = (home.folder / "worker-1.log").read_text().splitlines()
    assert said.startswith("The environment names a proxy (HTTPS_PROXY, http_proxy). It is ignored")
    assert {json.loads(line)["level"] for line in lines} == {"info"}
