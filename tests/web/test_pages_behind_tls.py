"""The whole wizard where the stores are reached by TLS, each process under the user of its role."""

from pathlib import Path

from inn import inn
from servers.fixtures import StartServer
from servers.guarded import Guarded
from stand_in import Google
from wizard_steps import LAYOUT, ROOT, started

from emulator.servers.instance import Limits
from jobs.migration import State


def test_the_pages_and_a_worker_do_an_import_under_their_own_users(
    guarded: Guarded, start_server: StartServer, tmp_path: Path
) -> None:
    rows = tmp_path / "mailbox.jsonl"
    rows.write_text("\n".join(LAYOUT.read_text().splitlines()[:30]) + "\n")
    Path(f"{rows}.labels.json").write_text(Path(f"{LAYOUT}.labels.json").read_text())
    dovecot = start_server("dovecot", Limits())
    with (
        Google(seed_dir=ROOT / "emulator" / "sample" / "mail", layout=rows) as google,
        inn(tmp_path, google, dovecot, worker=False, store=guarded.settings("web"), audit=guarded.keeper()) as there,
    ):
        home = there.home
        home.use(guarded.client("admin"), guarded.client("admin", store="keys"), guarded.secrets / "master.key")
        own = home.config.read_text().replace("-web.password", "-worker.password")
        home.config.write_text(own.replace("not-given", "workers.key"))
        home.start_worker()
        browser = there.signed_in(dovecot.new_user())
        place = started(browser)
        ended = home.wait(place.removeprefix("/imports/"), seconds=90)
        assert ended.state is State.DONE, (ended, guarded.refusals())
        assert "Your mail has arrived" in browser.get(place).text
        assert browser.get(f"{place}/receipt").status == 200
        assert guarded.refusals() == []
