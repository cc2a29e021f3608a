"""Which receiver the configuration names, and the thread that tells it."""

import threading
from pathlib import Path

import click
import pytest
import tenacity
from receiver import WRITTEN_SECRET, Receiver, place_for_receiver, receiving
from redis import Redis
from storeurls import url_of

from app.config import Config
from app.telling import hook_of, telling
from jobs.migration import State
from jobs.requests import create
from jobs.slice import advance, ended
from jobs.tickets import claim, release


def configured(tmp_path: Path, secret: str = WRITTEN_SECRET, **rest: str) -> Config:
    (tmp_path / "secret").write_text(f"{secret}\n")
    hook = {"url": "https://panel.example/hooks", "secret_file": str(tmp_path / "secret"), **rest}
    return Config.model_validate({"hook": hook})


def test_the_receiver_is_that_of_the_configuration(tmp_path: Path) -> None:
    hook = hook_of(configured(tmp_path, ca_file="/ca.pem"))
    assert hook is not None
    assert (hook.url, hook.ca_file) == ("https://panel.example/hooks", Path("/ca.pem"))
    assert WRITTEN_SECRET not in repr(configured(tmp_path))
    assert hook_of(Config()) is None


@pytest.mark.parametrize(
    ("settings", "secret", "said"),
    [
        ({"url": "http://panel.example/"}, WRITTEN_SECRET, "https"),
        ({"url": ""}, WRITTEN_SECRET, "needed together"),
        ({"secret_file": ""}, WRITTEN_SECRET, "needed together"),
        ({"secret_file": "/nowhere"}, WRITTEN_SECRET, "hook.secret_file: cannot read"),
        ({}, "canary", "whsec_"),
        ({}, "whsec_Y2FuYXJ5", "24 bytes"),
    ],
)
def test_what_cannot_be_used_is_said_at_the_start_without_the_secret(
    tmp_path: Path, settings: dict[str, str], secret: str, said: str
) -> None:
    with pytest.raises(click.ClickException, match=said) as caught:
        hook_of(configured(tmp_path, secret, **settings))
    assert "canary" not in caught.value.message


def done(redis: Redis) -> None:
    create(redis, "c1")
    for end in (advance(State.FINISHING), ended(State.DONE)):
        claimed = claim(redis, 30)
        assert claimed
        release(redis, claimed.id, claimed.token, end)


def test_while_the_block_runs_the_receiver_is_told_and_not_afterwards(redis: Redis) -> None:
    with place_for_receiver() as place, receiving(place) as panel:
        with telling(panel.hook, url_of(redis), threading.Event()):
            done(redis)
            tenacity.Retrying(stop=tenacity.stop_after_delay(60), wait=tenacity.wait_fixed(0.05), reraise=True)(
                heard, panel, 1
            )
        assert "webhooks" not in {thread.name for thread in threading.enumerate()}
        done(redis)
        assert len(panel.heard) == 1


def heard(panel: Receiver, count: int) -> None:
    assert len(panel.heard) == count


def test_a_receiver_that_does_not_answer_holds_up_no_stop(redis: Redis) -> None:
    with place_for_receiver() as place:
        place.listen()
        done(redis)
        with telling(Receiver(place.getsockname()).hook, url_of(redis), threading.Event()):
            line, _ = place.accept()
        begun = [thread for thread in threading.enumerate() if thread.name == "webhooks"]
        assert [thread.daemon for thread in begun] == [True]
        line.close()
    for thread in begun:
        thread.join(60)
        assert not thread.is_alive()


def test_without_a_receiver_nothing_is_started(redis: Redis) -> None:
    with telling(None, url_of(redis), threading.Event()):
        assert "webhooks" not in {thread.name for thread in threading.enumerate()}
